"""Lay a validated request out as rows of the table."""

from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from spanloom_collector.pipeline import dialects
from spanloom_collector.pipeline.normalize import first_count, first_text, kind_of, taken_payload
from spanloom_collector.pipeline.projects import resource_project
from spanloom_collector.pipeline.surroundings import Surroundings, resource_columns, scope_columns
from spanloom_collector.storage.attributes import (
    CompactAttributes,
    TypedAttributes,
    compact,
    typed,
)
from spanloom_collector.storage.rows import SpanRow, version_of


def rows_of(
    request: ExportTraceServiceRequest, project: str | None, received_unix_nano: int
) -> Iterator[SpanRow]:
    """The rows of a request whose spans are valid.

    Args:
        request: from :func:`spanloom_collector.pipeline.validate.validated`.
        project: the project named by the token or a header; None leaves it to the resource.
        received_unix_nano: time of receipt.
    """
    for resource_spans in request.resource_spans:
        resource = compact(resource_spans.resource.attributes)
        shared = _resource_columns(resource_spans, resource)
        home = project or resource_project(resource.strings)
        for scope_spans in resource_spans.scope_spans:
            columns = shared | scope_columns(scope_spans.scope, scope_spans.schema_url)
            around = Surroundings(home, received_unix_nano, columns)
            yield from (_row(span, around) for span in scope_spans.spans)


def _row(span: Span, around: Surroundings) -> SpanRow:
    attributes = typed(span.attributes)
    canonical = _canonical_columns(attributes)
    return SpanRow(
        project=around.project,
        received_time=around.received_unix_nano,
        version=version_of(around.received_unix_nano, span.end_time_unix_nano),
        attr_str=attributes.strings,
        attr_int=attributes.ints,
        attr_float=attributes.floats,
        attr_bool=attributes.bools,
        attr_other=attributes.other,
        **_own_columns(span),
        **canonical,
        **_event_columns(span),
        **_link_columns(span),
        **around.columns,
    )


def _own_columns(span: Span) -> dict[str, Any]:
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex(),
        "trace_state": span.trace_state,
        "flags": span.flags,
        "name": span.name,
        "span_kind": span.kind,
        "start_time": span.start_time_unix_nano,
        "end_time": span.end_time_unix_nano,
        "status_code": span.status.code,
        "status_message": span.status.message,
        "dropped_attributes_count": span.dropped_attributes_count,
        "dropped_events_count": span.dropped_events_count,
        "dropped_links_count": span.dropped_links_count,
    }


def _canonical_columns(attributes: TypedAttributes) -> dict[str, Any]:
    texts = {
        column: first_text(attributes.strings, keys) for column, keys in dialects.TEXT_RULES.items()
    }
    counts = {
        column: first_count(attributes, keys) for column, keys in dialects.COUNT_RULES.items()
    }
    kind = kind_of(attributes.strings, has_model=bool(texts["model"]))
    payloads: dict[str, str] = {}
    for column, keys in dialects.PAYLOAD_RULES.items():
        payload = taken_payload(attributes, keys)
        payloads |= {column: payload.text, f"{column}_key": payload.key}
    return {**texts, **counts, "total_tokens": _total(counts), "kind": kind, **payloads}


def _total(counts: dict[str, int | None]) -> int | None:
    parts = [
        count for name in ("input_tokens", "output_tokens") if (count := counts[name]) is not None
    ]
    reported = counts["total_tokens"]
    if len(parts) == 2 or reported is None:
        return sum(parts) if parts else None
    return reported


def _event_columns(span: Span) -> dict[str, Any]:
    attributes = [compact(event.attributes) for event in span.events]
    return {
        "event_time_unix_nano": [event.time_unix_nano for event in span.events],
        "event_name": [event.name for event in span.events],
        "event_attr_str": [strings for strings, _ in attributes],
        "event_attr_other": [other for _, other in attributes],
        "event_dropped": [event.dropped_attributes_count for event in span.events],
    }


def _link_columns(span: Span) -> dict[str, Any]:
    attributes = [compact(link.attributes) for link in span.links]
    return {
        "link_trace_id": [link.trace_id.hex() for link in span.links],
        "link_span_id": [link.span_id.hex() for link in span.links],
        "link_trace_state": [link.trace_state for link in span.links],
        "link_flags": [link.flags for link in span.links],
        "link_attr_str": [strings for strings, _ in attributes],
        "link_attr_other": [other for _, other in attributes],
        "link_dropped": [link.dropped_attributes_count for link in span.links],
    }


def _resource_columns(
    resource_spans: ResourceSpans, attributes: CompactAttributes
) -> dict[str, Any]:
    dropped_count = resource_spans.resource.dropped_attributes_count
    return resource_columns(attributes, dropped_count, resource_spans.schema_url) | {
        column: first_text(attributes.strings, keys)
        for column, keys in dialects.RESOURCE_TEXT_RULES.items()
    }
