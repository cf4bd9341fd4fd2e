"""What is inserted comes back, once, on both ways to the engine."""

import time
import uuid

import orjson
import pytest

from spanloom_collector.pipeline.columns import rows_of
from spanloom_collector.pipeline.otlp_json import request_from_json
from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.rows import COLUMN_TYPES, SpanRow, insert_spans
from spanloom_query.reads.spans import get_span, get_span_as_otlp
from spanloom_query.reads.values import otlp
from tests.support.otlp import any_value, full_request, normalised, request, span


def _stored(engine: Engine, rows: list[SpanRow], token: str | None = None) -> None:
    with engine.writer() as client:
        insert_spans(client, rows, token or uuid.uuid4().hex)


def _count(engine: Engine, project: str, final: str = "FINAL") -> int:
    with engine.reader() as client:
        sql = f"SELECT count() FROM spans {final} WHERE project = {{project:String}}"
        count = client.query(sql, parameters={"project": project}).result_rows[0][0]
    return int(count)


def test_every_field_of_a_span_survives(engine: Engine) -> None:
    project = uuid.uuid4().hex
    sent = full_request()
    (row,) = rows_of(sent, project, time.time_ns())

    _stored(engine, [row])
    document = get_span_as_otlp(engine, project, row.trace_id, row.span_id)

    returned = request_from_json(orjson.dumps(document))
    assert normalised(returned) == normalised(sent)


def test_columns_are_those_of_the_table(engine: Engine) -> None:
    with engine.reader() as client:
        described = client.query("DESCRIBE TABLE spans").result_rows

    stored = [(name, type_) for name, type_, default, *_ in described if default != "ALIAS"]
    table = {name: type_ for name, type_ in stored if name != "is_deleted"}
    assert table == COLUMN_TYPES


def test_a_resent_span_shows_once(engine: Engine) -> None:
    project = uuid.uuid4().hex
    sent = request(span())
    for received in (1, 2, 3):
        _stored(engine, list(rows_of(sent, project, received)))

    assert _count(engine, project) == 1


def test_the_same_token_is_inserted_once(engine: Engine) -> None:
    project = uuid.uuid4().hex
    rows = list(rows_of(request(span()), project, 1))
    for _ in range(2):
        _stored(engine, rows, token=f"token-{project}")

    assert _count(engine, project, final="") == 1


def test_an_ended_span_is_not_hidden_by_its_late_start_record(engine: Engine) -> None:
    project = uuid.uuid4().hex
    ended = span("ended")
    started = span("started")
    started.CopyFrom(ended)
    started.end_time_unix_nano = 0
    _stored(engine, list(rows_of(request(ended), project, received_unix_nano=1)))
    _stored(engine, list(rows_of(request(started), project, received_unix_nano=2)))

    found = get_span(engine, project, ended.trace_id.hex(), ended.span_id.hex())
    assert found is not None
    assert found.status == "unset"
    assert found.end_time_unix_nano == ended.end_time_unix_nano


@pytest.mark.parametrize(
    ("end", "code", "age_s", "status"),
    [(1, 0, 9e9, "unset"), (1, 1, 0, "ok"), (1, 2, 0, "error"), (0, 0, 0, "running"),
     (0, 2, 3500, "running"), (0, 0, 3700, "lost")],
)  # fmt: skip
def test_a_span_that_never_ends_is_running_for_an_hour_and_then_lost(
    engine: Engine, end: int, code: int, age_s: float, status: str
) -> None:
    project = uuid.uuid4().hex
    now = time.time_ns()
    sent = span(end_time_unix_nano=end and now, status={"code": code})
    received = max(1, now - int(age_s * 1e9))
    _stored(engine, list(rows_of(request(sent), project, received)))

    found = get_span(engine, project, sent.trace_id.hex(), sent.span_id.hex())
    assert found is not None
    assert found.status == status


def test_one_batch_may_reach_over_many_months(engine: Engine) -> None:
    project = uuid.uuid4().hex
    month = 31 * 24 * 3_600 * 10**9
    spans = [
        span(start_time_unix_nano=i * month, end_time_unix_nano=i * month + 1) for i in range(150)
    ]
    _stored(engine, list(rows_of(request(*spans), project, 1)))

    assert _count(engine, project) == 150


def test_numbers_that_json_cannot_write_are_named() -> None:
    assert otlp(any_value(float("-inf"))) == {"doubleValue": "-Infinity"}
