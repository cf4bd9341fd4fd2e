"""What events say of their span: messages and scores."""

from typing import Any

import pytest

from spanloom_query.reads.occurrences import Content, Occurrence, content_of, scores_of

_DETAILS = "gen_ai.client.inference.operation.details"
_INPUT = [{"role": "user", "parts": [{"type": "text", "content": "2+2?"}]}]
_OUTPUT = [{"role": "assistant", "parts": [{"type": "text", "content": "4"}]}]


def _details(**members: Any) -> Occurrence:
    return Occurrence(_DETAILS, 1, {f"gen_ai.{key}": value for key, value in members.items()})


def _messages(name: str, *bodies: Any) -> list[Occurrence]:
    return [Occurrence(f"gen_ai.{name}", time, {}, body) for time, body in enumerate(bodies)]


@pytest.mark.parametrize(
    ("given", "answer"),
    [(_INPUT, _OUTPUT), ('[{"role":"user","parts":[]}]', '[{"role":"assistant","parts":[]}]')],
)
def test_details_may_be_structured_or_json(given: Any, answer: Any) -> None:
    event = _details(**{"input.messages": given, "output.messages": answer})
    content = content_of([event])

    assert content.input is not None
    assert [message["role"] for message in content.input] == ["user"]
    assert content.output is not None
    assert [message["role"] for message in content.output] == ["assistant"]


def test_system_instructions_stand_before_the_conversation() -> None:
    instructions = [{"type": "text", "content": "Be brief."}]
    event = _details(system_instructions=instructions, **{"input.messages": _INPUT})

    system = {"role": "system", "parts": instructions}
    assert content_of([event]) == Content([system, *_INPUT], None)


def test_the_latest_details_that_say_something_are_believed() -> None:
    first = _details(**{"input.messages": _INPUT, "output.messages": "[]"})
    last = _details(**{"output.messages": _OUTPUT})

    assert content_of([first, last, _details()]) == Content(_INPUT, _OUTPUT)


def test_older_messages_are_collected_in_order_with_their_roles() -> None:
    call = {"tool_calls": [{"id": "1", "function": {"name": "add", "arguments": "{}"}}]}
    occurrences = [
        *_messages("system.message", {"content": "Be brief."}),
        *_messages("user.message", {"content": "2+2?"}),
        *_messages("assistant.message", call),
        *_messages("tool.message", {"content": "4", "id": "1"}),
    ]

    assert content_of(occurrences).input == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", **call},
        {"role": "tool", "content": "4", "id": "1"},
    ]


def test_choices_are_the_output() -> None:
    message = {"role": "assistant", "content": "4"}
    occurrences = _messages(
        "choice",
        {"index": 0, "finish_reason": "stop", "message": message},
        {"index": 1, "message": "four"},
    )

    assert content_of(occurrences).output == [
        {"role": "assistant", "content": "4", "index": 0, "finish_reason": "stop"},
        {"role": "assistant", "content": "four", "index": 1},
    ]


def test_events_without_content_say_nothing() -> None:
    occurrences = [
        *_messages("user.message", None, {}, {"role": "user"}),
        *_messages("choice", {"index": 0, "message": {"role": "assistant"}}),
        Occurrence("something.else", 1, {}, {"content": "x"}),
    ]

    assert content_of(occurrences) == Content(None, None)


def test_a_span_event_says_in_attributes_what_a_record_says_in_its_body() -> None:
    said = {"content": '[{"text": "2+2?"}]', "gen_ai.system": "x", "event.name": "y"}

    content = content_of([Occurrence("gen_ai.user.message", 1, said)])
    assert content.input == [{"role": "user", "content": [{"text": "2+2?"}]}]


@pytest.mark.parametrize(
    ("sent", "value"), [(0.5, 0.5), (1, 1.0), ("0.25", 0.25), ("NaN", None), ("high", None)]
)
def test_the_value_of_a_score_is_a_number_or_missing(sent: Any, value: float | None) -> None:
    attributes = {"gen_ai.evaluation.name": "r", "gen_ai.evaluation.score.value": sent}

    assert scores_of([Occurrence("gen_ai.evaluation.result", 1, attributes)])[0].value == value


def test_an_evaluation_that_failed_is_told() -> None:
    attributes = {"gen_ai.evaluation.name": "r", "error.type": "timeout"}
    (score,) = scores_of([Occurrence("gen_ai.evaluation.result", 1, attributes)])

    assert (score.name, score.value, score.label, score.error_type) == ("r", None, None, "timeout")
