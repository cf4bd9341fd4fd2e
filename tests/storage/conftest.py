"""Both ways to the engine: every test of this folder that takes ``engine`` runs on each."""

import os
from collections.abc import Iterator

import pytest

from spanloom_collector.settings import StorageSettings
from spanloom_collector.storage.connect import Engine, open_engine
from tests.support.engine_process import running_engine


@pytest.fixture(scope="session")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageSettings]:
    """A ClickHouse server over HTTP: a real one when named, else the engine behind its protocol."""
    folder = tmp_path_factory.mktemp("over-http")
    url = os.environ.get("SPANLOOM_TEST_CLICKHOUSE_URL")
    if url:
        yield StorageSettings(folder, clickhouse_url=url)
        return
    with running_engine(folder) as shim_url:
        yield StorageSettings(folder, clickhouse_url=shim_url)


@pytest.fixture(scope="session")
def server_engine(server_settings: StorageSettings) -> Iterator[Engine]:
    """The engine over HTTP."""
    engine = open_engine(server_settings)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def second_server_engine(
    server_engine: Engine, server_settings: StorageSettings
) -> Iterator[Engine]:
    """Another process's way to the same engine over HTTP."""
    engine = open_engine(server_settings)
    yield engine
    engine.close()


@pytest.fixture(params=["embedded", "server"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """The engine, in this process or over HTTP."""
    fixture: Engine = request.getfixturevalue(f"{request.param}_engine")
    return fixture
