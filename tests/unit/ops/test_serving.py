"""How a process that serves is told to stop."""

import itertools
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from spanloom_query.serving import Addresses, ServeOptions, serve_until_stopped

_LATER_S = 0.3


@pytest.fixture
def _handlers_restored() -> Iterator[None]:
    tracing = sys.gettrace()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    sys.settrace(tracing)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.timeout(30)
@pytest.mark.usefixtures("_handlers_restored")
@pytest.mark.parametrize("step", range(2, 14, 3))
def test_a_signal_at_any_step_of_the_waiting_stops_the_process(tmp_path: Path, step: int) -> None:
    """One comes in the midst of whatever Python code waits; and one later, should there be none."""
    left = itertools.count(step, -1)
    later = threading.Timer(_LATER_S, signal.pthread_kill, (threading.get_ident(), signal.SIGTERM))

    def strike(_frame: object, _event: str, _argument: object) -> Any:
        if next(left) == 0:
            signal.raise_signal(signal.SIGTERM)
        return strike

    def ready(_addresses: Addresses) -> None:
        later.start()
        sys.settrace(strike)

    serve_until_stopped(ServeOptions(tmp_path), ready, _start_nothing)
    later.join()


def _start_nothing(_options: ServeOptions, _started: ExitStack) -> Addresses:
    return Addresses("http://127.0.0.1")
