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
    if multiprocessing.get_start_method() == "spawn":
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


def run(tmp_path: Path, source: str, *arguments: str) -> None:
    script = tmp_path / "program.py"
    script.write_text(source)
    subprocess.run([sys.executable, str(script), *arguments], timeout=60, check=True)


@pytest.mark.parametrize("method", ["fork", "spawn"])
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
