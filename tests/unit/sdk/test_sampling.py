import asyncio
import random
from collections.abc import AsyncIterator, Iterator

import pytest
from opentelemetry import trace

import spanloom
from spanloom.errors import ConfigurationError
from spanloom.testing import CapturedCalls


@spanloom.op
def below() -> str:
    spanloom.require_current_call().set_attributes({"n": 1})
    return spanloom.require_current_call().id


@spanloom.op(tracing_sample_rate=0)
def never() -> str:
    with trace.get_tracer("theirs").start_as_current_span("theirs"):
        return below()


@spanloom.op(tracing_sample_rate=0.5)
def sometimes() -> str:
    return below()


def test_an_unsampled_root_takes_everything_below_along(calls: CapturedCalls) -> None:
    assert never() == ""

    assert calls == []
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_share_of_the_roots_is_recorded_whole(
    calls: CapturedCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    throws = iter([0.1, 0.9, 0.4, 0.5])
    monkeypatch.setattr(random, "random", lambda: next(throws))

    ids = [sometimes() for _ in range(4)]

    assert [call.name for call in calls] == ["below", "sometimes"] * 2
    assert [bool(each) for each in ids] == [True, False, True, False]


def test_the_rate_has_no_effect_below_a_root(calls: CapturedCalls) -> None:
    with spanloom.span("root"):
        never()

    assert [call.name for call in calls] == ["below", "theirs", "never", "root"]


async def test_coroutines_and_generators_are_left_out_as_a_whole(calls: CapturedCalls) -> None:
    @spanloom.op(tracing_sample_rate=0)
    async def later() -> str:
        await asyncio.sleep(0)
        return below()

    @spanloom.op(tracing_sample_rate=0)
    def items() -> Iterator[str]:
        yield below()
        yield from more()

    @spanloom.op
    def more() -> Iterator[str]:
        yield below()

    @spanloom.op(tracing_sample_rate=0)
    async def items_later() -> AsyncIterator[str]:
        yield below()

    assert await later() == ""
    assert list(items()) == ["", ""]
    assert [item async for item in items_later()] == [""]
    assert calls == []


def test_an_unsampled_call_says_so_by_empty_ids(calls: CapturedCalls) -> None:
    _, call = never.call()

    assert (call.id, call.trace_id, call.ui_url, call.parent_id) == ("", "", "", None)
    assert call.output == ""


def test_an_unsampled_op_that_raises_raises(calls: CapturedCalls) -> None:
    @spanloom.op(tracing_sample_rate=0)
    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        fail()

    assert calls == []


@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_rate_is_a_share(rate: float) -> None:
    with pytest.raises(ConfigurationError, match="goes from 0 to 1"):
        spanloom.op(tracing_sample_rate=rate)(len)
