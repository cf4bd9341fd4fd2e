"""What was said about spans: reactions, notes and scores."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.feedback import FeedbackRow
from spanloom_collector.storage.rows import rfc3339
from spanloom_query.reads.occurrences import Score


@dataclass(frozen=True)
class Feedback:
    """One piece of feedback on a span.

    ``kind`` says which members are filled: a ``reaction`` has an ``emoji``, a ``note`` its
    ``text``; a ``score`` has a ``name`` and a ``value``, a ``label`` or both, and may be explained.
    """

    feedback_id: str
    trace_id: str
    span_id: str
    kind: str
    emoji: str | None
    text: str | None
    name: str | None
    value: bool | float | None
    label: str | None
    explanation: str | None
    creator: str
    created_time: str
    created_time_unix_nano: int


_FEEDBACK = """
SELECT
    project, trace_id, span_id, feedback_id, kind, text, name, value, is_truth, label, explanation,
    creator, toUnixTimestamp64Nano(created_time)
FROM feedback FINAL
WHERE project = {project:String} AND trace_id = {trace_id:String} AND span_id = {span_id:String}
ORDER BY created_time, feedback_id
"""


def list_feedback(engine: Engine, project: str, trace_id: str, span_id: str) -> list[Feedback]:
    """All feedback on one span, the oldest first."""
    parameters = {"project": project, "trace_id": trace_id, "span_id": span_id}
    with engine.reader() as client:
        rows = client.query(_FEEDBACK, parameters=parameters).result_rows
    return [feedback_of(FeedbackRow(*row)) for row in rows]


def feedback_of(row: FeedbackRow) -> Feedback:
    """A stored row as people read it."""
    return Feedback(
        feedback_id=row.feedback_id,
        trace_id=row.trace_id,
        span_id=row.span_id,
        kind=row.kind,
        emoji=row.text if row.kind == "reaction" else None,
        text=row.text if row.kind == "note" else None,
        name=row.name or None,
        value=_value(row),
        label=row.label or None,
        explanation=row.explanation or None,
        creator=row.creator,
        created_time=rfc3339(row.created_time),
        created_time_unix_nano=row.created_time,
    )


def given_scores(feedback: Iterable[Feedback]) -> list[Score]:
    """The scores among some feedback."""
    return [
        Score(
            name=said.name,
            value=said.value,
            label=said.label,
            explanation=said.explanation,
            error_type=None,
            response_id=None,
            source="feedback",
            time=said.created_time,
            time_unix_nano=said.created_time_unix_nano,
        )
        for said in feedback
        if said.name
    ]


def _value(row: FeedbackRow) -> Any:
    return bool(row.value) if row.is_truth and row.value is not None else row.value
