"""OTLP requests to send: spans with every field, or with as few as are allowed."""

import os
import time
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status


def any_value(value: Any) -> AnyValue:
    """A Python value as OTLP's; None stands for "no value"."""
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case str():
            return AnyValue(string_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=attributes(value)))
        case list():
            return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
    raise TypeError(f"no OTLP value for {value!r}")


def attributes(values: dict[str, Any]) -> list[KeyValue]:
    """A mapping as OTLP attributes."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in values.items()]


def span(name: str = "call", *, attrs: dict[str, Any] | None = None, **fields: Any) -> Span:
    """A finished span with fresh ids; ``fields`` override."""
    now = time.time_ns()
    defaults: dict[str, Any] = {
        "trace_id": os.urandom(16),
        "span_id": os.urandom(8),
        "start_time_unix_nano": now,
        "end_time_unix_nano": now + 1_000_000,
    }
    return Span(name=name, attributes=attributes(attrs or {}), **(defaults | fields))


def request(*spans: Span, resource: dict[str, Any] | None = None) -> ExportTraceServiceRequest:
    """One request with these spans of one resource and scope."""
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=Resource(attributes=attributes(resource or {})),
                scope_spans=[ScopeSpans(scope=InstrumentationScope(name="test"), spans=spans)],
            )
        ]
    )


def log_record(of: Span, event: str = "", *, body: Any = None, **fields: Any) -> LogRecord:
    """A log record of a span; ``attrs`` and ``fields`` as for :func:`span`."""
    defaults: dict[str, Any] = {
        "trace_id": of.trace_id,
        "span_id": of.span_id,
        "time_unix_nano": time.time_ns(),
        "attributes": attributes(fields.pop("attrs", {})),
        "body": None if body is None else any_value(body),
    }
    return LogRecord(event_name=event, **(defaults | fields))


def logs_request(
    *records: LogRecord, resource: dict[str, Any] | None = None
) -> ExportLogsServiceRequest:
    """One request with these records of one resource and scope."""
    scoped = ScopeLogs(scope=InstrumentationScope(name="test"), log_records=records)
    about = Resource(attributes=attributes(resource or {}))
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=about, scope_logs=[scoped])]
    )


_EVERY_VALUE: dict[str, Any] = {
    "text": "x",
    "empty": "",
    "int": -(2**63),
    "float": 1.5,
    "nan": float("nan"),
    "infinity": float("inf"),
    "true": True,
    "bytes": b"\x00\xff",
    "array": [1, "two", 3.0, [True, None]],
    "map": {"a": {"b": [b"c"]}},
    "nothing": None,
    "é\n'\"\\": "é\n'\"\\",
}


def full_logs_request() -> ExportLogsServiceRequest:
    """Log records of one span that use every field, with every type of value in every place."""
    values = _EVERY_VALUE
    records = [
        LogRecord(
            time_unix_nano=1_700_000_000_123_456_789 + number,
            observed_time_unix_nano=1_700_000_000_123_456_790,
            severity_number=24,
            severity_text="FATAL4",
            event_name="event",
            body=any_value(body),
            attributes=attributes(values),
            dropped_attributes_count=1,
            flags=1,
            trace_id=bytes(range(1, 17)),
            span_id=bytes(range(1, 9)),
        )
        for number, body in enumerate([*values.values(), values])
    ]
    scope = InstrumentationScope(
        name="scope", version="1", attributes=attributes(values), dropped_attributes_count=6
    )
    resource = Resource(attributes=attributes(values), dropped_attributes_count=7)
    return ExportLogsServiceRequest(
        resource_logs=[
            ResourceLogs(
                resource=resource,
                schema_url="https://example.org/resource",
                scope_logs=[
                    ScopeLogs(
                        scope=scope, log_records=[record], schema_url="https://example.org/scope"
                    )
                ],
            )
            for record in records
        ]
    )


def full_request() -> ExportTraceServiceRequest:
    """One span that uses every field, and every type of attribute, in every place."""
    values = _EVERY_VALUE
    start = 1_700_000_000_123_456_789
    full = Span(
        trace_id=bytes(range(1, 17)),
        span_id=bytes(range(1, 9)),
        parent_span_id=bytes(range(2, 10)),
        trace_state="a=b",
        flags=769,
        name="everything",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=start,
        end_time_unix_nano=start + 1,
        attributes=attributes(values),
        dropped_attributes_count=1,
        events=[
            Span.Event(
                time_unix_nano=start,
                name="event",
                attributes=attributes(values),
                dropped_attributes_count=2,
            ),
            Span.Event(time_unix_nano=2**64 - 1),
        ],
        dropped_events_count=3,
        links=[
            Span.Link(
                trace_id=bytes(range(3, 19)),
                span_id=bytes(range(3, 11)),
                trace_state="c=d",
                flags=1,
                attributes=attributes(values),
                dropped_attributes_count=4,
            ),
            Span.Link(),
        ],
        dropped_links_count=5,
        status=Status(code=Status.STATUS_CODE_ERROR, message="boom"),
    )
    scope = InstrumentationScope(
        name="scope", version="1", attributes=attributes(values), dropped_attributes_count=6
    )
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=Resource(attributes=attributes(values), dropped_attributes_count=7),
                schema_url="https://example.org/resource",
                scope_spans=[
                    ScopeSpans(scope=scope, spans=[full], schema_url="https://example.org/scope")
                ],
            )
        ]
    )


def single_spans(sent: ExportTraceServiceRequest) -> Iterator[ExportTraceServiceRequest]:
    """Each span of a request, in a request of its own with its resource and scope."""
    for resource_spans in sent.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for item in scope_spans.spans:
                scoped = ScopeSpans(
                    scope=scope_spans.scope, spans=[item], schema_url=scope_spans.schema_url
                )
                resourced = ResourceSpans(
                    resource=resource_spans.resource,
                    scope_spans=[scoped],
                    schema_url=resource_spans.schema_url,
                )
                yield ExportTraceServiceRequest(resource_spans=[resourced])


_OPTIONAL = ("status", "resource", "scope", "body")


def normalised(message: Message) -> str:
    """A message's text with its attributes by name, as the table returns them.

    As text, because NaN differs from itself; empty messages stand as if they were not set.
    """
    copy = type(message).FromString(message.SerializeToString())
    _normalise(copy)
    return str(copy)


def _normalise(message: Message) -> None:
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        repeated = hasattr(value, "add")
        if repeated and field.message_type.name == "KeyValue":
            ordered = sorted(value, key=lambda item: str(item.key))
            copies = [type(item).FromString(item.SerializeToString()) for item in ordered]
            del value[:]
            value.extend(copies)
        for item in value if repeated else [value]:
            _normalise(item)
        if not repeated and field.name in _OPTIONAL and not value.ByteSize():
            message.ClearField(field.name)
