"""The end of a server: what is under way is answered. A test's number is that of its case."""

import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import grpc
import pytest

from tests.e2e.conformance.clients import (
    TRACES,
    body,
    connected,
    failure,
    head,
    project_traces,
    read_answer,
)
from tests.e2e.conformance.http2 import GOAWAY, HEADERS, Http2Connection, grpc_message
from tests.support.server import running_server

_PROJECT = "last-words"


def test_case_35_a_call_under_way_is_answered_and_new_ones_are_refused(tmp_path: Path) -> None:
    message = grpc_message(body("called"))
    with running_server(tmp_path) as server:
        with connected(server.otlp_grpc) as raw:
            connection = Http2Connection(raw)
            stream = connection.begin(TRACES, ("x-spanloom-project", _PROJECT))
            connection.send_data(stream, message[:10])
            server.process.send_signal(signal.SIGTERM)
            connection.wait_for(GOAWAY)
            refused = failure(server.otlp_grpc, body())
            connection.send_data(stream, message[10:], last=True)
            end = connection.wait_for_end(stream)[-1]

        assert server.process.wait(30) == 0
    assert (end.kind, refused.code) == (HEADERS, grpc.StatusCode.UNAVAILABLE)
    assert _names_after_restart(tmp_path) == ["called"]


@pytest.mark.parametrize("main", [True, False], ids=["main", "otlp"])
def test_case_35_a_request_under_way_is_answered(tmp_path: Path, main: bool) -> None:
    content = body("posted")
    with running_server(tmp_path) as server:
        address = server.endpoint if main else server.otlp_http
        with connected(address) as raw:
            raw.sendall(
                head(len(content), "expect: 100-continue", f"x-spanloom-project: {_PROJECT}")
            )
            assert raw.recv(1000).startswith(b"HTTP/1.1 100 ")
            server.process.send_signal(signal.SIGTERM)
            _wait_until_closed(address)
            raw.sendall(content)
            answer = read_answer(raw)

        assert server.process.wait(30) == 0
    assert answer.status == 200
    assert _names_after_restart(tmp_path) == ["posted"]


def _names_after_restart(folder: Path) -> list[str]:
    """What is stored, once a server that starts on the folder has replayed its journal."""
    deadline = time.monotonic() + 20
    with running_server(folder) as server:
        while not (traces := project_traces(server, _PROJECT)):
            assert time.monotonic() < deadline
        return [trace["name"] for trace in traces]


def _wait_until_closed(address: str) -> None:
    with suppress(ConnectionRefusedError):
        while True:
            with connected(address):
                time.sleep(0.01)


def test_case_35_silent_clients_do_not_delay_the_end(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, ExitStack() as opened:
        for address in (server.endpoint, server.otlp_http, server.otlp_grpc):
            for _ in range(5):
                opened.enter_context(connected(address))
        began = time.monotonic()

        assert server.stop() == 0
        assert time.monotonic() - began < 9  # less than what calls under way are given
