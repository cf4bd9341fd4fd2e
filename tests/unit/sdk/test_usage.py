from types import SimpleNamespace
from typing import Any

import pytest

import spanloom
from spanloom import conventions
from spanloom._tracing.usage import Usage, read_usage
from spanloom.errors import ConfigurationError
from spanloom.testing import CapturedCalls

OPENAI_CHAT = {
    "model": "gpt-5-2026",
    "usage": {
        "prompt_tokens": 16,
        "completion_tokens": 7,
        "total_tokens": 23,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    },
}
OPENAI_RESPONSES = SimpleNamespace(
    model="gpt-5-2026",
    usage=SimpleNamespace(
        input_tokens=16,
        output_tokens=7,
        total_tokens=23,
        input_tokens_details=SimpleNamespace(cached_tokens=4),
        output_tokens_details=SimpleNamespace(reasoning_tokens=2),
    ),
)
ANTHROPIC = SimpleNamespace(
    model="claude-x",
    usage=SimpleNamespace(
        input_tokens=11, cache_read_input_tokens=3, cache_creation_input_tokens=2, output_tokens=7
    ),
)
GEMINI = SimpleNamespace(
    model_version="gemini-x",
    usage_metadata=SimpleNamespace(
        prompt_token_count=16,
        cached_content_token_count=4,
        candidates_token_count=7,
        thoughts_token_count=2,
        total_token_count=25,
    ),
)
GEMINI_REST = {
    "modelVersion": "gemini-x",
    "usageMetadata": {"promptTokenCount": 16, "candidatesTokenCount": 7, "thoughtsTokenCount": 2},
}
BEDROCK = {"usage": {"inputTokens": 11, "outputTokens": 7, "cacheReadInputTokens": 5}}
LANGCHAIN = SimpleNamespace(
    response_metadata={"model_name": "gpt-5"},
    usage_metadata={
        "input_tokens": 16,
        "output_tokens": 7,
        "total_tokens": 23,
        "input_token_details": {"cache_read": 3, "cache_creation": 2},
        "output_token_details": {"reasoning": 2},
    },
)
LITELLM_ANTHROPIC = {
    "model": "claude-x",
    "usage": {
        "prompt_tokens": 16,
        "completion_tokens": 7,
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 2,
    },
}
GEMINI_WITH_TOOLS = {
    "modelVersion": "gemini-x",
    "usageMetadata": {
        "promptTokenCount": 16,
        "toolUsePromptTokenCount": 5,
        "candidatesTokenCount": 7,
        "totalTokenCount": 28,
    },
}
ANTHROPIC_THINKING = {
    "model": "claude-x",
    "usage": {
        "input_tokens": 11,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 4},
    },
}
LANGCHAIN_RESULT = SimpleNamespace(
    generations=[],
    llm_output={
        "model_name": "gpt-5",
        "token_usage": {"prompt_tokens": 16, "completion_tokens": 7},
    },
)
BOTH_FAMILIES = {
    "usage": {
        "prompt_tokens": 16,
        "input_tokens": 16,
        "completion_tokens": 7,
        "output_tokens": 7,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
    }
}
INCLUSIVE = {
    "usage": {
        "input_tokens": 16,
        "output_tokens": 7,
        "total_tokens": 23,
        "cache_read_input_tokens": 3,
    }
}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (OPENAI_CHAT, Usage("gpt-5-2026", 16, 7, 4, None, 2)),
        (OPENAI_RESPONSES, Usage("gpt-5-2026", 16, 7, 4, None, 2)),
        (ANTHROPIC, Usage("claude-x", 16, 7, 3, 2, None)),
        (GEMINI, Usage("gemini-x", 16, 9, 4, None, 2)),
        (GEMINI_REST, Usage("gemini-x", 16, 9, None, None, 2)),
        (BEDROCK, Usage(None, 16, 7, 5, None, None)),
        (LANGCHAIN, Usage("gpt-5", 16, 7, 3, 2, 2)),
        (LITELLM_ANTHROPIC, Usage("claude-x", 16, 7, 3, 2, None)),
        (GEMINI_WITH_TOOLS, Usage("gemini-x", 21, 7)),
        (ANTHROPIC_THINKING, Usage("claude-x", 11, 7, None, None, 4)),
        (LANGCHAIN_RESULT, Usage("gpt-5", 16, 7)),
        (BOTH_FAMILIES, Usage(None, 16, 7, 4, 1)),
        (INCLUSIVE, Usage(None, 16, 7, 3, None, None)),
        ({"usage": {"input_tokens": 3}}, Usage(None, 3, None, None, None, None)),
        ({"usage": {"prompt_tokens": 5, "total_tokens": 5}}, Usage(None, 5, *[None] * 4)),
    ],
)
def test_totals_are_the_same_whichever_client_answered(output: object, expected: Usage) -> None:
    assert read_usage(output) == expected


