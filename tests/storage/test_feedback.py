"""Feedback, names and deletions, on both ways to the engine."""

import uuid

import pytest

from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.edits import delete_spans, rename_span
from spanloom_collector.storage.feedback import (
    FeedbackKey,
    FeedbackRow,
    delete_feedback,
    insert_feedback,
)
from spanloom_collector.storage.rows import SpanRow, insert_spans
from tests.support.rows import span_row

TRACE_ID = "a" * 32
HOUR_NS = 3_600_000_000_000


@pytest.fixture
def project() -> str:
    return f"feedback-{uuid.uuid4().hex[:12]}"


def note(project: str, text: str, feedback_id: str = "f1", span_id: str = "b" * 16) -> FeedbackRow:
    return FeedbackRow(
        project, TRACE_ID, span_id, feedback_id, "note", text, "", None, False, "", "", "ann", 1
    )


def texts(engine: Engine, project: str) -> list[str]:
    sql = "SELECT text FROM feedback FINAL WHERE project = {project:String} ORDER BY feedback_id"
    with engine.reader() as client:
        return [row[0] for row in client.query(sql, {"project": project}).result_rows]


def stored(engine: Engine, project: str) -> list[tuple[str, str]]:
    sql = "SELECT span_id, name FROM spans FINAL WHERE project = {project:String} ORDER BY span_id"
    with engine.reader() as client:
        return [tuple(row) for row in client.query(sql, {"project": project}).result_rows]


def insert(engine: Engine, *rows: SpanRow) -> None:
    with engine.writer() as client:
        insert_spans(client, rows, uuid.uuid4().hex)


def test_feedback_comes_back_as_it_was_given(engine: Engine, project: str) -> None:
    score = FeedbackRow(
        project, TRACE_ID, "b" * 16, "f1", "score", "", "fün'\\n\n", 0.1, False, "ok", "why\t?",
        "bob", 1_700_000_000_123_456_789,
    )  # fmt: skip

    with engine.writer() as client:
        insert_feedback(client, score)

    names = ", ".join(FeedbackRow._fields[:-1]) + ", toUnixTimestamp64Nano(created_time)"
    sql = f"SELECT {names} FROM feedback FINAL WHERE project = {{project:String}}"
    with engine.reader() as client:
        rows = client.query(sql, {"project": project}).result_rows
    assert [FeedbackRow(*row) for row in rows] == [score]


def test_the_same_feedback_again_replaces_the_first(engine: Engine, project: str) -> None:
    with engine.writer() as client:
        insert_feedback(client, note(project, "first"))
        insert_feedback(client, note(project, "second"))
        insert_feedback(client, note(project, "other", "f2"))

    assert texts(engine, project) == ["second", "other"]


def test_deleted_feedback_is_gone_until_it_is_given_again(engine: Engine, project: str) -> None:
    key = FeedbackKey(project, TRACE_ID, "b" * 16, "f1")
    with engine.writer() as client:
        insert_feedback(client, note(project, "first"))
        delete_feedback(client, key)
        delete_feedback(client, key)
    assert texts(engine, project) == []

    with engine.writer() as client:
        insert_feedback(client, note(project, "again"))
    assert texts(engine, project) == ["again"]


def test_a_deleted_span_does_not_come_back(engine: Engine, project: str) -> None:
    running = span_row(project, TRACE_ID, "1" * 16, start_time=10 * HOUR_NS)
    ended = running._replace(end_time=2**62, version=2**63 + 2**62, name="ended")
    insert(engine, running)

    with engine.writer() as client:
        delete_spans(client, project, TRACE_ID, ["1" * 16, "2" * 16])
    insert(engine, running)
    insert(engine, ended)

    assert stored(engine, project) == []


def test_a_delete_leaves_other_spans_alone(engine: Engine, project: str) -> None:
    other_project = f"{project}-other"
    for owner, trace_id in ((project, TRACE_ID), (project, "c" * 32), (other_project, TRACE_ID)):
        insert(engine, *(span_row(owner, trace_id, digit * 16, name=trace_id[0]) for digit in "12"))

    with engine.writer() as client:
        delete_spans(client, project, TRACE_ID, ["1" * 16])

    assert stored(engine, project) == [("1" * 16, "c"), ("2" * 16, "a"), ("2" * 16, "c")]
    assert len(stored(engine, other_project)) == 2


def test_more_spans_than_one_statement_takes_in_many_months_are_deleted(
    engine: Engine, project: str
) -> None:
    month_ns = 31 * 24 * HOUR_NS
    rows = [
        span_row(project, TRACE_ID, f"{number:016x}", start_time=number % 101 * month_ns)
        for number in range(1_001)
    ]
    insert(engine, *rows)

    with engine.writer() as client:
        delete_spans(client, project, TRACE_ID, [row.span_id for row in rows])

    assert stored(engine, project) == []


def test_deleting_spans_deletes_what_was_said_about_them(engine: Engine, project: str) -> None:
    insert(engine, *(span_row(project, TRACE_ID, digit * 16) for digit in "12"))
    with engine.writer() as client:
        insert_feedback(client, note(project, "on the first", "f1", "1" * 16))
        insert_feedback(client, note(project, "on the second", "f2", "2" * 16))

        delete_spans(client, project, TRACE_ID, ["1" * 16])

    assert texts(engine, project) == ["on the second"]


def test_deleting_spans_deletes_their_log_records(engine: Engine, project: str) -> None:
    insert(engine, *(span_row(project, TRACE_ID, digit * 16) for digit in "12"))
    sql = "SELECT span_id FROM span_logs FINAL WHERE project = {project:String}"
    with engine.writer() as client:
        client.insert(
            "span_logs",
            [[project, TRACE_ID, digit * 16] for digit in "12"],
            column_names=["project", "trace_id", "span_id"],
        )

        delete_spans(client, project, TRACE_ID, ["1" * 16])
        found = client.query(sql, {"project": project}).result_rows

    assert found == [("2" * 16,)]


def test_the_last_name_counts_whatever_the_clock_says(engine: Engine, project: str) -> None:
    sql = "SELECT display_name FROM display_names FINAL WHERE project = {project:String}"
    with engine.writer() as client:
        client.insert(
            "display_names",
            [[project, TRACE_ID, "1" * 16, "from the future", 2**63]],
            column_names=["project", "trace_id", "span_id", "display_name", "version"],
        )
        rename_span(client, project, TRACE_ID, "1" * 16, "now")
        found = client.query(sql, {"project": project}).result_rows

    assert found == [("now",)]
