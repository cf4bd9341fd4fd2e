"""The log records of a span: as plain JSON, and as OTLP/JSON without loss."""

import base64
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from spanloom import conventions
from spanloom_collector.storage.attributes import restored, untagged
from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.rows import rfc3339
from spanloom_query.reads.values import otlp, otlp_attributes, plain

MAX_LOGS = 1_000
"""Records of one span that are returned, those of generative AI before any others."""


@dataclass(frozen=True)
class LogRecord:
    """A log record of a span. ``time`` is when it happened, or was observed if that is not known.

    ``event_name`` is "" for a record that is no event.
    """

    event_name: str
    time: str
    time_unix_nano: int
    severity_number: int
    severity_text: str
    body: Any
    attributes: dict[str, Any]
    dropped_attributes_count: int
    scope_name: str


@dataclass(frozen=True)
class SpanLogs:
    """The records of one span in the order of their time, and how many there are in all."""

    logs: list[LogRecord]
    log_count: int


_LOGS = """
SELECT
    * EXCEPT (time, received_time, body, attr_other, scope_attr_other, resource_attr_other),
    if(event_name = '', attr_str[{event_name:String}], event_name) AS name,
    toUnixTimestamp64Nano(time) AS happened,
    base64Encode(body) AS encoded_body,
    mapApply((k, v) -> (k, base64Encode(v)), attr_other) AS other,
    mapApply((k, v) -> (k, base64Encode(v)), scope_attr_other) AS scope_other,
    mapApply((k, v) -> (k, base64Encode(v)), resource_attr_other) AS resource_other,
    count() OVER () AS log_count
FROM span_logs FINAL
WHERE project = {project:String} AND trace_id = {trace_id:String} AND span_id = {span_id:String}
ORDER BY startsWith(name, 'gen_ai.') DESC, time, received_time, position
LIMIT {limit:UInt32}
"""

_Row = dict[str, Any]


def get_logs(engine: Engine, project: str, trace_id: str, span_id: str) -> SpanLogs:
    """The records of a span, whether the span itself is stored or not."""
    rows = _rows(engine, project, trace_id, span_id)
    return SpanLogs([_record(row) for row in rows], rows[0]["log_count"] if rows else 0)


def get_logs_as_otlp(engine: Engine, project: str, trace_id: str, span_id: str) -> dict[str, Any]:
    """The records of a span as an OTLP/JSON ``ExportLogsServiceRequest``.

    Sent to a collector again they are the same records: nothing is lost but the order of
    attributes.
    """
    rows = _rows(engine, project, trace_id, span_id)
    return {"resourceLogs": [_otlp_resource_logs(row) for row in rows]}


def _rows(engine: Engine, project: str, trace_id: str, span_id: str) -> list[_Row]:
    parameters = {
        "project": project,
        "trace_id": trace_id,
        "span_id": span_id,
        "event_name": conventions.EVENT_NAME,
        "limit": MAX_LOGS,
    }
    with engine.reader() as client:
        rows = list(client.query(_LOGS, parameters=parameters).named_results())
    return sorted(rows, key=lambda row: int(row["happened"]))  # keeps the order of equal times


def _record(row: _Row) -> LogRecord:
    return LogRecord(
        event_name=row["name"],
        time=rfc3339(row["happened"]),
        time_unix_nano=row["happened"],
        severity_number=row["severity_number"],
        severity_text=row["severity_text"],
        body=plain(_body(row)),
        attributes={key: plain(value) for key, value in _attributes(row, "attr_str", "other")},
        dropped_attributes_count=row["dropped_attributes_count"],
        scope_name=row["scope_name"],
    )


def _body(row: _Row) -> AnyValue:
    return untagged(base64.b64decode(row["encoded_body"]))


def _attributes(row: _Row, strings: str, other: str) -> list[tuple[str, AnyValue]]:
    decoded = {key: base64.b64decode(value) for key, value in row[other].items()}
    return list(restored(row[strings], decoded).items())


def _otlp_attributes(row: _Row, strings: str, other: str) -> list[dict[str, Any]]:
    return otlp_attributes(dict(_attributes(row, strings, other)))


def _otlp_resource_logs(row: _Row) -> dict[str, Any]:
    scope = {
        "name": row["scope_name"],
        "version": row["scope_version"],
        "attributes": _otlp_attributes(row, "scope_attr_str", "scope_other"),
        "droppedAttributesCount": row["scope_dropped"],
    }
    resource = {
        "attributes": _otlp_attributes(row, "resource_attr_str", "resource_other"),
        "droppedAttributesCount": row["resource_dropped"],
    }
    records = {
        "scope": scope,
        "schemaUrl": row["scope_schema_url"],
        "logRecords": [_otlp_record(row)],
    }
    return {
        "resource": resource,
        "schemaUrl": row["resource_schema_url"],
        "scopeLogs": [records],
    }


def _otlp_record(row: _Row) -> dict[str, Any]:
    body = {"body": otlp(_body(row))} if row["encoded_body"] else {}
    return {
        "traceId": row["trace_id"],
        "spanId": row["span_id"],
        "flags": row["flags"],
        "timeUnixNano": str(row["time_unix_nano"]),
        "observedTimeUnixNano": str(row["observed_time_unix_nano"]),
        "severityNumber": row["severity_number"],
        "severityText": row["severity_text"],
        "eventName": row["event_name"],
        "attributes": _otlp_attributes(row, "attr_str", "other"),
        "droppedAttributesCount": row["dropped_attributes_count"],
        **body,
    }
