"""Rows from journal records, by the column path, for tests that wire journal and loader alone."""

from collections.abc import Iterator

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_collector.delivery.records import Record
from spanloom_collector.pipeline.columns import rows_of
from spanloom_collector.storage.rows import SpanRow

_MORE_THAN_THE_COLUMN_HOLDS = 2**40


def rows_of_record(record: Record) -> Iterator[SpanRow]:
    """Rows as the collector makes them, but a span called "bad" has one that no engine takes."""
    sent = ExportTraceServiceRequest.FromString(record.body)
    for row in rows_of(sent, record.project or None, record.received_unix_nano):
        yield row._replace(flags=_MORE_THAN_THE_COLUMN_HOLDS) if row.name == "bad" else row
