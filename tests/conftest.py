"""Fixtures shared by all tests: the embedded engine of this process, and a real server."""

from collections.abc import Iterator

import pytest

from spanloom_collector.settings import StorageSettings
from spanloom_collector.storage.connect import Engine, open_engine
from tests.support.server import Server, running_server


@pytest.fixture(scope="session", autouse=True)
def own_spool_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep calls of traced programs out of the developer's own spool, and his out of the tests."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SPANLOOM_SPOOL_DIR", str(tmp_path_factory.mktemp("spool")))
        yield


@pytest.fixture(scope="session")
def embedded_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The engine in this process; there can be one folder only, so tests share it."""
    engine = open_engine(StorageSettings(tmp_path_factory.mktemp("engine")))
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running ``spanloom serve``; each test uses a project of its own."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running
