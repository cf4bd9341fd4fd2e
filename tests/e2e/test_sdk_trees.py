"""Call trees of threads, tasks, generators and processes, as the API tells them."""

import asyncio
import concurrent.futures
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import spanloom
from tests.support.server import Server


class Project:
    """A project that calls go to, and what the API makes of them."""

    def __init__(self, server: Server) -> None:
        self.name = server.fresh_project()
        self._server = server

    def children(self, call_count: int) -> Counter[tuple[str | None, str]]:
        """How many calls have a parent of which name, in the only trace, once all are there."""
        deadline = time.monotonic() + 20
        while (found := self._call_count()) < call_count and time.monotonic() < deadline:
            time.sleep(0.05)
        assert found == call_count
        (trace,) = self._traces()
        spans = self._server.get(f"/projects/{self.name}/traces/{trace['trace_id']}")["spans"]
        names = [*spans["name"], None]  # the place of a root's parent is -1
        return Counter((names[place], name) for place, name in zip(spans["parent"], names))  # noqa: B905

    def _traces(self) -> list[dict[str, Any]]:
        answer = self._server.request("GET", f"/api/v1/projects/{self.name}/traces")
        found: list[dict[str, Any]] = answer.json["traces"] if answer.status == 200 else []
        return found

    def _call_count(self) -> int:
        return sum(trace["span_count"] for trace in self._traces())


@pytest.fixture
def project(server: Server) -> Iterator[Project]:
    project = Project(server)
    spanloom.init(project.name, endpoint=server.endpoint)
    yield project
    spanloom.finish()


@spanloom.op
def leaf(n: int) -> int:
    return n


@spanloom.op
async def leaf_later(n: int) -> int:
    await asyncio.sleep(0)
    return leaf(n)


@spanloom.op
def items(n: int) -> Iterator[int]:
    for number in range(n):
        yield leaf(number)


@spanloom.op
def relayed(n: int) -> Iterator[int]:
    yield from items(n)


@spanloom.op
async def items_later(n: int) -> AsyncIterator[int]:
    for number in range(n):
        yield await leaf_later(number)


@spanloom.op
def consumed(n: int) -> int:
    return n


def test_a_thread_pool_works_for_the_call_that_uses_it(project: Project) -> None:
    @spanloom.op
    def branch(n: int) -> int:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return sum(pool.map(leaf, range(n)))

    @spanloom.op
    def root() -> list[int]:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return list(pool.map(branch, [3] * 10))

    root()

    assert spanloom.flush()
    assert project.children(41) == {
        (None, "root"): 1,
        ("root", "branch"): 10,
        ("branch", "leaf"): 30,
    }


async def test_a_thousand_tasks_nest_by_task(project: Project) -> None:
    @spanloom.op
    async def root() -> None:
        await asyncio.gather(*(leaf_later(n) for n in range(1000)))

    await root()

    assert spanloom.flush(30)
    assert project.children(2001) == {
        (None, "root"): 1,
        ("root", "leaf_later"): 1000,
        ("leaf_later", "leaf"): 1000,
    }


async def test_generators_nested_interleaved_and_abandoned_keep_to_themselves(
    project: Project,
) -> None:
    @spanloom.op
    async def root() -> None:
        for first, second in zip(relayed(3), items(3), strict=True):
            consumed(first + second)
        abandoned = relayed(3)
        consumed(next(abandoned))
        del abandoned
        async for number in items_later(5):
            consumed(number)
            if number == 1:
                break

    await root()
    await asyncio.sleep(0.1)  # the event loop closes what was left

    assert spanloom.flush()
    assert project.children(24) == {
        (None, "root"): 1,
        ("root", "relayed"): 2,
        ("root", "items"): 1,
        ("relayed", "items"): 2,
        ("items", "leaf"): 7,
        ("root", "items_later"): 1,
        ("items_later", "leaf_later"): 2,
        ("leaf_later", "leaf"): 2,
        ("root", "consumed"): 6,
    }


PROGRAM = """
import os, subprocess, sys, spanloom
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

trace.set_tracer_provider(TracerProvider())
spanloom.init(os.environ["PROJECT"])

@spanloom.op(tracing_sample_rate=1.0)
def outer():
    with trace.get_tracer("theirs").start_as_current_span("theirs"):
        for item in items():
            pass

@spanloom.op
def items():
    yield inner()

@spanloom.op(call_display_name="shown")
def inner():
    with spanloom.span("block", inputs={"a": 1}) as call:
        call.set_output(2)
    return 1

@spanloom.op(tracing_sample_rate=0)
def unsampled():
    inner()

outer()
unsampled()
"""


def test_calls_under_a_provider_of_the_apps_own_make_the_same_tree(
    server: Server, tmp_path: Path
) -> None:
    project, program = Project(server), tmp_path / "program.py"
    program.write_text(PROGRAM)
    environment = {"SPANLOOM_ENDPOINT": server.endpoint, "PROJECT": project.name}

    result = subprocess.run(
        [sys.executable, str(program)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert project.children(5) == {
        (None, "outer"): 1,
        ("outer", "theirs"): 1,
        ("theirs", "items"): 1,
        ("items", "shown"): 1,
        ("shown", "block"): 1,
    }


CHILD = """
import json, sys, spanloom
spanloom.init(sys.argv[1], endpoint=sys.argv[2])
with spanloom.remote_parent(json.loads(sys.argv[3])), spanloom.span("child"):
    pass
"""


def test_a_trace_goes_on_in_another_process(server: Server, project: Project) -> None:
    with spanloom.span("parent"):
        arguments = [project.name, server.endpoint, json.dumps(spanloom.headers())]
        subprocess.run([sys.executable, "-c", CHILD, *arguments], check=True, timeout=60)

    assert spanloom.flush()
    assert project.children(2) == {(None, "parent"): 1, ("parent", "child"): 1}
