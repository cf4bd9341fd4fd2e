"""What was acknowledged survives the death of the server."""

import threading
import time
from pathlib import Path

import pytest

from tests.support.otlp import request, span
from tests.support.server import Server, running_server


def _names(server: Server, project: str, expected_count: int) -> list[str]:
    """Names of all traces, once there are enough: on a busy machine a replay takes its time."""
    deadline = time.monotonic() + 60
    while True:
        traces = server.get(f"/projects/{project}/traces", limit=500)["traces"]
        if len(traces) >= expected_count or time.monotonic() > deadline:
            return sorted(trace["name"] for trace in traces)
        time.sleep(0.1)


@pytest.mark.parametrize("count", [1, 200])
def test_spans_acknowledged_before_a_kill_are_there_once_after_it(
    tmp_path: Path, count: int
) -> None:
    sent = request(*(span(f"span-{i:03}") for i in range(count))).SerializeToString()
    with running_server(tmp_path) as server:
        assert server.export(sent, "p").status == 200
        server.kill()

    with running_server(tmp_path) as server:
        assert server.export(sent, "p").status == 200  # the client had not seen the answer
        assert _names(server, "p", count) == [f"span-{i:03}" for i in range(count)]


def test_everything_acknowledged_under_load_survives_a_kill(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    killed = threading.Event()

    def send(server: Server, worker: int) -> None:
        for i in range(10_000):
            name = f"{worker}-{i}"
            try:
                status = server.export(request(span(name)).SerializeToString(), "p").status
            except OSError:
                return
            if status == 200:
                acknowledged.append(name)
            if killed.is_set():
                return

    with running_server(tmp_path) as server:
        threads = [threading.Thread(target=send, args=(server, worker)) for worker in range(4)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 60:
            killed.wait(0.01)
        server.kill()
        killed.set()
        for thread in threads:
            thread.join()

    with running_server(tmp_path) as server:
        stored = _names(server, "p", len(acknowledged))
        assert len(stored) == len(set(stored))
        assert set(acknowledged) <= set(stored)


def test_a_stop_is_clean_and_keeps_everything(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        server.export(request(span("kept")).SerializeToString(), "p")
        assert server.stop() == 0

    with running_server(tmp_path) as server:
        assert _names(server, "p", 1) == ["kept"]
