"""Rows of the table ``feedback``, and their inserts; when one returns, its rows are on disk."""

import time
from typing import NamedTuple

from clickhouse_connect.driver.client import Client


class FeedbackKey(NamedTuple):
    """Which feedback on which span is meant; ids are lower-case hex."""

    project: str
    trace_id: str
    span_id: str
    feedback_id: str


class FeedbackRow(NamedTuple):
    """One piece of feedback on a span. What its kind does not have is empty or None."""

    project: str
    trace_id: str
    span_id: str
    feedback_id: str
    kind: str
    text: str
    name: str
    value: float | None
    is_truth: bool
    label: str
    explanation: str
    creator: str
    created_time: int
    """Nanoseconds since 1970."""

    @property
    def key(self) -> FeedbackKey:
        """What identifies it."""
        return FeedbackKey(*self[:4])


_COLUMN_TYPES = {
    **dict.fromkeys(FeedbackRow._fields, "String"),
    **dict.fromkeys(("project", "kind", "name"), "LowCardinality(String)"),
    "value": "Nullable(Float64)",
    "is_truth": "Bool",
    "created_time": "DateTime64(9, 'UTC')",
    "version": "UInt64",
}

_SAME_KEY = """
project = {project:String} AND trace_id = {trace_id:String} AND span_id = {span_id:String}
AND feedback_id = {feedback_id:String}
"""


def insert_feedback(client: Client, row: FeedbackRow) -> None:
    """Store feedback; the same id on the same span again replaces what was there, deleted or not.

    Args:
        client: the writing client.
        row: what to store.

    Raises:
        clickhouse_connect.driver.exceptions.ClickHouseError: nothing is promised about the row.
    """
    found = client.query(
        f"SELECT max(version) FROM feedback WHERE {_SAME_KEY}",  # noqa: S608  # a constant
        parameters=row.key._asdict(),
    ).result_rows
    version = max(time.time_ns(), found[0][0] + 1)  # the clock may have been set back
    client.insert(
        "feedback",
        [[*row, version]],
        column_names=list(_COLUMN_TYPES),
        column_type_names=list(_COLUMN_TYPES.values()),
        settings={"async_insert": 0},
    )


_DELETE_ONE = f"""
INSERT INTO feedback (project, trace_id, span_id, feedback_id, version, is_deleted)
SELECT project, trace_id, span_id, feedback_id, greatest(version + 1, {{now:UInt64}}), 1
FROM feedback FINAL
WHERE {_SAME_KEY}
"""  # noqa: S608  # made of constants

_DELETE_OF_SPANS = """
INSERT INTO feedback (project, trace_id, span_id, feedback_id, version, is_deleted)
SELECT project, trace_id, span_id, feedback_id, greatest(version + 1, {now:UInt64}), 1
FROM feedback FINAL
WHERE project = {project:String} AND trace_id = {trace_id:String}
  AND span_id IN {span_ids:Array(String)}
"""


def delete_feedback(client: Client, key: FeedbackKey) -> None:
    """Delete feedback, if it is there."""
    client.command(_DELETE_ONE, parameters={**key._asdict(), "now": time.time_ns()})


def delete_feedback_of_spans(
    client: Client, project: str, trace_id: str, span_ids: list[str]
) -> None:
    """Delete all feedback on some spans of a trace."""
    parameters = {"project": project, "trace_id": trace_id, "span_ids": span_ids}
    client.command(_DELETE_OF_SPANS, parameters={**parameters, "now": time.time_ns()})
