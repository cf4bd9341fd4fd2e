"""Both ways to the engine: every test of this folder that takes ``engine`` runs on each."""

import os
from collections.abc import Iterator

import pytest

from spanloom_collector.settings import StorageSettings
from spanloom_collector.storage.connect import Engine, open_engine
from tests.support.engine_process import running_engine


@pytest.fixture(scope="session")
def server_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A ClickHouse server over HTTP: a real one when named, else the engine behind its protocol."""
    folder = tmp_path_factory.mktemp("over-http")
    url = os.environ.get("SPANLOOM_TEST_CLICKHOUSE_URL")
    if url:
        engine = open_engine(StorageSettings(folder, clickhouse_url=url))
        yield engine
        engine.close()
        return
    with running_engine(folder) as shim_url:
        engine = open_engine(StorageSettings(folder, clickhouse_url=shim_url))
        yield engine
        engine.close()


@pytest.fixture(params=["embedded", "server"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """The engine, in this process or over HTTP."""
    fixture: Engine = request.getfixturevalue(f"{request.param}_engine")
    return fixture
