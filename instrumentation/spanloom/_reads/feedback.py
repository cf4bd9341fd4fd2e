"""Feedback on a call: reactions, notes and scores."""

import dataclasses
import math
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from spanloom.errors import ConfigurationError

if TYPE_CHECKING:
    from spanloom._api import Api


@dataclasses.dataclass(frozen=True, slots=True)
class Feedback:
    """One piece of feedback. What its kind does not have is None."""

    id: str
    """32 lower-case hex digits."""
    kind: str
    """``reaction`` (has an emoji), ``note`` (has a text) or ``score``."""
    emoji: str | None
    text: str | None
    name: str | None
    """Of a score, which also has a value, a label or both."""
    value: bool | float | None
    label: str | None
    explanation: str | None
    creator: str
    created_at: datetime


class CallFeedback:
    """What was said about a call; iterating asks the server, the oldest first.

    Whatever is added or deleted is on the server's disk, and seen by every reader, when the method
    returns. Each of them raises ``UnreachableError`` or ``ServerError`` when it is not.

    Example:
        >>> call = client.call("00f067aa0ba902b7")  # doctest: +SKIP
        >>> call.feedback.add_score("tone", 0.9, explanation="friendly")  # doctest: +SKIP
        >>> [said.name for said in call.feedback]  # doctest: +SKIP
        ['tone']
    """

    __slots__ = ("_api", "_path")

    def __init__(self, api: "Api", trace_id: str, span_id: str) -> None:
        self._api = api
        self._path = api.path("traces", trace_id, "spans", span_id, "feedback")

    def add_reaction(self, emoji: str, *, creator: str = "") -> Feedback:
        """Add a reaction: one emoji, at most 64 characters."""
        return self._add({"kind": "reaction", "emoji": emoji, "creator": creator})

    def add_note(self, text: str, *, creator: str = "") -> Feedback:
        """Add a note: a text of at most 16,384 characters."""
        return self._add({"kind": "note", "text": text, "creator": creator})

    def add_score(
        self,
        name: str,
        value: bool | float | str | None = None,
        *,
        label: str | None = None,
        explanation: str | None = None,
        creator: str = "",
    ) -> Feedback:
        """Add a score.

        Args:
            name: what was judged.
            value: a number or a truth; a text is taken for the label.
            label: a word for it, such as ``"good"``.
            explanation: why.
            creator: who says so.

        Raises:
            ConfigurationError: there is neither value nor label, or the value is no finite number.
        """
        if isinstance(value, str):
            value, label = None, label or value
        score = {"value": _plain_number(value), "label": label, "explanation": explanation}
        if value is None and not label:
            raise ConfigurationError(f"score {name!r} needs a value, a label or both")
        given = {key: each for key, each in score.items() if each is not None}
        return self._add({"kind": "score", "name": name, "creator": creator, **given})

    def delete(self, feedback: Feedback | str) -> None:
        """Delete feedback, given itself or its id; it is no error when it is not there."""
        id_ = feedback if isinstance(feedback, str) else feedback.id
        self._api.delete(f"{self._path}/{id_}")

    def __iter__(self) -> Iterator[Feedback]:
        return iter([_feedback(said) for said in self._api.get(self._path)["feedback"]])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True  # that it exists is no question to the server

    def _add(self, said: Mapping[str, object]) -> Feedback:
        # With an id of its own it may be sent twice and is there once.
        body = {**said, "feedback_id": uuid.uuid4().hex}
        return _feedback(self._api.post(self._path, body, idempotent=True))


_SAME: Final = ("kind", "emoji", "text", "name", "value", "label", "explanation", "creator")


def _feedback(said: Mapping[str, Any]) -> Feedback:
    return Feedback(
        id=said["feedback_id"],
        created_at=datetime.fromisoformat(said["created_time"]),
        **{name: said[name] for name in _SAME},
    )


def _plain_number(value: Any) -> bool | int | float | None:
    plain = value.item() if hasattr(value, "item") else value  # numpy's and torch's scalars
    if plain is None or isinstance(plain, bool | int):
        return plain
    if isinstance(plain, float) and math.isfinite(plain):
        return plain
    raise ConfigurationError(f"a score is a finite number or a truth, not {value!r}: use a label")
