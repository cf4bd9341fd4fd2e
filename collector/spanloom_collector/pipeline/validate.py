"""Refuse what cannot be stored, keep the rest: validation of decoded OTLP requests."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

MAX_UNIX_NANO = 2**63 - 1
"""The latest time that the engine can hold."""

_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8
_MAX_KIND = 5
_MAX_STATUS_CODE = 2


class Validated(NamedTuple):
    """A request that holds valid spans only, and what was taken out of it."""

    request: ExportTraceServiceRequest
    rejected_by_reason: Counter[str]

    @property
    def kept_count(self) -> int:
        """How many valid spans there are."""
        return sum(len(scope_spans.spans) for scope_spans in _scopes(self.request))

    @property
    def resources(self) -> Iterator[Resource]:
        """The resources of the spans."""
        return (resource_spans.resource for resource_spans in self.request.resource_spans)

    @property
    def response(self) -> ExportTraceServiceResponse:
        """OTLP's answer: partial success when spans were rejected.

        Source: OTLP specification, section "Partial Success".
        """
        if not self.rejected_by_reason:
            return ExportTraceServiceResponse()
        return ExportTraceServiceResponse(
            partial_success=ExportTracePartialSuccess(
                rejected_spans=self.rejected_by_reason.total(),
                error_message=told_reasons("spans", self.rejected_by_reason),
            )
        )


def validated(request: ExportTraceServiceRequest) -> Validated:
    """Take the spans that cannot be stored out of the request (in place) and say why."""
    rejected: Counter[str] = Counter()
    for scope_spans in _scopes(request):
        faults = [(span, fault) for span in scope_spans.spans if (fault := _fault(span))]
        if faults:
            rejected.update(fault for _, fault in faults)
            _keep_only_valid(scope_spans)
    return Validated(request, rejected)


def told_reasons(noun: str, rejected_by_reason: Counter[str]) -> str:
    """What a sender is told about the items of a request that were not taken.

    Example:
        >>> told_reasons("spans", Counter({"kind is not a SpanKind": 2}))
        'spans rejected: 2 × kind is not a SpanKind'
    """
    counts = rejected_by_reason.most_common()
    return f"{noun} rejected: " + "; ".join(f"{count} × {reason}" for reason, count in counts)


def id_fault(trace_id: bytes, span_id: bytes) -> str | None:
    """What is wrong with a pair of ids, if anything."""
    if len(trace_id) != _TRACE_ID_BYTES or not any(trace_id):
        return "trace_id is not 16 bytes, one of them not zero"
    if len(span_id) != _SPAN_ID_BYTES or not any(span_id):
        return "span_id is not 8 bytes, one of them not zero"
    return None


def _scopes(request: ExportTraceServiceRequest) -> Iterator[ScopeSpans]:
    for resource_spans in request.resource_spans:
        yield from resource_spans.scope_spans


def _keep_only_valid(scope_spans: ScopeSpans) -> None:
    valid = [span for span in scope_spans.spans if not _fault(span)]
    del scope_spans.spans[:]
    scope_spans.spans.extend(valid)


def _fault(span: Span) -> str | None:
    return _id_fault(span) or _range_fault(span)


def _id_fault(span: Span) -> str | None:
    if not span.trace_id and not span.span_id:
        return "span without ids (are these logs, sent to the address for traces?)"
    if fault := id_fault(span.trace_id, span.span_id):
        return fault
    if span.parent_span_id and len(span.parent_span_id) != _SPAN_ID_BYTES:
        return "parent_span_id is not 8 bytes"
    return None


def _range_fault(span: Span) -> str | None:
    if max(span.start_time_unix_nano, span.end_time_unix_nano) > MAX_UNIX_NANO:
        return "time is after the year 2262"
    if not 0 <= span.kind <= _MAX_KIND:
        return "kind is not a SpanKind"
    if not 0 <= span.status.code <= _MAX_STATUS_CODE:
        return "status code is not a StatusCode"
    return None
