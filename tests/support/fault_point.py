"""Journal and loader in a process that dies at a chosen call. Run as

    python -m tests.support.fault_point FOLDER POINT COUNT

It loads what it finds, then submits records under the names 0, 1, 2 … and prints each name once the
record is durable. At the COUNT-th call of POINT it kills itself as a power cut would. POINT is
``before:call`` or ``after:call`` with one of the calls below; with ``none`` it prints the names in
the table instead, as often as each one is stored, and ends.
"""

import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client

from spanloom_collector.delivery.spool import Spool
from spanloom_collector.service import Collector
from spanloom_collector.settings import CollectorSettings, StorageSettings
from spanloom_collector.storage.connect import Engine, open_engine
from tests.support.otlp import request, span

_CALLS: dict[str, tuple[object, str]] = {
    "fallocate": (os, "posix_fallocate"),
    "pwrite": (os, "pwrite"),
    "fdatasync": (os, "fdatasync"),
    "ftruncate": (os, "ftruncate"),
    "fsync": (os, "fsync"),
    "rename": (Path, "rename"),
    "unlink": (Path, "unlink"),
}
_INSERT = "insert"
CALLS = (*_CALLS, _INSERT)

_CATCH_UP_TIMEOUT_S = 60
_SENDER_COUNT = 3


def main() -> None:
    """Do what the command line asks for."""
    folder, point, count = sys.argv[1:]
    engine = open_engine(StorageSettings(Path(folder)))
    if point != "none":
        _plant(point, int(count))
    settings = CollectorSettings(Path(folder) / "journal", otlp_grpc_port=0, otlp_http_port=0)
    spool = Collector(settings, engine).spool
    spool.start()
    if point != "none":
        _submit_until_dead(spool)
    assert spool.catch_up(_CATCH_UP_TIMEOUT_S)
    print(*_stored_names(engine), sep="\n")
    spool.stop()
    engine.close()


def _plant(point: str, count: int) -> None:
    moment, call = point.split(":")
    left = itertools.count(count - 1, -1)

    def die_if(now: str, calls_left: int) -> None:
        if now == moment and calls_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if call == _INSERT:
        _plant_insert(lambda: next(left), die_if)
        return
    owner, name = _CALLS[call]
    real: Callable[..., Any] = getattr(owner, name)

    def deadly(*arguments: Any, **named: Any) -> Any:
        calls_left = next(left)
        die_if("before", calls_left)
        answer = real(*arguments, **named)
        die_if("after", calls_left)
        return answer

    setattr(owner, name, deadly)


def _plant_insert(count_down: Callable[[], int], die_if: Callable[[str, int], None]) -> None:
    """The writing client is lent for inserts alone once the engine is open."""
    real = Engine.writer

    @contextmanager
    def deadly(engine: Engine) -> Iterator[Client]:
        calls_left = count_down()
        with real(engine) as client:
            die_if("before", calls_left)
            yield client
            die_if("after", calls_left)

    Engine.writer = deadly  # type: ignore[assignment]


def _submit_until_dead(spool: Spool) -> None:
    names = itertools.count()

    def submit() -> None:
        while True:
            name = str(next(names))
            body = request(span(name)).SerializeToString()
            spool.submit(body, time.time_ns(), "p").result()
            os.write(1, f"{name}\n".encode())  # one write: lines of several threads stay whole

    threads = [threading.Thread(target=submit) for _ in range(_SENDER_COUNT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _stored_names(engine: Engine) -> list[str]:
    with engine.reader() as client:  # without FINAL: a replay may not even store a second row
        return [name for (name,) in client.query("SELECT name FROM spans").result_rows]


if __name__ == "__main__":
    main()
