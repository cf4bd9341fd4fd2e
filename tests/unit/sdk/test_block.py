import asyncio

import pytest

import spanloom
from spanloom import conventions
from spanloom.testing import CapturedCalls


def test_a_block_is_a_call_with_what_it_is_told(calls: CapturedCalls) -> None:
    inputs = {"query": ["Paris"]}
    with spanloom.span("look up", kind="search", inputs=inputs, attributes={"a": {"b": 1}}) as call:
        inputs["query"].append("Rome")
        assert spanloom.current_call() is call
        with spanloom.span("inner"):
            pass
        call.set_output(["Paris is a city."])

    captured = calls.one("look up")
    assert (captured.kind, captured.id) == ("retriever", call.id)
    assert captured.inputs == call.inputs == {"query": ["Paris"]}
    assert captured.output == call.output == ["Paris is a city."]
    assert captured.attributes["a.b"] == 1
    assert calls.one("inner").parent_id == call.id
    assert conventions.OUTPUT_VALUE not in calls.one("inner").attributes


def test_an_exception_ends_a_block_and_passes(calls: CapturedCalls) -> None:
    def fail() -> None:
        with spanloom.span("failing") as call:
            call.set_output("half")
            raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        fail()

    captured = calls.one("failing")
    assert captured.error == "KeyError: 'gone'"
    assert captured.output == "half"
    assert spanloom.current_call() is None


async def test_blocks_nest_by_task(calls: CapturedCalls) -> None:
    async def work(name: str) -> None:
        with spanloom.span(f"outer {name}"):
            await asyncio.sleep(0)
            with spanloom.span(f"inner {name}"):
                await asyncio.sleep(0)

    await asyncio.gather(work("a"), work("b"))

    for name in ("a", "b"):
        assert calls.one(f"inner {name}").parent_id == calls.one(f"outer {name}").id


def test_without_init_a_block_runs() -> None:
    with spanloom.span("s", inputs={"a": 1}) as call:
        call.set_output(1)
        call.set_attributes({"a": 1})
        call.set_usage(input_tokens=1)
        call.set_display_name("x")
        call.set_error("e")

    assert (call.id, call.output) == ("", 1)


def test_usage_that_is_set_counts_once(calls: CapturedCalls) -> None:
    answer = {"usage": {"input_tokens": 99, "output_tokens": 99}}

    @spanloom.op(kind="chain")
    def chain() -> dict[str, object]:
        with spanloom.span("model", kind="llm") as call:
            call.set_usage(input_tokens=3, output_tokens=5, model="m", reasoning_tokens=2)
            call.set_output(answer)
        return answer

    chain()

    model = calls.one("model").attributes
    assert model[conventions.GEN_AI_USAGE_INPUT_TOKENS] == 3
    assert model[conventions.GEN_AI_USAGE_OUTPUT_TOKENS] == 5
    assert model[conventions.GEN_AI_USAGE_REASONING_TOKENS] == 2
    assert model[conventions.GEN_AI_RESPONSE_MODEL] == "m"
    assert conventions.GEN_AI_USAGE_INPUT_TOKENS not in calls.one("chain").attributes


def test_an_op_may_record_another_output_than_it_returns(calls: CapturedCalls) -> None:
    @spanloom.op
    def f() -> str:
        spanloom.require_current_call().set_output({"length": 6})
        return "secret"

    assert f() == "secret"
    assert calls.one("f").output == {"length": 6}


def test_a_block_of_no_known_kind_is_refused() -> None:
    with pytest.raises(spanloom.ConfigurationError, match="there is no kind 'x'"):
        spanloom.span("s", kind="x")
