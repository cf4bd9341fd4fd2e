"""Log records come back, once, with their span, on both ways to the engine."""

import random
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from spanloom_collector.delivery.journal import JournalLimits
from spanloom_collector.delivery.records import Record
from spanloom_collector.delivery.spool import Spool
from spanloom_collector.pipeline.columns import rows_of
from spanloom_collector.pipeline.log_columns import log_rows_of
from spanloom_collector.pipeline.otlp_json import logs_request_from_json
from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.log_rows import LOG_COLUMN_TYPES, LogRow, insert_logs
from spanloom_collector.storage.rows import insert_spans
from spanloom_query.reads.logs import MAX_LOGS, SpanLogs, get_logs, get_logs_as_otlp
from spanloom_query.reads.spans import Span, get_span
from tests.support.otlp import (
    full_logs_request,
    log_record,
    logs_request,
    normalised,
    request,
    span,
)


def _store_logs(engine: Engine, sent: ExportLogsServiceRequest, project: str) -> None:
    with engine.writer() as client:
        rows = list(log_rows_of(sent, project, time.time_ns()))
        insert_logs(client, rows, uuid.uuid4().hex)


def _store_span(engine: Engine, sent: OtlpSpan, project: str) -> None:
    with engine.writer() as client:
        insert_spans(client, list(rows_of(request(sent), project, 1)), uuid.uuid4().hex)


def _logs(engine: Engine, project: str, of: OtlpSpan) -> SpanLogs:
    return get_logs(engine, project, of.trace_id.hex(), of.span_id.hex())


def _span(engine: Engine, project: str, of: OtlpSpan) -> Span:
    found = get_span(engine, project, of.trace_id.hex(), of.span_id.hex())
    assert found is not None
    return found


def test_columns_are_those_of_the_table_of_logs(engine: Engine) -> None:
    with engine.reader() as client:
        described = client.query("DESCRIBE TABLE span_logs").result_rows

    assert {name: type_ for name, type_, *_ in described} == LOG_COLUMN_TYPES


def test_every_field_of_a_log_record_survives(engine: Engine) -> None:
    project = uuid.uuid4().hex
    sent = full_logs_request()
    record = sent.resource_logs[0].scope_logs[0].log_records[0]
    _store_logs(engine, sent, project)
    document = get_logs_as_otlp(engine, project, record.trace_id.hex(), record.span_id.hex())

    returned = logs_request_from_json(orjson.dumps(document))
    assert normalised(returned) == normalised(sent)


def test_a_resent_record_shows_once_and_another_one_beside_it(engine: Engine) -> None:
    project, of = uuid.uuid4().hex, span()
    same, other = (log_record(of, body=text, time_unix_nano=1) for text in ("same", "other"))
    for records in ([same], [same], [other, same]):
        _store_logs(engine, logs_request(*records), project)

    found = _logs(engine, project, of)
    assert sorted(record.body for record in found.logs) == ["other", "same"]
    assert found.log_count == 2


def test_records_of_the_same_time_keep_their_order(engine: Engine) -> None:
    project, of = uuid.uuid4().hex, span()
    texts = [f"{random.random()}" for _ in range(20)]
    records = [log_record(of, body=text, time_unix_nano=1) for text in texts]
    _store_logs(engine, logs_request(*records), project)

    assert [record.body for record in _logs(engine, project, of).logs] == texts


def test_a_record_without_a_time_has_that_of_its_observation(engine: Engine) -> None:
    project, of = uuid.uuid4().hex, span()
    record = log_record(of, time_unix_nano=0, observed_time_unix_nano=5)
    _store_logs(engine, logs_request(record), project)

    assert _logs(engine, project, of).logs[0].time_unix_nano == 5


def test_of_very_many_records_those_of_generative_ai_are_shown(engine: Engine) -> None:
    project, of = uuid.uuid4().hex, span()
    chatter = [log_record(of, body=number, time_unix_nano=number + 1) for number in range(MAX_LOGS)]
    event = log_record(of, attrs={"event.name": "gen_ai.choice"}, time_unix_nano=9_999)
    _store_logs(engine, logs_request(*chatter, event), project)

    found = _logs(engine, project, of)
    assert found.log_count == MAX_LOGS + 1
    assert [record.body for record in found.logs[:-1]] == list(range(MAX_LOGS - 1))
    assert found.logs[-1].event_name == "gen_ai.choice"


@pytest.mark.parametrize("logs_come_first", [True, False])
def test_messages_fill_in_for_what_a_span_does_not_say(
    engine: Engine, logs_come_first: bool
) -> None:
    project, of = uuid.uuid4().hex, span(attrs={"input.value": "its own"})
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": "4"}]}]
    told = {"gen_ai.input.messages": [{"role": "user"}], "gen_ai.output.messages": answer}
    event = log_record(of, "gen_ai.client.inference.operation.details", attrs=told)
    if logs_come_first:
        _store_logs(engine, logs_request(event), project)
        _store_span(engine, of, project)
    else:
        _store_span(engine, of, project)
        _store_logs(engine, logs_request(event), project)

    found = _span(engine, project, of)
    assert (found.input, found.output) == ("its own", answer)
    assert found.logs[0].attributes == told


def _result(name: str, value: float) -> dict[str, Any]:
    return {"gen_ai.evaluation.name": name, "gen_ai.evaluation.score.value": value}


def test_results_of_evaluations_are_scores_of_their_span_alone(engine: Engine) -> None:
    project, one, other = uuid.uuid4().hex, span("one"), span("other")
    event = one.events.add(name="gen_ai.evaluation.result", time_unix_nano=1)
    event.attributes.extend(span(attrs=_result("by event", 1)).attributes)
    record = log_record(one, "gen_ai.evaluation.result", attrs=_result("by log", 0.5))
    _store_logs(engine, logs_request(record), project)
    for sent in (one, other):
        _store_span(engine, sent, project)

    scores = [(score.name, score.value) for score in _span(engine, project, one).scores]
    assert scores == [("by event", 1.0), ("by log", 0.5)]
    assert _span(engine, project, other).scores == []


def test_records_of_another_project_are_not_shown(engine: Engine) -> None:
    of = span()
    _store_logs(engine, logs_request(log_record(of)), uuid.uuid4().hex)

    assert _logs(engine, uuid.uuid4().hex, of) == SpanLogs([], 0)


def _rows_of(record: Record) -> Iterator[LogRow]:
    sent = ExportLogsServiceRequest.FromString(record.body)
    for row in log_rows_of(sent, record.project, record.received_unix_nano):
        yield row._replace(flags=2**40) if row.event_name == "bad" else row


def test_a_request_that_the_engine_refuses_is_kept_aside_and_the_rest_stored(
    engine: Engine, tmp_path: Path
) -> None:
    project, of = uuid.uuid4().hex, span()
    spool = Spool(engine, tmp_path, _rows_of, JournalLimits(), insert=insert_logs)
    spool.start()
    for name in ("one", "bad", "two"):
        body = logs_request(log_record(of, name)).SerializeToString()
        spool.submit(body, time.time_ns(), project).result(10)
    assert spool.catch_up(60)
    spool.stop()

    assert [record.event_name for record in _logs(engine, project, of).logs] == ["one", "two"]
    assert spool.quarantine.count == 1
