"""Lay a validated request for logs out as rows of the table."""

import hashlib
from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from spanloom_collector.pipeline.projects import resource_project
from spanloom_collector.storage.attributes import compact, tagged
from spanloom_collector.storage.log_rows import LogRow

_DIGEST_BYTES = 16


class _Surroundings(NamedTuple):
    """What the records of one resource and scope share."""

    project: str
    received_unix_nano: int
    columns: dict[str, Any]


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
        shared = _resource_columns(resource_logs)
        home = project or resource_project(shared["resource_attr_str"])
        for scope_logs in resource_logs.scope_logs:
            columns = shared | _scope_columns(scope_logs)
            around = _Surroundings(home, received_unix_nano, columns)
            for record in scope_logs.log_records:
                yield _row(record, next(positions), around)


def _row(record: LogRecord, position: int, around: _Surroundings) -> LogRow:
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


def _scope_columns(scope_logs: ScopeLogs) -> dict[str, Any]:
    attributes = compact(scope_logs.scope.attributes)
    return {
        "scope_name": scope_logs.scope.name,
        "scope_version": scope_logs.scope.version,
        "scope_attr_str": attributes.strings,
        "scope_attr_other": attributes.other,
        "scope_dropped": scope_logs.scope.dropped_attributes_count,
        "scope_schema_url": scope_logs.schema_url,
    }


def _resource_columns(resource_logs: ResourceLogs) -> dict[str, Any]:
    attributes = compact(resource_logs.resource.attributes)
    return {
        "resource_attr_str": attributes.strings,
        "resource_attr_other": attributes.other,
        "resource_dropped": resource_logs.resource.dropped_attributes_count,
        "resource_schema_url": resource_logs.schema_url,
    }
