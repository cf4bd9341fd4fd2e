"""Keep the log records that belong to a span: validation of decoded OTLP requests for logs."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from spanloom_collector.pipeline.validate import MAX_UNIX_NANO, id_fault, told_reasons


class ValidatedLogs(NamedTuple):
    """A request that holds records of spans only, and what was taken out of it."""

    request: ExportLogsServiceRequest
    rejected_by_reason: Counter[str]

    @property
    def kept_count(self) -> int:
        """How many records are kept."""
        return sum(len(scope_logs.log_records) for scope_logs in _scopes(self.request))

    @property
    def resources(self) -> Iterator[Resource]:
        """The resources of the records."""
        return (resource_logs.resource for resource_logs in self.request.resource_logs)

    @property
    def response(self) -> ExportLogsServiceResponse:
        """OTLP's answer: partial success when records were rejected."""
        if not self.rejected_by_reason:
            return ExportLogsServiceResponse()
        return ExportLogsServiceResponse(
            partial_success=ExportLogsPartialSuccess(
                rejected_log_records=self.rejected_by_reason.total(),
                error_message=told_reasons("log records", self.rejected_by_reason),
            )
        )


def validated_logs(request: ExportLogsServiceRequest) -> ValidatedLogs:
    """Take the records that cannot be stored out of the request (in place) and say why."""
    rejected: Counter[str] = Counter()
    for scope_logs in _scopes(request):
        faults = [_fault(record) for record in scope_logs.log_records]
        if any(faults):
            rejected.update(fault for fault in faults if fault)
            _keep_only_valid(scope_logs)
    return ValidatedLogs(request, rejected)


def _scopes(request: ExportLogsServiceRequest) -> Iterator[ScopeLogs]:
    for resource_logs in request.resource_logs:
        yield from resource_logs.scope_logs


def _keep_only_valid(scope_logs: ScopeLogs) -> None:
    valid = [record for record in scope_logs.log_records if not _fault(record)]
    del scope_logs.log_records[:]
    scope_logs.log_records.extend(valid)


def _fault(record: LogRecord) -> str | None:
    if not any(record.trace_id) or not any(record.span_id):
        return "log record without ids (only records with a trace id and a span id are kept)"
    if max(record.time_unix_nano, record.observed_time_unix_nano) > MAX_UNIX_NANO:
        return "time is after the year 2262"
    return id_fault(record.trace_id, record.span_id)
