"""``…/spans/{span_id}/feedback``: what people and programs say about a span."""

import time
import uuid
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    model_validator,
)

from spanloom_collector.storage.feedback import (
    FeedbackKey,
    FeedbackRow,
    delete_feedback,
    insert_feedback,
)
from spanloom_query.reads import feedback
from spanloom_query.routes.context import (
    CurrentServer,
    SmallBodyRoute,
    checked_id,
    checked_span_ids,
    granted_project,
)

router = APIRouter(
    route_class=SmallBodyRoute,
    prefix="/projects/{project:project}/traces/{trace_id}/spans/{span_id}/feedback",
    tags=["feedback"],
    dependencies=[Depends(granted_project)],
)

_FEEDBACK_ID_DIGITS = 32
_EMOJI_MAX_CHARS = 64
_NAME_MAX_CHARS = 256
_TEXT_MAX_CHARS = 16_384


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")

    creator: str = Field("", max_length=_NAME_MAX_CHARS, description="Who says so.")
    feedback_id: str | None = Field(
        None,
        pattern=f"^[0-9a-f]{{{_FEEDBACK_ID_DIGITS}}}$",
        description="32 hexadecimal digits of your choice make it safe to ask twice: the same id"
        " on the same span replaces what was there.",
    )


class Reaction(_Given):
    """A reaction: one emoji."""

    kind: Literal["reaction"]
    emoji: str = Field(min_length=1, max_length=_EMOJI_MAX_CHARS)


class Note(_Given):
    """A note: a text."""

    kind: Literal["note"]
    text: str = Field(min_length=1, max_length=_TEXT_MAX_CHARS)


class GivenScore(_Given):
    """A score: a value (a number or a truth), a label, or both."""

    kind: Literal["score"]
    name: str = Field(min_length=1, max_length=_NAME_MAX_CHARS)
    value: StrictBool | StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)] | None = None
    label: str = Field("", max_length=_NAME_MAX_CHARS)
    explanation: str = Field("", max_length=_TEXT_MAX_CHARS)

    @model_validator(mode="after")
    def _says_something(self) -> "GivenScore":
        if self.value is None and not self.label:
            raise ValueError("a score needs a value, a label or both")
        return self


GivenFeedback = Annotated[Reaction | Note | GivenScore, Body(discriminator="kind")]


@dataclass(frozen=True)
class FeedbackList:
    """All feedback on one span, the oldest first."""

    feedback: list[feedback.Feedback]


@router.get("")
def list_feedback(server: CurrentServer, project: str, trace_id: str, span_id: str) -> FeedbackList:
    """All feedback on one span, the oldest first."""
    ids = checked_span_ids(trace_id, span_id)
    return FeedbackList(feedback.list_feedback(server.engine, project, *ids))


@router.post("", status_code=201)
def add_feedback(
    server: CurrentServer, project: str, trace_id: str, span_id: str, given: GivenFeedback
) -> feedback.Feedback:
    """Add feedback to a span; it may come before the span itself. It is on disk when answered."""
    row = _row(FeedbackKey(project, *checked_span_ids(trace_id, span_id), _id_of(given)), given)
    with server.engine.writer() as client:
        insert_feedback(client, row)
    return feedback.feedback_of(row)


@router.delete("/{feedback_id}", status_code=204)
def remove_feedback(
    server: CurrentServer, project: str, trace_id: str, span_id: str, feedback_id: str
) -> None:
    """Delete feedback; it is no error when it is not there."""
    ids = checked_span_ids(trace_id, span_id)
    own_id = checked_id("feedback_id", feedback_id, _FEEDBACK_ID_DIGITS)
    with server.engine.writer() as client:
        delete_feedback(client, FeedbackKey(project, *ids, own_id))


def _id_of(given: _Given) -> str:
    return given.feedback_id or uuid.uuid4().hex


def _row(key: FeedbackKey, given: Reaction | Note | GivenScore) -> FeedbackRow:
    score = given if isinstance(given, GivenScore) else None
    texts = {"reaction": "emoji", "note": "text"}
    return FeedbackRow(
        *key,
        kind=given.kind,
        text=getattr(given, texts[given.kind]) if given.kind in texts else "",
        name=score.name if score else "",
        value=float(score.value) if score and score.value is not None else None,
        is_truth=score is not None and isinstance(score.value, bool),
        label=score.label if score else "",
        explanation=score.explanation if score else "",
        creator=given.creator,
        created_time=time.time_ns(),
    )
