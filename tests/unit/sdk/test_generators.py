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


def test_an_accumulator_folds_what_is_yielded(calls: CapturedCalls) -> None:
    @spanloom.op(
        accumulator=lambda text, word: (text or "") + word,
        postprocess_output=lambda text: {"text": text},
    )
    def words() -> Iterator[str]:
        yield from ["a", "b", "c"]

    assert list(words()) == ["a", "b", "c"]
    assert calls.one("words").output == {"text": "abc"}


async def test_an_accumulator_that_raises_does_not_reach_the_consumer(
    calls: CapturedCalls, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(total: int | None, item: int) -> int:
        raise ZeroDivisionError

    @spanloom.op(accumulator=broken)
    async def numbers() -> AsyncIterator[int]:
        yield 1
        yield 2

    assert [number async for number in numbers()] == [1, 2]
    assert calls.one("numbers").output == "<not recorded: broken raised ZeroDivisionError>"
    assert len(caplog.records) == 1


def test_a_generator_that_raises_keeps_what_it_yielded(calls: CapturedCalls) -> None:
    @spanloom.op
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(broken())

    assert calls.one("broken").output == [1]


def test_items_are_recorded_as_they_were_when_they_came(calls: CapturedCalls) -> None:
    @spanloom.op
    def lists() -> Iterator[list[int]]:
        yield [1]
        yield [2]

    for item in lists():
        item.append(9)

    assert calls.one("lists").output == [[1], [2]]


def test_the_usage_of_a_stream_is_that_of_its_last_word(calls: CapturedCalls) -> None:
    @spanloom.op(kind="llm")
    def stream() -> Iterator[object]:
        yield {"delta": "a", "usage": None}
        yield {"delta": "", "model": "m", "usage": {"input_tokens": 3, "output_tokens": 5}}

    @spanloom.op
    def outer() -> list[object]:
        return list(stream())

    outer()

    assert calls.one("stream").attributes["gen_ai.usage.output_tokens"] == 5
    assert calls.one("stream").attributes["gen_ai.response.model"] == "m"
    assert "gen_ai.usage.output_tokens" not in calls.one("outer").attributes


async def test_cleaning_up_after_an_early_end_is_part_of_the_call(calls: CapturedCalls) -> None:
    @spanloom.op
    def plain() -> Iterator[int]:
        try:
            yield 1
        finally:
            note("cleaned")

    @spanloom.op
    async def later() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            note("cleaned")

    next(numbers := plain())
    numbers.close()  # type: ignore[attr-defined]
    await anext(numbers_later := later())
    await numbers_later.aclose()  # type: ignore[attr-defined]

    assert [call.output for call in calls.children(calls.one("plain"))] == ["cleaned"]
    assert [call.output for call in calls.children(calls.one("later"))] == ["cleaned"]


async def test_an_error_in_cleaning_up_fails_the_call(calls: CapturedCalls) -> None:
    @spanloom.op
    def plain() -> Iterator[int]:
        try:
            yield 1
        finally:
            raise KeyError("x")

    @spanloom.op
    async def later() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            raise KeyError("x")

    next(numbers := plain())
    await anext(numbers_later := later())
    with pytest.raises(KeyError):
        numbers.close()  # type: ignore[attr-defined]
    with pytest.raises(KeyError):
        await numbers_later.aclose()  # type: ignore[attr-defined]

    assert calls.one("plain").error == calls.one("later").error == "KeyError: 'x'"


async def test_interleaved_generators_keep_their_own_children(calls: CapturedCalls) -> None:
    @spanloom.op
    def outer() -> None:
        for _ in zip(count(2), count(2), strict=True):
            note("between")

    outer()

    for call in calls.named("count"):
        assert [child.output for child in calls.children(call)] == ["inside 0", "inside 1"]
        assert call.parent_id == calls.one("outer").id
    assert len(calls.children(calls.one("outer"))) == 4


def test_an_output_that_is_not_captured_is_not_kept(calls: CapturedCalls) -> None:
    @spanloom.op(capture_output=False)
    def secretive() -> Iterator[object]:
        yield "private"
        yield {"a": 1}

    @spanloom.op(capture_output=False, accumulator=lambda total, item: item)
    def folded() -> Iterator[str]:
        yield "private"

    assert len(list(secretive()) + list(folded())) == 3
    assert "output.value" not in calls.one("secretive").attributes
    assert "output.value" not in calls.one("folded").attributes
