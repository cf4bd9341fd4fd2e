"""Calls in child processes arrive, whichever way the children are made."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.sdk.sink import Sink

WORKERS = """
import multiprocessing, os, sys
import spanloom

@spanloom.op
def work(n):
    return n

def child(url):
    if multiprocessing.get_start_method() != "fork":
        spanloom.init("p", endpoint=url)
    for n in range(100):
        work(n)

if __name__ == "__main__":
    method, url = sys.argv[1:]
    multiprocessing.set_start_method(method)
    spanloom.init("p", endpoint=url)
    for n in range(20):
        work(n)
    workers = [multiprocessing.Process(target=child, args=(url,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
"""

FORK = """
import os, sys
import spanloom

@spanloom.op
def work(n):
    return n

@spanloom.op
def parent():
    pid = os.fork()
    if pid == 0:
        work(1)
        assert spanloom.flush()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0

spanloom.init("p", endpoint=sys.argv[1])
work(0)
parent()
"""


TERMINATED = """
import multiprocessing, sys, time
import spanloom

@spanloom.op
def work(n):
    return n

def child(ready):
    for n in range(100):
        work(n)
    ready.set()
    time.sleep(60)

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    spanloom.init("p", endpoint=sys.argv[1], settings={"batch_delay_s": 30.0})
    ready = context.Event()
    worker = context.Process(target=child, args=(ready,))
    worker.start()
    assert ready.wait(30)
    worker.terminate()
    worker.join()
    assert worker.exitcode == -15
"""

BUSY_FORKS = """
import os, sys, threading
import spanloom

@spanloom.op
def work(n):
    return n

spanloom.init("p", endpoint=sys.argv[1], settings={"batch_delay_s": 0.001})
ended = threading.Event()

def keep_busy():
    while not ended.is_set():
        work(0)

threads = [threading.Thread(target=keep_busy) for _ in range(3)]
for thread in threads:
    thread.start()
children = []
for n in range(10):
    pid = os.fork()
    if pid == 0:
        work(1)
        os._exit(0 if spanloom.flush() else 1)
    children.append(os.waitpid(pid, 0)[1])
ended.set()
for thread in threads:
    thread.join()
assert children == [0] * 10, children
"""


def run(tmp_path: Path, source: str, *arguments: str) -> None:
    script = tmp_path / "program.py"
    script.write_text(source)
    subprocess.run([sys.executable, str(script), *arguments], timeout=60, check=True)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_deliver_their_calls_without_a_flush(
    sink: Sink, tmp_path: Path, method: str
) -> None:
    run(tmp_path, WORKERS, method, sink.url)

    assert len(sink.spans()) == 220
    assert len({span.span_id for span in sink.spans()}) == 220


def test_a_forked_child_sends_its_own_calls_once_and_below_their_parent(
    sink: Sink, tmp_path: Path
) -> None:
    run(tmp_path, FORK, sink.url)

    spans = sink.spans()
    assert sorted(span.name for span in spans) == ["parent", "work", "work"]
    (parent,) = (span for span in spans if span.name == "parent")
    below = [span for span in spans if span.parent_span_id == parent.span_id]
    assert [span.name for span in below] == ["work"]


def test_a_terminated_worker_delivers_first(sink: Sink, tmp_path: Path) -> None:
    run(tmp_path, TERMINATED, sink.url)

    assert len(sink.spans()) == 100


def test_a_flush_in_a_child_never_hangs_whatever_the_parents_threads_hold(
    sink: Sink, tmp_path: Path
) -> None:
    run(tmp_path, BUSY_FORKS, sink.url)

    assert len(sink.spans()) > 10
