import asyncio
import gc
from collections.abc import AsyncIterator, Generator, Iterator

import pytest

import spanloom
from spanloom._settings import Settings
from spanloom.testing import CapturedCalls, captured_calls


@spanloom.op
def note(word: str) -> str:
    return word


@spanloom.op
def count(n: int) -> Iterator[int]:
    for number in range(n):
        note(f"inside {number}")
        yield number


@spanloom.op
async def count_later(n: int) -> AsyncIterator[int]:
    for number in range(n):
        note(f"inside {number}")
        yield number
        await asyncio.sleep(0)


def test_a_generator_runs_no_sooner_than_it_is_asked(calls: CapturedCalls) -> None:
    numbers = count(3)
    assert calls == []

    assert next(numbers) == 0
    assert [call.output for call in calls] == ["inside 0"]

    assert list(numbers) == [1, 2]
    assert calls.one("count").inputs == {"n": 3}
    assert calls.one("count").output == [0, 1, 2]


def test_what_the_consumer_does_is_not_part_of_the_generator(calls: CapturedCalls) -> None:
    for _ in count(2):
        note("outside")
        assert spanloom.get_current_call() is None

    inside = {call.inputs["word"] for call in calls.children(calls.one("count"))}
    assert inside == {"inside 0", "inside 1"}


def test_a_generator_left_early_ends_its_call(calls: CapturedCalls) -> None:
    numbers = count(3)
    next(numbers)
    del numbers
    gc.collect()

    assert calls.one("count").output == [0]
    assert calls.one("count").error is None


def test_send_throw_and_return_pass_through(calls: CapturedCalls) -> None:
    @spanloom.op
    def talk() -> Generator[str, str, str]:
        heard = yield "first"
        try:
            yield heard
        except ValueError as error:
            yield f"caught {error}"
        return "done"

    conversation = talk()
    assert next(conversation) == "first"
    assert conversation.send("hello") == "hello"
    assert conversation.throw(ValueError("x")) == "caught x"
    with pytest.raises(StopIteration) as stop:
        next(conversation)

    assert stop.value.value == "done"
    assert calls.one("talk").output == ["first", "hello", "caught x"]


def test_a_generator_that_raises_fails_its_call(calls: CapturedCalls) -> None:
    @spanloom.op
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(broken())

    assert calls.one("broken").error == "ValueError: broken"


async def test_async_generators_do_the_same(calls: CapturedCalls) -> None:
    async for _ in count_later(2):
        note("outside")

    call = calls.one("count_later")
    assert call.output == [0, 1]
    assert {each.output for each in calls.children(call)} == {"inside 0", "inside 1"}


async def test_an_async_generator_left_early_ends_its_call(calls: CapturedCalls) -> None:
    numbers = count_later(3)
    assert await anext(numbers) == 0
    await numbers.aclose()  # type: ignore[attr-defined]

    assert calls.one("count_later").output == [0]


async def test_throw_reaches_an_async_generator(calls: CapturedCalls) -> None:
    @spanloom.op
    async def stubborn() -> AsyncIterator[str]:
        try:
            yield "first"
        except ValueError:
            yield "second"
        raise RuntimeError("third")

    words = stubborn()
    assert await anext(words) == "first"
    assert await words.athrow(ValueError()) == "second"  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError, match="third"):
        await anext(words)

    assert calls.one("stubborn").error == "RuntimeError: third"


async def test_generators_run_untraced_before_init() -> None:
    assert list(count(2)) == [0, 1]
    assert [number async for number in count_later(2)] == [0, 1]


def test_wrong_arguments_are_refused_at_the_call() -> None:
    with pytest.raises(TypeError, match="missing 1 required"):
        count()  # type: ignore[call-arg]


def test_long_streams_are_recorded_as_far_as_there_is_room() -> None:
    with captured_calls(Settings(value_max_bytes=100)) as calls:
        assert len(list(count(1000))) == 1000

    output = calls.one("count").output
    assert output[:3] == [0, 1, 2]
    assert output[-1] == f"… [truncated, {1001 - len(output)} more items]"


def test_a_filtered_output_is_not_recorded_item_by_item(calls: CapturedCalls) -> None:
    @spanloom.op(postprocess_output=lambda output: output)
    def secretive() -> Iterator[str]:
        yield "private"

    list(secretive())

    assert calls.one("secretive").output is None


def test_a_generator_has_no_call() -> None:
    with pytest.raises(spanloom.ConfigurationError, match="is a generator and has no call"):
        count.call(3)
