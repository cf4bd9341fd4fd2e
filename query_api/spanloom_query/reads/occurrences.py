"""What events say of the span that they belong to: its messages and its scores.

OpenTelemetry's conventions for generative AI have such events as log records, some of them as span
events too; both are read alike.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from spanloom import conventions
from spanloom_collector.storage.rows import rfc3339
from spanloom_query.reads.values import payload


class Occurrence(NamedTuple):
    """A span event, or a log record that is an event; its values are plain JSON."""

    name: str
    time_unix_nano: int
    attributes: dict[str, Any]
    body: Any = None


class Content(NamedTuple):
    """What went into a call and came out of it; None where nothing is said of it."""

    input: list[Any] | None
    output: list[Any] | None


@dataclass(frozen=True)
class Score:
    """One result of evaluating a span. ``value``, ``label``, ``explanation``: those that were sent.

    ``error_type`` is set when the evaluation itself failed; ``source`` is ``event`` for what was sent
    with the span, ``feedback`` for what was said about it later.
    """

    name: str
    value: bool | float | None
    label: str | None
    explanation: str | None
    error_type: str | None
    response_id: str | None
    source: str
    time: str
    time_unix_nano: int


_INPUT_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE = "gen_ai.choice"
_NO_CONTENT = ("role", "id", "finish_reason", "index")
_OF_THE_CALL = ("gen_ai.", "event.", "server.", "error.")


def content_of(occurrences: Sequence[Occurrence]) -> Content:
    """The messages that events carry.

    Where the one event of the current conventions says something it is believed, the latest first;
    else the messages that older clients send one by one are collected.

    Args:
        occurrences: of one span, in the order of their time.

    Example:
        >>> content_of([Occurrence("gen_ai.user.message", 1, {}, {"content": "Hello"})])
        Content(input=[{'role': 'user', 'content': 'Hello'}], output=None)
    """
    details = [
        occurrence
        for occurrence in reversed(occurrences)
        if occurrence.name == conventions.GEN_AI_DETAILS_EVENT
    ]
    return Content(
        _first(map(_input_of, details)) or _list_or_none(_input_messages(occurrences)),
        _first(_messages(details, conventions.GEN_AI_OUTPUT_MESSAGES))
        or _list_or_none(_choices(occurrences)),
    )


def scores_of(occurrences: Iterable[Occurrence]) -> list[Score]:
    """The scores that events carry, in the order of the events.

    Example:
        >>> attributes = {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 1}
        >>> [score] = scores_of([Occurrence("gen_ai.evaluation.result", 1, attributes)])
        >>> score.name, score.value, score.label
        ('relevance', 1.0, None)
    """
    return [
        _score(occurrence)
        for occurrence in occurrences
        if occurrence.name == conventions.GEN_AI_EVALUATION_EVENT
    ]


def _score(occurrence: Occurrence) -> Score:
    told = occurrence.attributes
    return Score(
        name=_text(told.get(conventions.GEN_AI_EVALUATION_NAME)) or "",
        value=_number(told.get(conventions.GEN_AI_EVALUATION_SCORE_VALUE)),
        label=_text(told.get(conventions.GEN_AI_EVALUATION_SCORE_LABEL)),
        explanation=_text(told.get(conventions.GEN_AI_EVALUATION_EXPLANATION)),
        error_type=_text(told.get(conventions.ERROR_TYPE)),
        response_id=_text(told.get(conventions.GEN_AI_RESPONSE_ID)),
        source="event",
        time=rfc3339(occurrence.time_unix_nano),
        time_unix_nano=occurrence.time_unix_nano,
    )


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _input_of(details: Occurrence) -> list[Any]:
    instructions = _parsed(details.attributes.get(conventions.GEN_AI_SYSTEM_INSTRUCTIONS))
    system = [{"role": "system", "parts": instructions}] if instructions else []
    return [*system, *_as_list(details.attributes.get(conventions.GEN_AI_INPUT_MESSAGES))]


def _messages(details: Iterable[Occurrence], key: str) -> Iterator[list[Any]]:
    return (_as_list(occurrence.attributes.get(key)) for occurrence in details)


def _input_messages(occurrences: Iterable[Occurrence]) -> Iterator[dict[str, Any]]:
    for occurrence in occurrences:
        role = _INPUT_ROLES.get(occurrence.name)
        message = _told(occurrence)
        if role is not None and _says_something(message):
            yield {"role": role, **message}


def _choices(occurrences: Iterable[Occurrence]) -> Iterator[dict[str, Any]]:
    for occurrence in occurrences:
        if occurrence.name == _CHOICE:
            choice = _told(occurrence)
            message = choice.pop("message", None)
            choice |= message if isinstance(message, dict) else {"content": message}
            if _says_something(choice):
                yield {"role": "assistant", **choice}


def _told(occurrence: Occurrence) -> dict[str, Any]:
    """What a message's event says: its body, or the attributes of a span event."""
    body = occurrence.body
    if isinstance(body, dict):
        return dict(body)
    if body is not None:
        return {"content": body}
    return {
        key: _parsed(value)
        for key, value in occurrence.attributes.items()
        if not key.startswith(_OF_THE_CALL)
    }


def _says_something(message: dict[str, Any]) -> bool:
    """Clients that may not record content send the events without it."""
    return any(value for key, value in message.items() if key not in _NO_CONTENT)


def _parsed(value: Any) -> Any:
    return payload(value) if isinstance(value, str) else value


def _as_list(value: Any) -> list[Any]:
    parsed = _parsed(value)
    if not parsed:
        return []
    return parsed if isinstance(parsed, list) else [parsed]


def _first(found: Iterable[list[Any]]) -> list[Any] | None:
    return next((messages for messages in found if messages), None)


def _list_or_none(messages: Iterable[dict[str, Any]]) -> list[Any] | None:
    return list(messages) or None
