"""Several processes receive, one loads: whichever of them dies, nothing is lost or doubled."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.load import (
    GrpcSender,
    HttpSender,
    Ledger,
    Sender,
    Trace,
    assert_kept,
    load_on,
    made_trace,
    send_again,
    small_trace,
)
from tests.support.server import Server, running_server
from tests.support.soak import scaled, seeded_random


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def server(data_dir: Path) -> Iterator[Server]:
    with running_server(data_dir, "--share-ports") as server:
        yield server


@pytest.fixture(scope="module")
def front_ends(server: Server, data_dir: Path) -> Iterator[list[Server]]:
    """Two, each with a port for gRPC of its own, and that of the server for HTTP."""
    shared = ("--otlp-http-port", server.otlp_http.rpartition(":")[2])
    with ExitStack() as stack:
        yield [_front_end(data_dir, stack, *shared) for _ in range(2)]


def _front_end(data_dir: Path, stack: ExitStack, *arguments: str) -> Server:
    return stack.enter_context(running_server(data_dir, *arguments, command="receive"))


def _sent(sender: Sender, ledger: Ledger, trace: Trace) -> None:
    ledger.sent[trace.trace_id] = trace
    assert sender.send(trace.body) == "ok"
    ledger.acknowledged.add(trace.trace_id)
    sender.close()


def test_what_any_process_takes_shows_once_wherever_else_it_was_sent(
    server: Server, front_ends: list[Server]
) -> None:
    chance, ledger = seeded_random("front ends"), Ledger("everywhere")
    to_all = made_trace(chance)
    for process in (server, *front_ends):
        for trace in (to_all, made_trace(chance)):
            _sent(GrpcSender(process.otlp_grpc, ledger.project), ledger, trace)
    assert_kept(server, ledger)

    assert len(ledger.acknowledged) == 4


def test_processes_that_share_a_port_share_the_connections(
    server: Server, front_ends: list[Server]
) -> None:
    chance, ledger = seeded_random("shared port"), Ledger("shared")
    for _ in range(
        60
    ):  # that one of three gets none of so many happens once in ten thousand million
        _sent(HttpSender(server.otlp_http, ledger.project), ledger, small_trace(chance))
    assert_kept(server, ledger)

    assert all(_http_request_count(process) for process in (server, *front_ends))


def _http_request_count(process: Server) -> float:
    counted = 'spanloom_requests_total{status="200",transport="http"} '
    lines = process.request("GET", "/metrics").body.decode().splitlines()
    return sum(float(line.removeprefix(counted)) for line in lines if line.startswith(counted))


def test_a_front_end_that_is_killed_under_load_loses_and_doubles_nothing(
    server: Server, data_dir: Path, front_ends: list[Server]
) -> None:
    chance, survivor = seeded_random("killed front ends"), front_ends[0]
    for number in range(scaled(1, 50)):
        killed, other = Ledger(f"killed-{number}"), Ledger(f"other-{number}")
        with ExitStack() as stack:
            mortal = _front_end(data_dir, stack)
            stack.enter_context(load_on(mortal, killed, chance, make=small_trace))
            stack.enter_context(load_on(survivor, other, chance, sender_count=1))
            time.sleep(chance.uniform(0.2, 0.8))
            mortal.kill()
        assert_kept(server, killed)
        send_again(survivor, killed)
        for ledger in (killed, other):
            assert_kept(server, ledger)
        assert other.unclear == []


def test_front_ends_go_on_while_the_server_is_dead(tmp_path: Path) -> None:
    ledger, chance = Ledger("orphans"), seeded_random("killed server")
    with ExitStack() as stack:
        front_ends = [_front_end(tmp_path, stack) for _ in range(2)]
        for _ in range(scaled(1, 20)):
            with ExitStack() as load, running_server(tmp_path) as server:
                for front_end in front_ends:
                    load.enter_context(
                        load_on(front_end, ledger, chance, sender_count=2, make=small_trace)
                    )
                time.sleep(chance.uniform(0.2, 0.8))
                server.kill()
                killed_at = len(ledger.acknowledged)
                time.sleep(0.5)
            assert len(ledger.acknowledged) > killed_at
            with running_server(tmp_path) as server:
                assert_kept(server, ledger)
    assert ledger.unclear == []
