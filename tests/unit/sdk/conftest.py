import signal
import socket
from collections.abc import Iterator

import pytest

import spanloom
from spanloom._api import shared_api
from spanloom._client import state
from spanloom.testing import CapturedCalls, captured_calls
from tests.unit.sdk.sink import Sink


@pytest.fixture(autouse=True)
def own_process_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Leave no client behind, and let no variable of the developer's shell in."""
    for name in ("SPANLOOM_PROJECT", "SPANLOOM_ENDPOINT", "SPANLOOM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPANLOOM_SPOOL_DIR", str(tmp_path_factory.mktemp("spool")))
    on_sigterm = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, on_sigterm)
    spanloom.finish()
    for thread in state.retiring:
        thread.join()
    state.forget_said()
    shared_api.cache_clear()


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    sink.start()
    yield sink
    spanloom.finish()
    sink.stop()


@pytest.fixture
def dead_url() -> str:
    """Return the address of a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def calls() -> Iterator[CapturedCalls]:
    with captured_calls() as captured:
        yield captured
