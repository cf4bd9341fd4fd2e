"""Rows for tests: from journal records by the column path, and single ones made by hand."""

from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_collector.delivery.records import Record
from spanloom_collector.pipeline.columns import rows_of
from spanloom_collector.storage.rows import COLUMN_TYPES, SpanRow, version_of

_MORE_THAN_THE_COLUMN_HOLDS = 2**40


def rows_of_record(record: Record) -> Iterator[SpanRow]:
    """Rows as the collector makes them, but a span called "bad" has one that no engine takes."""
    sent = ExportTraceServiceRequest.FromString(record.body)
    for row in rows_of(sent, record.project or None, record.received_unix_nano):
        yield row._replace(flags=_MORE_THAN_THE_COLUMN_HOLDS) if row.name == "bad" else row


def span_row(project: str, trace_id: str, span_id: str, **fields: Any) -> SpanRow:
    """A span of which only some fields matter; it has ended when an ``end_time`` is given."""
    empty = {name: _empty(type_) for name, type_ in COLUMN_TYPES.items()}
    given = {"project": project, "trace_id": trace_id, "span_id": span_id, "name": "span", **fields}
    version = version_of(given.get("received_time", 1), given.get("end_time", 0))
    return SpanRow(**{**empty, "version": version, **given})


def _empty(clickhouse_type: str) -> Any:
    if clickhouse_type.startswith("Nullable"):
        return None
    if clickhouse_type.startswith("Map"):
        return {}
    if clickhouse_type.startswith("Array"):
        return []
    return "" if "String" in clickhouse_type else 0
