import asyncio
import contextlib
import contextvars
import functools
import gc
import inspect
import pickle
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import Span, SpanProcessor

import spanloom
from spanloom import conventions
from spanloom._client import state
from spanloom._provider import Hookup, Provider, Relay
from spanloom.errors import ConfigurationError, NoCurrentCallError
from spanloom.testing import CapturedCalls, captured_calls


@spanloom.op
def add(a: int, b: int = 1) -> int:
    """Add."""
    return a + b


@spanloom.op()
async def add_later(a: int, b: int = 1) -> int:
    await asyncio.sleep(0)
    return add(a, b)


@spanloom.op
def fail(message: str) -> None:
    raise KeyError(message)


class Adder:
    def __init__(self, start: int) -> None:
        self.start = start

    @spanloom.op
    def add(self, n: int) -> int:
        return self.start + n

    @spanloom.op(kind="tool")
    async def add_later(self, n: int) -> int:
        return self.start + n

    @classmethod
    @spanloom.op
    def zero(cls) -> int:
        return 0

    @staticmethod
    @spanloom.op
    def negate(n: int) -> int:
        return -n


def test_a_call_is_a_span_with_everything_about_it(calls: CapturedCalls) -> None:
    assert add(2) == 3

    call = calls.one("add")
    assert call.attributes == {
        conventions.OP_NAME: "add",
        conventions.OP_KIND: "span",
        conventions.INPUT_VALUE: '{"a":2,"b":1}',
        conventions.INPUT_MIME_TYPE: "application/json",
        conventions.OUTPUT_VALUE: "3",
        conventions.OUTPUT_MIME_TYPE: "application/json",
    }
    scope = call.span.instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version) == (conventions.SCOPE_NAME, spanloom.__version__)
    assert scope.schema_url == conventions.SCHEMA_URL


async def test_async_calls_nest_by_task(calls: CapturedCalls) -> None:
    results = await asyncio.gather(*(add_later(n) for n in range(20)))

    assert results == [n + 1 for n in range(20)]
    parents = {call.id: call for call in calls.named("add_later")}
    for call in calls.named("add"):
        assert call.parent_id is not None
        assert parents[call.parent_id].inputs == call.inputs
    assert {call.parent_id for call in parents.values()} == {None}


def test_methods_are_named_by_their_class_and_leave_self_out(calls: CapturedCalls) -> None:
    assert Adder(1).add(2) == 3
    assert asyncio.run(Adder(1).add_later(2)) == 3
    assert Adder.zero() == 0  # type: ignore[call-arg]
    assert Adder.negate(4) == -4

    assert [(call.name, call.inputs) for call in calls] == [
        ("Adder.add", {"n": 2}),
        ("Adder.add_later", {"n": 2}),
        ("Adder.zero", {}),
        ("Adder.negate", {"n": 4}),
    ]
    assert calls.one("Adder.add_later").kind == "tool"


def test_a_nested_function_is_named_without_the_one_around_it(calls: CapturedCalls) -> None:
    @spanloom.op
    def inner() -> None: ...

    inner()

    assert [call.name for call in calls] == ["inner"]


def test_options_name_describe_and_filter(calls: CapturedCalls) -> None:
    @spanloom.op(
        name="look up",
        kind="search",
        attributes={"team": {"name": "a"}},
        postprocess_inputs=lambda inputs: {"length": len(inputs["text"])},
        postprocess_output=str.upper,
    )
    def look_up(text: str) -> str:
        return text

    assert look_up("abc") == "abc"

    call = calls.one("look up")
    assert call.kind == "retriever"
    assert call.inputs == {"length": 3}
    assert call.output == "ABC"
    assert call.attributes["team.name"] == "a"


def test_a_filter_that_raises_records_nothing_and_is_told_of_once(
    calls: CapturedCalls, caplog: pytest.LogCaptureFixture
) -> None:
    def leave_out(value: Any) -> Any:
        raise ValueError("oops")

    @spanloom.op(postprocess_inputs=leave_out, postprocess_output=leave_out)
    def f(password_like: str) -> str:
        return password_like

    assert [f("x"), f("x")] == ["x", "x"]

    assert calls[0].inputs == calls[0].output == "<not recorded: leave_out raised ValueError>"
    assert len(caplog.records) == 1


