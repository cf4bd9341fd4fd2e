"""Tokens of genuine clients, whichever way they are called, are exact and counted once."""

from dataclasses import dataclass, field

import pytest

from tests.e2e.integrations.conftest import APPS, Recorded, Run
from tests.support.server import Server

_INSTRUMENTATIONS = {
    "openai": "opentelemetry.instrumentation.genai.openai",
    "anthropic": "com.anthropic.sdk.python",
    "google": "openinference.instrumentation.google_genai",
    "bedrock": "opentelemetry.instrumentation.genai.bedrock",
    "litellm": "openinference.instrumentation.litellm",
    "langchain": "opentelemetry.instrumentation.genai.langchain",
}
"""Who makes the spans of a client's calls when ``init`` has the choice."""


@dataclass(frozen=True)
class Case:
    app: str
    tokens: tuple[int | None, ...] = (16, 7, 23)
    exceptions: dict[str, tuple[int | None, ...]] = field(default_factory=dict)


_CASES = [
    Case("openai", exceptions={"embeddings": (5, None, 5)}),
    Case("anthropic"),
    Case("google", tokens=(16, 9, 25)),
    Case("bedrock"),
    Case("litellm"),
    Case("langchain"),
]

_OPENINFERENCE_OPENAI = "openinference.instrumentation.openai:OpenAIInstrumentor"
_OPENINFERENCE_ANTHROPIC = "openinference.instrumentation.anthropic:AnthropicInstrumentor"
_GENAI_ANTHROPIC = "opentelemetry.instrumentation.genai.anthropic:AnthropicInstrumentor"


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.app)
def test_every_way_of_calling_a_client_counts_once(server: Server, run: Run, case: Case) -> None:
    recorded = Recorded(server, run(APPS / f"{case.app}_app.py"))

    expected = dict.fromkeys(recorded.tokens, case.tokens) | case.exceptions
    assert recorded.tokens == expected
    assert len(expected) >= 3
    assert all(not tree["duplicates"] for tree in recorded.trees.values())
    for name in recorded.trees:
        calls = [span for span in recorded.spans(name) if span["kind"] in ("llm", "embedding")]
        assert [call["scope"]["name"] for call in calls] == [_INSTRUMENTATIONS[case.app]]
        assert "France" in str(calls[0]["input"]) or name == "embeddings"


@pytest.mark.parametrize(
    ("app", "also", "spans_a_call"),
    [
        ("openai", [_OPENINFERENCE_OPENAI], 2),
        ("anthropic", [_OPENINFERENCE_ANTHROPIC, _GENAI_ANTHROPIC], 3),
    ],
    ids=["two for OpenAI", "three for Anthropic"],
)
def test_calls_count_once_with_other_instrumentations_on(
    server: Server, run: Run, app: str, also: list[str], spans_a_call: int
) -> None:
    recorded = Recorded(server, run(APPS / f"{app}_app.py", *also))

    expected = dict.fromkeys(recorded.tokens, (16, 7, 23))
    assert recorded.tokens | {"embeddings": (16, 7, 23)} == expected | {"embeddings": (16, 7, 23)}
    for tree in recorded.trees.values():
        assert len([k for k in tree["spans"]["kind"] if k in ("llm", "embedding")]) == spans_a_call
        assert len(tree["duplicates"]) == spans_a_call - 1


def test_anthropic_without_its_own_spans_is_instrumented(server: Server, run: Run) -> None:
    recorded = Recorded(server, run(APPS / "anthropic_app.py", ANTHROPIC_OPEN_TELEMETRY="false"))

    assert set(recorded.tokens.values()) == {(16, 7, 23)}
    scopes = {span["scope"]["name"] for span in recorded.spans("message_stream_helper_async")}
    assert scopes == {"spanloom", "opentelemetry.instrumentation.genai.anthropic"}


def test_content_stays_out_where_the_app_says_so(server: Server, run: Run) -> None:
    variable = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "NO_CONTENT"}
    recorded = Recorded(server, run(APPS / "bedrock_app.py", **variable))

    _, call = recorded.spans("converse")
    assert (call["input"], call["output"], call["total_tokens"]) == (None, None, 23)


def test_no_client_is_instrumented_where_the_app_says_so(server: Server, run: Run) -> None:
    recorded = Recorded(server, run(APPS / "bedrock_app.py", SPANLOOM_INTEGRATIONS="none"))

    assert recorded.tokens["converse"] == (None, None, None)
    assert recorded.tokens["converse_handed_on"] == (16, 7, 23)
    assert [tree["span_count"] for tree in recorded.trees.values()] == [1, 1, 1]
