"""The server of an instrumented program goes away, hangs or talks nonsense: nothing is lost."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.sdk.sink import Answer, Sink

PROGRAM = """
import os, signal, sys, time
import spanloom

@spanloom.op
def work(n):
    return n

url, ending, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
started = time.perf_counter()
spanloom.init("faults", endpoint=url, settings={"batch_delay_s": 0.05, "retry_initial_s": 0.05})
assert time.perf_counter() - started < 2, "init has waited for the network"
for n in range(count):
    work(n)
print("ready", flush=True)
if ending == "wait for a kill":
    sys.stdin.read()
if ending == "raise":
    raise RuntimeError("the program's own")
if ending == "SIGTERM":
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
"""

COUNT = 300
DEADLINE_S = 5.0


class Program:
    """An instrumented program with a spool of its own."""

    def __init__(self, folder: Path) -> None:
        self.spool = folder / "spool"
        self._file = folder / "program.py"
        self._file.write_text(PROGRAM)

    def start(
        self, url: str, ending: str = "return", count: int = COUNT, **variables: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(self._file), url, ending, str(count)],
            env=os.environ | {"SPANLOOM_SPOOL_DIR": str(self.spool)} | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, url: str, ending: str = "return", count: int = COUNT, **variables: str) -> "Run":
        process = self.start(url, ending, count, **variables)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        started = time.monotonic()
        _, errors = process.communicate(timeout=60)
        return Run(process.returncode, errors, time.monotonic() - started)

    def spooled_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.spool.rglob("*.spool"))


class Run:
    def __init__(self, code: int, errors: str, exit_s: float) -> None:
        self.code, self.errors, self.exit_s = code, errors, exit_s


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    sink.start()
    yield sink
    sink.stop()


@contextmanager
def speaker(answer: bytes | None) -> Iterator[int]:
    """A server that says something, or hangs, to whoever comes."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            if answer is not None:
                connection.recv(65536)
                connection.sendall(answer)
                connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for connection in connections:
            connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def assert_next_program_brings(program: Program, sink: Sink, count: int) -> None:
    """Run another program, whose server is there: it takes along what the first one left."""
    process = program.start(sink.url, "wait for a kill", count=1)
    try:
        sink.await_spans(count + 1, timeout_s=20)
    finally:
        process.communicate(timeout=30)
    assert len({span.span_id for span in sink.spans()}) == count + 1


def assert_kept(program: Program, run: Run) -> None:
    assert run.code == 0, run.errors
    assert run.exit_s < DEADLINE_S + 2
    assert f"{COUNT} spans wait in {program.spool}" in run.errors
    assert program.spooled_bytes() > 0


@pytest.mark.parametrize("ending", ["return", "raise"])
def test_a_program_that_ends_without_a_flush_has_delivered(
    program: Program, sink: Sink, ending: str
) -> None:
    run = program.run(sink.url, ending)

    assert run.code == (0 if ending == "return" else 1)
    assert len(sink.spans()) == COUNT
    assert program.spooled_bytes() == 0


def test_a_server_that_is_down_gets_everything_from_the_next_program(program: Program) -> None:
    port = free_port()
    assert_kept(program, program.run(f"http://127.0.0.1:{port}"))
    sink = Sink()
    sink.start(port)
    try:
        assert_next_program_brings(program, sink, COUNT)
    finally:
        sink.stop()
    assert program.spooled_bytes() == 0


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_answers_with_errors_costs_the_deadline(
    program: Program, sink: Sink, status: int
) -> None:
    sink.answers = [Answer(status)] * 1000

    run = program.run(sink.url, SPANLOOM_EXIT_TIMEOUT_S="1")

    assert_kept(program, run)
    sink.answers = []
    assert_next_program_brings(program, sink, COUNT)


def test_a_server_that_hangs_costs_the_deadline(program: Program) -> None:
    with speaker(None) as port:
        assert_kept(program, program.run(f"http://127.0.0.1:{port}"))


def test_a_server_that_talks_nonsense_costs_nothing(program: Program) -> None:
    with speaker(b"\x00\xff nonsense\r\n\r\n") as port:
        assert_kept(program, program.run(f"http://127.0.0.1:{port}"))


def test_a_name_that_does_not_resolve_costs_nothing(program: Program) -> None:
    assert_kept(program, program.run("http://spanloom.invalid"))


def test_a_slow_server_gets_everything(program: Program, sink: Sink) -> None:
    sink.delay_s = 0.5

    run = program.run(sink.url)

    assert run.code == 0
    assert len(sink.spans()) == COUNT


def test_a_server_that_comes_back_gets_everything_from_the_running_program(
    program: Program,
) -> None:
    port = free_port()
    process = program.start(f"http://127.0.0.1:{port}", "wait for a kill")
    assert process.stdout is not None
    process.stdout.readline()
    await_spool(program)
    sink = Sink()
    sink.start(port)
    try:
        assert len(sink.await_spans(COUNT, timeout_s=20)) == COUNT
        _, errors = process.communicate(timeout=30)
    finally:
        sink.stop()
    assert "works again; 0 were dropped meanwhile" in errors
    assert program.spooled_bytes() == 0


def await_spool(program: Program) -> None:
    deadline = time.monotonic() + 20
    while not program.spooled_bytes() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)


def test_a_program_killed_during_an_outage_has_lost_nothing(program: Program) -> None:
    port = free_port()
    process = program.start(f"http://127.0.0.1:{port}", "wait for a kill")
    assert process.stdout is not None
    process.stdout.readline()
    await_spool(program)
    process.kill()
    process.communicate()
    sink = Sink()
    sink.start(port)
    try:
        assert_next_program_brings(program, sink, COUNT)
    finally:
        sink.stop()


def test_sigterm_delivers_and_then_ends_as_always(program: Program, sink: Sink) -> None:
    run = program.run(sink.url, "SIGTERM")

    assert run.code == -signal.SIGTERM
    assert len(sink.spans()) == COUNT


def test_sigterm_in_an_outage_leaves_the_rest_on_disk(program: Program) -> None:
    run = program.run(f"http://127.0.0.1:{free_port()}", "SIGTERM")

    assert run.code == -signal.SIGTERM
    assert run.exit_s < DEADLINE_S + 2
    assert f"{COUNT} spans wait in" in run.errors


def test_sigterm_can_be_left_to_the_system(program: Program, sink: Sink) -> None:
    run = program.run(sink.url, "SIGTERM", count=1, SPANLOOM_DELIVER_ON_SIGTERM="0")

    assert run.code == -signal.SIGTERM
    assert run.exit_s < 1.5


def test_a_burst_arrives_whole(program: Program, sink: Sink) -> None:
    run = program.run(sink.url, count=20_000)

    assert run.code == 0, run.errors
    assert len({span.span_id for span in sink.spans()}) == 20_000