def test_any_signature_is_recorded_by_name(calls: CapturedCalls) -> None:
    @spanloom.op
    def f(a: int, /, b: int = 2, *rest: int, c: int, d: object = None, **more: int) -> None: ...

    f(1, c=3, e=5)
    f(1, 2, 3, 4, c=5)

    assert calls[0].inputs == {"a": 1, "b": 2, "rest": [], "c": 3, "d": None, "e": 5}
    assert calls[1].inputs == {"a": 1, "b": 2, "rest": [3, 4], "c": 5, "d": None}


@pytest.mark.parametrize("function", [len, functools.partial(add, b=5), max, Adder(1).add])
def test_callables_of_other_kinds_are_traced(calls: CapturedCalls, function: Any) -> None:
    traced = spanloom.op(function)

    assert traced([7]) if function in (len, max) else traced(2)
    assert len(calls) == 1


def test_an_object_that_can_be_called_is_traced(calls: CapturedCalls) -> None:
    class Model:
        async def __call__(self, question: str) -> str:
            return question

    assert asyncio.run(spanloom.op(Model())("why")) == "why"
    assert calls.one("Model").output == "why"


def test_a_function_without_a_signature_is_recorded_as_called(calls: CapturedCalls) -> None:
    fromkeys: Any = dict.fromkeys
    greatest: Any = max
    make = spanloom.op(name="make")(fromkeys)

    assert make(["a"], 1) == {"a": 1}
    assert calls.one("make").output == {"a": 1}
    assert spanloom.op(greatest).call([1, 2])[0] == 2


def test_a_parameter_that_no_source_text_can_name_is_recorded_as_given(
    calls: CapturedCalls,
) -> None:
    def f(*args: int) -> int:
        return sum(args)

    keyword = inspect.Parameter("class", inspect.Parameter.POSITIONAL_ONLY)
    f.__signature__ = inspect.Signature([keyword])  # type: ignore[attr-defined]

    assert spanloom.op(f)(3) == 3
    assert calls.one("f").inputs == {"args": [3], "kwargs": {}}


def test_a_coroutine_closed_from_elsewhere_ends_its_call(
    calls: CapturedCalls, caplog: pytest.LogCaptureFixture
) -> None:
    coroutine = add_later(1)
    contextvars.copy_context().run(coroutine.send, None)

    coroutine.close()

    assert calls.one("add_later").attributes[conventions.ERROR_TYPE] == "GeneratorExit"
    assert caplog.records == []


def test_an_op_of_an_op_is_one_call(calls: CapturedCalls) -> None:
    again = spanloom.op(name="again", kind="chain")(add)

    assert again(1) == 2
    assert [(call.name, call.kind) for call in calls] == [("again", "chain")]


def test_the_op_still_looks_like_its_function() -> None:
    assert add.__name__ == "add"  # type: ignore[attr-defined]
    assert add.__doc__ == "Add."
    assert list(inspect.signature(add).parameters) == ["a", "b"]
    assert inspect.iscoroutinefunction(add_later)
    assert pickle.loads(pickle.dumps(add)) is add
    assert add.name == "add"


