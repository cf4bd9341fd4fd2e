"""Lay a validated request for logs out as rows of the table."""

import hashlib
from collections.abc import Iterator
from itertools import count

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from spanloom_collector.pipeline.projects import resource_project
from spanloom_collector.pipeline.surroundings import Surroundings, resource_columns, scope_columns
from spanloom_collector.storage.attributes import compact, tagged
from spanloom_collector.storage.log_rows import LogRow

_DIGEST_BYTES = 16


def log_rows_of(
    request: ExportLogsServiceRequest, project: str | None, received_unix_nano: int
) -> Iterator[LogRow]:
    """The rows of a request whose records are valid.

    Args:
        request: from :func:`spanloom_collector.pipeline.validate_logs.validated_logs`.
        project: the project named by the token or a header; None leaves it to the resource.
        received_unix_nano: time of receipt.
    """
    positions = count()
    for resource_logs in request.resource_logs:
        resource = compact(resource_logs.resource.attributes)
        dropped_count = resource_logs.resource.dropped_attributes_count
        shared = resource_columns(resource, dropped_count, resource_logs.schema_url)
        home = project or resource_project(resource.strings)
        for scope_logs in resource_logs.scope_logs:
            columns = shared | scope_columns(scope_logs.scope, scope_logs.schema_url)
            around = Surroundings(home, received_unix_nano, columns)
            for record in scope_logs.log_records:
                yield _row(record, next(positions), around)


def _row(record: LogRecord, position: int, around: Surroundings) -> LogRow:
    attributes = compact(record.attributes)
    return LogRow(
        project=around.project,
        trace_id=record.trace_id.hex(),
        span_id=record.span_id.hex(),
        time=record.time_unix_nano or record.observed_time_unix_nano,
        digest=_digest(record),
        received_time=around.received_unix_nano,
        position=position,
        time_unix_nano=record.time_unix_nano,
        observed_time_unix_nano=record.observed_time_unix_nano,
        severity_number=record.severity_number,
        severity_text=record.severity_text,
        event_name=record.event_name,
        body=tagged(record.body) if record.HasField("body") else b"",
        flags=record.flags,
        attr_str=attributes.strings,
        attr_other=attributes.other,
        dropped_attributes_count=record.dropped_attributes_count,
        **around.columns,
    )


def _digest(record: LogRecord) -> str:
    """What tells a record from every other one of its span, and not from itself sent again."""
    content = record.SerializeToString(deterministic=True)
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()
