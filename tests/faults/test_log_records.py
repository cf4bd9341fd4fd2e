"""Log records that were acknowledged survive the death of the server, as spans do."""

import time
from pathlib import Path
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.otlp import log_record, logs_request, request, span
from tests.support.server import Server, running_server

_HEADERS = {"content-type": "application/x-protobuf", "x-spanloom-project": "p"}
_COUNT = 200
_TIMEOUT_S = 60


def _shown_bodies(server: Server, of: Span) -> list[Any]:
    """The records' bodies, once all are there: on a busy machine a replay takes its time."""
    path = f"/api/v1/projects/p/traces/{of.trace_id.hex()}/spans/{of.span_id.hex()}"
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        answer = server.request("GET", path)
        bodies = [log["body"] for log in answer.json["logs"]] if answer.status == 200 else []
        if len(bodies) >= _COUNT or time.monotonic() > deadline:
            return bodies
        time.sleep(0.1)


def test_log_records_acknowledged_before_a_kill_are_there_once_after_it(tmp_path: Path) -> None:
    of = span()
    bodies = [str(number) for number in range(_COUNT)]
    sent = logs_request(*(log_record(of, body=body) for body in bodies)).SerializeToString()
    with running_server(tmp_path) as server:
        assert server.export(request(of).SerializeToString(), "p").status == 200
        assert server.request("POST", "/v1/logs", body=sent, headers=_HEADERS).status == 200
        server.kill()

    with running_server(tmp_path) as server:
        assert server.request("POST", "/v1/logs", body=sent, headers=_HEADERS).status == 200
        assert _shown_bodies(server, of) == bodies