def test_an_exception_is_recorded_and_passes_unchanged(calls: CapturedCalls) -> None:
    with pytest.raises(KeyError) as caught:
        fail("gone")

    assert caught.value.args == ("gone",)
    call = calls.one("fail")
    assert call.error == "KeyError: 'gone'"
    assert call.attributes[conventions.ERROR_TYPE] == "KeyError"
    assert conventions.OUTPUT_VALUE not in call.attributes
    (event,) = call.span.events
    assert event.name == conventions.EXCEPTION_EVENT
    assert event.attributes is not None
    assert event.attributes[conventions.EXCEPTION_TYPE] == "KeyError"
    assert event.attributes[conventions.EXCEPTION_MESSAGE] == "'gone'"
    assert "raise KeyError(message)" in str(event.attributes[conventions.EXCEPTION_STACKTRACE])


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError(), UnspeakableError()]
)
def test_whatever_is_raised_ends_the_span_and_passes_unchanged(
    calls: CapturedCalls, error: BaseException
) -> None:
    @spanloom.op
    def interrupted() -> None:
        raise error

    @spanloom.op
    async def interrupted_later() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        interrupted()
    with pytest.raises(type(error)) as caught_later:
        interrupted_later().send(None)

    assert caught.value is caught_later.value is error
    assert [call.attributes[conventions.ERROR_TYPE] for call in calls] == [type(error).__name__] * 2
    assert not trace.get_current_span().get_span_context().is_valid
    assert spanloom.get_current_call() is None


def test_wrong_arguments_raise_the_functions_own_error(calls: CapturedCalls) -> None:
    with pytest.raises(TypeError, match=r"add\(\) missing 1 required positional argument: 'a'"):
        add()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="missing 1 required"):
        Adder(1).add()  # type: ignore[call-arg]

    assert calls.one("add").inputs == {"args": [], "kwargs": {}}
    assert calls.one("Adder.add").inputs == {"args": [], "kwargs": {}}
    assert calls.one("add").attributes[conventions.ERROR_TYPE] == "TypeError"


def test_calls_leave_nothing_to_the_garbage_collector(calls: CapturedCalls) -> None:
    @spanloom.op
    def items() -> Iterator[int]:
        yield add(1)

    def run() -> None:
        for _ in items():
            Adder(1).add(2)
        with spanloom.span("block"), contextlib.suppress(KeyError):
            fail("x")
        calls.clear()

    run()
    gc.collect()
    gc.disable()
    try:
        run()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_call_returns_the_result_and_the_call(calls: CapturedCalls) -> None:
    result, call = add.call(2, b=5)

    captured = calls.one("add")
    assert result == call.output == 7
    assert (call.id, call.trace_id, call.parent_id) == (captured.id, captured.trace_id, None)
    assert call.op_name == "add"
    assert call.inputs == {"a": 2, "b": 5}
    assert call.exception is None
    assert call.ended_at is not None
    assert call.started_at <= call.ended_at <= datetime.now(UTC)
    address = f"/p/captured/traces/{call.trace_id}?span={call.id}"
    assert call.ui_url == call.url == f"http://127.0.0.1:4319{address}"
    assert repr(call) == f"Call(op_name='add', id='{call.id}', trace_id='{call.trace_id}')"


async def test_call_of_an_async_op_is_awaited(calls: CapturedCalls) -> None:
    result, call = await add_later.call(2)

    assert (result, call.op_name) == (3, "add_later")
    assert calls.one("add").parent_id == call.id


async def test_call_keeps_the_exception_unless_told_otherwise(calls: CapturedCalls) -> None:
    @spanloom.op
    async def fail_later() -> None:
        raise ValueError("later")

    result, call = fail.call("gone")
    later, later_call = await fail_later.call()

    assert result is later is None
    assert isinstance(call.exception, KeyError)
    assert isinstance(later_call.exception, ValueError)
    with pytest.raises(KeyError):
        fail.call("gone", **{"__should_raise": True})
    with pytest.raises(ValueError, match="later"):
        await fail_later.call(**{"__should_raise": True})


def test_call_on_a_method_takes_the_instance_first(calls: CapturedCalls) -> None:
    adder = Adder(1)

    assert adder.add.call(adder, 2)[0] == 3
    assert Adder.add.call(adder, 2)[0] == 3
    with pytest.raises(TypeError) as caught:
        adder.add.call(2)  # type: ignore[call-arg]
    assert "call() takes the instance first" in caught.value.__notes__[0]
    with pytest.raises(TypeError, match="missing a required argument: 'a'"):
        add.call()  # type: ignore[call-arg]
    assert len(calls) == 2


