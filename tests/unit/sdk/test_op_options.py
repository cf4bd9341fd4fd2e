import functools
import inspect
from typing import Any

import pytest

import spanloom
from spanloom import Call, conventions
from spanloom.errors import ConfigurationError
from spanloom.testing import CapturedCalls


def test_what_is_not_to_be_captured_is_not_there(calls: CapturedCalls) -> None:
    @spanloom.op(capture_inputs=False, capture_output=False)
    def secretive(text: str) -> str:
        return text

    assert secretive("x") == "x"
    assert set(calls.one("secretive").attributes) == {conventions.OP_NAME, conventions.OP_KIND}


def test_usage_is_read_from_an_output_that_is_not_captured(calls: CapturedCalls) -> None:
    @spanloom.op(capture_output=False)
    def ask() -> dict[str, object]:
        return {"usage": {"input_tokens": 3, "output_tokens": 5}}

    ask()

    assert calls.one("ask").attributes[conventions.GEN_AI_USAGE_OUTPUT_TOKENS] == 5


def test_the_place_of_the_code_is_recorded_on_request(calls: CapturedCalls) -> None:
    def f(n: int = 0) -> int:
        return n

    class Model:
        def __call__(self) -> int:
            return 1

    for function in (f, functools.partial(f, 1), Model()):
        spanloom.op(capture_code=True)(function)()
    spanloom.op(capture_code=True)(len)([])

    plain, partial, model, builtin = (call.attributes for call in calls)
    assert plain[conventions.CODE_FUNCTION_NAME].endswith("<locals>.f")
    assert plain[conventions.CODE_FILE_PATH] == __file__
    assert plain[conventions.CODE_LINE_NUMBER] == inspect.getsourcelines(f)[1]
    assert partial[conventions.CODE_LINE_NUMBER] == plain[conventions.CODE_LINE_NUMBER]
    assert model[conventions.CODE_FUNCTION_NAME].endswith("Model.__call__")
    assert conventions.CODE_FILE_PATH not in builtin


def test_a_call_is_shown_under_the_name_that_it_is_given(
    calls: CapturedCalls, caplog: pytest.LogCaptureFixture
) -> None:
    def title(call: Call) -> str:
        assert call.id
        return f"greets {call.inputs['name']}"

    def broken(call: Call) -> str:
        raise ValueError

    def greet(name: str) -> None: ...

    spanloom.op(call_display_name="Hello")(greet)("a")
    spanloom.op(call_display_name=title)(greet)("a")
    spanloom.op(call_display_name=broken)(greet)("a")

    assert [call.name for call in calls] == [
        "Hello",
        "greets a",
        "<not recorded: broken raised ValueError>",
    ]
    assert {call.attributes[conventions.OP_NAME] for call in calls} == {"greet"}


def test_tags_and_color_are_on_every_call(calls: CapturedCalls) -> None:
    @spanloom.op(tags=["beta", "x"], color="blue")
    def f() -> None: ...

    with spanloom.attributes(tags=["x", "y"]):
        f()

    assert list(calls.one("f").attributes[conventions.TAGS]) == ["beta", "x", "y"]
    assert calls.one("f").attributes[conventions.OP_COLOR] == "blue"


@pytest.mark.parametrize("keyword", ["__weave", "__spanloom"])
async def test_one_call_can_be_named_and_marked(calls: CapturedCalls, keyword: str) -> None:
    @spanloom.op
    def plain(n: int) -> int:
        return n

    @spanloom.op
    async def later(n: int) -> int:
        return n

    @spanloom.op
    def items(n: int) -> Any:
        yield n

    @spanloom.op
    async def items_later(n: int) -> Any:
        yield n

    wishes: Any = {keyword: {"display_name": "this one", "attributes": {"a": {"b": 1}}}}
    assert plain(1, **wishes) == await later(1, **wishes) == 1
    assert list(items(1, **wishes)) == [item async for item in items_later(1, **wishes)] == [1]
    assert plain.call(1, **wishes)[0] == (await later.call(1, **wishes))[0] == 1
    assert plain(1, **{keyword: None}) == 1  # type: ignore[arg-type]

    assert [call.name for call in calls] == ["this one"] * 6 + ["plain"]
    assert [call.attributes.get("a.b") for call in calls] == [1] * 6 + [None]
    assert {tuple(call.inputs) for call in calls} == {("n",)}


def test_wishes_for_a_call_do_not_reach_an_untraced_function() -> None:
    @spanloom.op
    def f(**more: int) -> dict[str, int]:
        return more

    assert f(a=1, **{"__weave": {"display_name": "x"}}) == {"a": 1}  # type: ignore[arg-type]


def test_an_op_of_an_op_keeps_what_is_not_given_anew(calls: CapturedCalls) -> None:
    @spanloom.op(tags=["a"], kind="tool", capture_inputs=False, attributes={"x": 1, "y": 1})
    def f(n: int) -> None: ...

    spanloom.op(name="g", attributes={"y": 2})(f)(1)

    call = calls.one("g")
    assert (call.kind, call.inputs) == ("tool", None)
    assert (call.attributes["x"], call.attributes["y"]) == (1, 2)
    assert call.attributes[conventions.TAGS] == ["a"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color": "pink"}, "there is no color 'pink': use one of blue"),
        ({"tags": "beta"}, r"tags are a list such as \['beta'\]"),
        ({"tracing_sample_rate": 2}, "from 0 to 1"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        spanloom.op(**options)(len)
