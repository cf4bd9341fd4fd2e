import asyncio
import concurrent.futures
import contextvars
from collections.abc import Iterator

import pytest
from opentelemetry import trace

import spanloom
from spanloom._threads import patch_thread_pools
from spanloom.testing import CapturedCalls
from tests.unit.sdk.sink import Sink, attributes_of


@pytest.fixture(autouse=True)
def unpatched() -> Iterator[None]:
    yield
    patch_thread_pools(False)


@spanloom.op
def work(n: int) -> int:
    return n


@spanloom.op
def fan_out(pool_class: type[concurrent.futures.ThreadPoolExecutor]) -> list[int]:
    with pool_class(4) as pool:
        return list(pool.map(work, range(20)))


def test_own_pools_hand_the_call_on_without_init(calls: CapturedCalls) -> None:
    assert fan_out(spanloom.ThreadPoolExecutor) == list(range(20))

    assert len(calls.children(calls.one("fan_out"))) == 20


def test_after_init_any_pool_hands_the_call_on(sink: Sink) -> None:
    spanloom.init("p", endpoint=sink.url)
    with spanloom.attributes(user="u1"):
        fan_out(concurrent.futures.ThreadPoolExecutor)
    spanloom.flush()

    (root,) = [span for span in sink.spans() if span.name == "fan_out"]
    children = [span for span in sink.spans() if span.name == "work"]
    assert {span.parent_span_id for span in children} == {root.span_id}
    assert {attributes_of(span)["user.id"] for span in children} == {"u1"}


def test_pools_are_left_alone_on_request(sink: Sink) -> None:
    original = concurrent.futures.ThreadPoolExecutor.submit
    spanloom.init("p", endpoint=sink.url)
    assert concurrent.futures.ThreadPoolExecutor.submit is not original
    spanloom.init("p", endpoint=sink.url, settings={"propagate_to_thread_pools": False})

    fan_out(concurrent.futures.ThreadPoolExecutor)

    assert concurrent.futures.ThreadPoolExecutor.submit is original
    spanloom.flush()
    assert len({span.trace_id for span in sink.spans()}) == 21


def test_the_apps_own_context_variables_do_not_go_along() -> None:
    patch_thread_pools(True)
    own = contextvars.ContextVar("own", default="thread's")
    own.set("caller's")

    with (
        trace.use_span(trace.NonRecordingSpan(trace.SpanContext(1, 2, False))),
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        assert pool.submit(own.get).result() == "thread's"
        assert pool.submit(trace.get_current_span).result().get_span_context().span_id == 2
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert pool.submit(trace.get_current_span).result() is trace.INVALID_SPAN


async def test_executors_of_the_event_loop_hand_the_call_on(calls: CapturedCalls) -> None:
    patch_thread_pools(True)

    @spanloom.op
    async def outer() -> None:
        await asyncio.get_running_loop().run_in_executor(None, work, 1)
        await asyncio.to_thread(work, 2)

    await outer()

    assert len(calls.children(calls.one("outer"))) == 2


def test_own_threads_work_for_the_call_that_makes_them(calls: CapturedCalls) -> None:
    made: list[spanloom.Thread] = []

    @spanloom.op
    def outer() -> None:
        made.append(spanloom.Thread(target=work, args=(1,), name="worker", daemon=True))

    outer()
    made[0].start()
    made[0].join()

    assert (made[0].name, made[0].daemon) == ("worker", True)
    assert calls.one("work").parent_id == calls.one("outer").id


def test_an_exception_in_a_pool_reaches_its_future(calls: CapturedCalls) -> None:
    with spanloom.ThreadPoolExecutor(1) as pool, spanloom.attributes(user="u"):
        assert isinstance(pool.submit(int, "x").exception(), ValueError)