def test_call_before_init_works_without_an_id() -> None:
    result, call = add.call(2)

    assert result == 3
    assert (call.id, call.trace_id, call.ui_url, call.parent_id) == ("", "", "", None)
    assert call.inputs == {}
    assert fail.call("x")[1].op_name == "fail"


def test_the_current_call_is_the_innermost(calls: CapturedCalls) -> None:
    @spanloom.op
    def outer() -> list[str]:
        before = spanloom.require_current_call().op_name
        return [before, inner(), spanloom.require_current_call().op_name]

    @spanloom.op
    def inner() -> str:
        call = spanloom.get_current_call()
        assert call is not None
        assert call.ended_at is None
        return call.op_name

    assert outer() == ["outer", "inner", "outer"]
    with pytest.raises(NoCurrentCallError, match=r"spanloom\.init"):
        spanloom.require_current_call()


def test_a_running_call_takes_attributes_and_errors(calls: CapturedCalls) -> None:
    @spanloom.op
    def f() -> None:
        spanloom.require_current_call().set_attributes({"a": {"b": 1}})
        spanloom.require_current_call().set_error("half done")

    f()

    assert calls.one("f").attributes["a.b"] == 1
    assert calls.one("f").error == "half done"


def test_threads_with_a_copied_context_nest(calls: CapturedCalls) -> None:
    @spanloom.op
    def outer() -> int:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(contextvars.copy_context().run, add, 1).result()

    outer()

    assert calls.one("add").parent_id == calls.one("outer").id


@pytest.mark.parametrize(
    ("decorate", "message"),
    [
        (lambda: spanloom.op(staticmethod(len)), "put @staticmethod above @spanloom.op"),
        (lambda: spanloom.op(Adder), "Adder is a class"),
        (
            lambda: spanloom.op("name"),  # type: ignore[call-overload]
            "options are given by name",
        ),
        (lambda: spanloom.op(kind="LLM")(len), "there is no kind 'LLM': use one of agent, chain"),
    ],
)
def test_misuse_of_the_decorator_is_refused_with_the_way_out(decorate: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        decorate()


class Saboteur(SpanProcessor):
    """A processor of somebody else, with a fault of its own."""

    def __init__(self) -> None:
        self.fails_at: str | None = None

    def on_start(self, span: Span, parent_context: object = None) -> None:
        if self.fails_at == "start":
            raise RuntimeError("their fault")

    def on_end(self, span: object) -> None:
        if self.fails_at == "end":
            raise RuntimeError("their fault")


@pytest.fixture
def saboteur() -> Iterator[Saboteur]:
    hookup = state.hookup
    provider, relay, saboteur = Provider(), Relay(state.surroundings), Saboteur()
    provider.add_span_processor(relay)
    provider.add_span_processor(saboteur)
    state.hookup = Hookup(provider, relay, is_own=True)
    with captured_calls():
        yield saboteur
    state.hookup = hookup


@pytest.mark.parametrize("moment", ["start", "end"])
def test_faults_of_other_processors_do_not_reach_the_app(
    saboteur: Saboteur,
    moment: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    saboteur.fails_at = moment
    try:
        assert add(1) == 2
        assert add(1) == 2
        with pytest.raises(KeyError):
            fail("x")
    finally:
        saboteur.fails_at = None

    assert 1 <= len(caplog.records) <= 2
    assert spanloom.get_current_call() is None


def test_inputs_that_cannot_even_be_bound_do_not_reach_the_app(
    calls: CapturedCalls, caplog: pytest.LogCaptureFixture
) -> None:
    class Hostile:
        def __spanloom_fields__(self) -> dict[str, object]:
            raise RuntimeError("no fields")

        @spanloom.op
        def f(self) -> int:
            return 1

        @spanloom.op
        async def g(self) -> int:
            return 2

        @spanloom.op
        def h(self) -> Any:
            yield 3

    assert Hostile().f() == 1
    assert asyncio.run(Hostile().g()) == 2
    assert list(Hostile().h()) == [3]
    assert Hostile().f.call(Hostile())[0] == 1
    assert calls == []
    assert len(caplog.records) == 3