class Touchy:
    @property
    def usage(self) -> Any:
        raise RuntimeError("do not look")


@pytest.mark.parametrize(
    "output",
    [
        None,
        "usage",
        ["usage"],
        {"usage": 5},
        {"usage": None},
        {"usage": {"input_tokens": "7"}},
        {"usage": {"input_tokens": True, "output_tokens": -1}},
        {"usage": {"input_tokens": 2**70}},
        SimpleNamespace(),
        Touchy(),
    ],
)
def test_what_tells_no_counts_has_no_usage(output: object) -> None:
    assert read_usage(output) is None


@spanloom.op(kind="llm")
def ask(prompt: str, model: str = "gpt-5") -> dict[str, Any]:
    return OPENAI_CHAT


@spanloom.op
def wrapper(prompt: str) -> dict[str, Any]:
    return ask(prompt)


def test_tokens_and_models_are_on_the_span(calls: CapturedCalls) -> None:
    ask("why")

    attributes = calls.one("ask").attributes
    assert attributes[conventions.GEN_AI_REQUEST_MODEL] == "gpt-5"
    assert attributes[conventions.GEN_AI_RESPONSE_MODEL] == "gpt-5-2026"
    assert attributes[conventions.GEN_AI_USAGE_INPUT_TOKENS] == 16
    assert attributes[conventions.GEN_AI_USAGE_OUTPUT_TOKENS] == 7
    assert attributes[conventions.GEN_AI_USAGE_CACHE_READ_TOKENS] == 4
    assert attributes[conventions.GEN_AI_USAGE_REASONING_TOKENS] == 2


def test_handing_an_answer_on_uses_no_tokens(calls: CapturedCalls) -> None:
    @spanloom.op
    def outer() -> dict[str, Any]:
        wrapper("a")
        return wrapper("b")

    outer()

    with_tokens = [
        call.name for call in calls if conventions.GEN_AI_USAGE_INPUT_TOKENS in call.attributes
    ]
    assert with_tokens == ["ask", "ask"]


def test_a_request_model_is_recorded_where_it_means_something(calls: CapturedCalls) -> None:
    @spanloom.op(kind="llm")
    def failing_client(model: str) -> str:
        return "no usage"

    @spanloom.op
    def draw(model: str) -> str:
        return "no usage"

    @spanloom.op
    def home_made(model: str) -> dict[str, Any]:
        return {"usage": {"input_tokens": 1, "output_tokens": 2}}

    @spanloom.op
    def unnamed() -> dict[str, Any]:
        return {"usage": {"input_tokens": 1, "output_tokens": 2}}

    for function in (failing_client, draw, home_made):
        function(model="m")
    unnamed()

    models = [call.attributes.get(conventions.GEN_AI_REQUEST_MODEL) for call in calls]
    assert models == ["m", None, "m", None]


@spanloom.op
def in_house(stated: dict[str, Any]) -> dict[str, Any]:
    spanloom.require_current_call().set_usage(**stated)
    return OPENAI_CHAT


def test_what_an_app_states_counts_instead_of_what_a_result_tells(calls: CapturedCalls) -> None:
    @spanloom.op
    def outer() -> dict[str, Any]:
        return in_house({"model": "m", "input_tokens": 1, "output_tokens": 0})

    outer()

    usages = [
        {key: value for key, value in call.attributes.items() if key.startswith("gen_ai.")}
        for call in (calls.one("in_house"), calls.one("outer"))
    ]
    stated = {
        conventions.GEN_AI_RESPONSE_MODEL: "m",
        conventions.GEN_AI_USAGE_INPUT_TOKENS: 1,
        conventions.GEN_AI_USAGE_OUTPUT_TOKENS: 0,
    }
    assert usages == [stated, {}]


@pytest.mark.parametrize("count", [-1, 2**63, 1.5, True, "7"])
def test_a_count_that_is_none_is_refused(calls: CapturedCalls, count: Any) -> None:
    with pytest.raises(ConfigurationError, match="input_tokens must be a whole number"):
        in_house({"input_tokens": count})


def test_stating_the_usage_of_an_untraced_call_does_nothing() -> None:
    _, call = ask.call("why")
    call.set_usage(input_tokens=1)

    assert call.id == ""
