"""What was acknowledged survives the death of the server, whatever its size; see also random kills."""

import time
from pathlib import Path

from tests.support.otlp import request, span
from tests.support.server import Server, running_server

_COUNTS = (1, 200)


def _names(server: Server, project: str, expected_count: int) -> list[str]:
    """Names of all traces, once there are enough: on a busy machine a replay takes its time."""
    deadline = time.monotonic() + 60
    while True:
        traces = server.get(f"/projects/{project}/traces", limit=500)["traces"]
        if len(traces) >= expected_count or time.monotonic() > deadline:
            return sorted(trace["name"] for trace in traces)
        time.sleep(0.1)


def _body(count: int) -> bytes:
    return request(*(span(f"span-{i:03}") for i in range(count))).SerializeToString()


def test_spans_acknowledged_before_a_kill_are_there_once_after_it(tmp_path: Path) -> None:
    bodies = {f"of-{count}": _body(count) for count in _COUNTS}
    with running_server(tmp_path) as server:
        for project, body in bodies.items():
            assert server.export(body, project).status == 200
        server.kill()

    with running_server(tmp_path) as server:
        for project, body in bodies.items():  # the client had not seen the answers
            assert server.export(body, project).status == 200
        for count in _COUNTS:
            expected = [f"span-{i:03}" for i in range(count)]
            assert _names(server, f"of-{count}", count) == expected
