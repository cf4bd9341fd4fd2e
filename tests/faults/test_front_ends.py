"""Several processes receive, one loads: whichever of them dies, nothing is lost or doubled."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.load import (
    HttpSender,
    Ledger,
    Trace,
    assert_kept,
    load_on,
    made_trace,
    send_again,
    senders_to,
)
from tests.support.server import Server, running_server
from tests.support.soak import scaled, seeded_random

_SHARED = "--share-ports"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def server(data_dir: Path) -> Iterator[Server]:
    with running_server(data_dir, _SHARED) as server:
        yield server


def _front_end(data_dir: Path, stack: ExitStack, *arguments: str) -> Server:
    return stack.enter_context(running_server(data_dir, *arguments, command="receive"))


def _small_trace(chance: random.Random) -> Trace:
    time.sleep(0.002)
    return made_trace(chance)


def _sent(server: Server, ledger: Ledger, trace: Trace) -> None:
    for sender in senders_to(server, ledger.project, 2):
        ledger.sent[trace.trace_id] = trace
        assert sender.send(trace.body) == "ok"
        ledger.acknowledged.add(trace.trace_id)
        sender.close()


def test_what_any_process_takes_shows_once_wherever_else_it_was_sent(
    server: Server, data_dir: Path
) -> None:
    chance, ledger = seeded_random("front ends"), Ledger("everywhere")
    to_all = made_trace(chance)
    with ExitStack() as stack:
        for process in (server, *(_front_end(data_dir, stack) for _ in range(2))):
            _sent(process, ledger, to_all)
            _sent(process, ledger, made_trace(chance))
        assert_kept(server, ledger, timeout_s=10)

    assert len(ledger.acknowledged) == 4


def test_a_front_end_that_is_killed_under_load_loses_and_doubles_nothing(
    server: Server, data_dir: Path
) -> None:
    chance = seeded_random("killed front ends")
    with ExitStack() as stack:
        survivor = _front_end(data_dir, stack)
        for number in range(scaled(2, 50)):
            ledgers = Ledger(f"killed-{number}"), Ledger(f"survivor-{number}")
            mortal = _front_end(data_dir, stack)
            with (
                load_on(mortal, ledgers[0], chance, make=_small_trace),
                load_on(survivor, ledgers[1], chance, sender_count=2, make=_small_trace),
            ):
                time.sleep(chance.uniform(0.2, 0.8))
                mortal.kill()
            assert_kept(server, ledgers[0])
            send_again(survivor, ledgers[0])
            for ledger in ledgers:
                assert_kept(server, ledger)
            assert ledgers[1].unclear == []


def test_front_ends_go_on_while_the_server_is_dead(tmp_path: Path) -> None:
    ledger, chance = Ledger("orphans"), seeded_random("killed server")
    with ExitStack() as stack:
        front_ends = [_front_end(tmp_path, stack) for _ in range(2)]
        for _ in range(scaled(1, 20)):
            with ExitStack() as load, running_server(tmp_path) as server:
                for front_end in front_ends:
                    load.enter_context(
                        load_on(front_end, ledger, chance, sender_count=2, make=_small_trace)
                    )
                time.sleep(chance.uniform(0.2, 0.8))
                server.kill()
                killed_at = len(ledger.acknowledged)
                time.sleep(0.5)
            assert len(ledger.acknowledged) > killed_at
            with running_server(tmp_path) as server:
                assert_kept(server, ledger)
    assert ledger.unclear == []


def test_processes_that_share_ports_share_the_connections(server: Server, data_dir: Path) -> None:
    chance, ledger = seeded_random("shared ports"), Ledger("shared")
    port = server.otlp_http.rpartition(":")[2]
    with ExitStack() as stack:
        front_end = _front_end(data_dir, stack, "--otlp-http-port", port)
        for _ in range(40):  # each goes to either: that one gets none has no chance to speak of
            trace = made_trace(chance)
            ledger.sent[trace.trace_id] = trace
            sender = HttpSender(server.otlp_http, ledger.project)
            assert sender.send(trace.body) == "ok"
            sender.close()
            ledger.acknowledged.add(trace.trace_id)
        shares = [_request_count(process) for process in (server, front_end)]
        assert_kept(server, ledger)

    assert min(shares) > 0


def _request_count(process: Server) -> int:
    text = process.request("GET", "/metrics").body.decode()
    counted = 'spanloom_requests_total{status="200",transport="http"}'
    counts = [line.split()[1] for line in text.splitlines() if line.startswith(counted)]
    return int(float(counts[0])) if counts else 0


def test_a_second_loader_on_a_folder_is_refused(server: Server, data_dir: Path) -> None:
    """With a ClickHouse server no engine's lock stands in its way."""
    url = {"SPANLOOM_CLICKHOUSE_URL": "http://127.0.0.1:1"}
    with pytest.raises(AssertionError, match="did not start"):
        with running_server(data_dir, environment=url):
            pass
    assert server.request("GET", "/healthz").status == 200
