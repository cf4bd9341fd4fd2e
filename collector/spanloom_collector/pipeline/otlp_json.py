"""Read OTLP/JSON (OTLP specification, section "JSON Protobuf Encoding").

It differs from protobuf's own JSON: ids are hex, enums are integers, unknown names are ignored.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
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

_T = TypeVar("_T")

_MAX_VALUE_DEPTH = 40
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_SIGNALS = {"resourceSpans": "traces", "resourceLogs": "logs", "resourceMetrics": "metrics"}


def request_from_json(body: bytes) -> ExportTraceServiceRequest:
    """Parse an ``ExportTraceServiceRequest`` in OTLP/JSON.

    Raises:
        ValueError: not JSON, or a member of the wrong type; the text names the member.
    """
    document = _document(body, "resourceSpans")
    return ExportTraceServiceRequest(
        resource_spans=_list(document, "resourceSpans", _resource_spans)
    )


def logs_request_from_json(body: bytes) -> ExportLogsServiceRequest:
    """Parse an ``ExportLogsServiceRequest``; otherwise as :func:`request_from_json`."""
    document = _document(body, "resourceLogs")
    return ExportLogsServiceRequest(resource_logs=_list(document, "resourceLogs", _resource_logs))


def _document(body: bytes, wanted: str) -> dict[str, Any]:
    document = orjson.loads(body) if body.strip() else {}
    if not isinstance(document, dict):
        raise ValueError("the body must be an object")
    for name, signal in _SIGNALS.items():
        if name in document and wanted not in document:
            raise ValueError(
                f"these are {signal}, not {_SIGNALS[wanted]}: send them to /v1/{signal}"
            )
    return document


def _resource_spans(value: dict[str, Any]) -> ResourceSpans:
    resource = _object(value, "resource")
    return ResourceSpans(
        resource=None if resource is None else _resource(resource),
        scope_spans=_list(value, "scopeSpans", _scope_spans),
        schema_url=_text(value, "schemaUrl"),
    )


def _resource(value: dict[str, Any]) -> Resource:
    return Resource(
        attributes=_attributes(value),
        dropped_attributes_count=_uint32(value, "droppedAttributesCount"),
    )


def _scope_spans(value: dict[str, Any]) -> ScopeSpans:
    scope = _object(value, "scope")
    return ScopeSpans(
        scope=None if scope is None else _scope(scope),
        spans=_list(value, "spans", _span),
        schema_url=_text(value, "schemaUrl"),
    )


def _scope(value: dict[str, Any]) -> InstrumentationScope:
    return InstrumentationScope(
        name=_text(value, "name"),
        version=_text(value, "version"),
        attributes=_attributes(value),
        dropped_attributes_count=_uint32(value, "droppedAttributesCount"),
    )


def _span(value: dict[str, Any]) -> Span:
    status = _object(value, "status")
    return Span(
        trace_id=_id(value, "traceId"),
        span_id=_id(value, "spanId"),
        parent_span_id=_id(value, "parentSpanId"),
        trace_state=_text(value, "traceState"),
        flags=_uint32(value, "flags"),
        name=_text(value, "name"),
        kind=_enum(value, "kind"),
        start_time_unix_nano=_uint64(value, "startTimeUnixNano"),
        end_time_unix_nano=_uint64(value, "endTimeUnixNano"),
        attributes=_attributes(value),
        dropped_attributes_count=_uint32(value, "droppedAttributesCount"),
        events=_list(value, "events", _event),
        dropped_events_count=_uint32(value, "droppedEventsCount"),
        links=_list(value, "links", _link),
        dropped_links_count=_uint32(value, "droppedLinksCount"),
        status=None if status is None else _status(status),
    )


def _status(value: dict[str, Any]) -> Status:
    return Status(code=_enum(value, "code"), message=_text(value, "message"))


def _event(value: dict[str, Any]) -> Span.Event:
    return Span.Event(
        time_unix_nano=_uint64(value, "timeUnixNano"),
        name=_text(value, "name"),
        attributes=_attributes(value),
        dropped_attributes_count=_uint32(value, "droppedAttributesCount"),
    )


def _link(value: dict[str, Any]) -> Span.Link:
    return Span.Link(
        trace_id=_id(value, "traceId"),
        span_id=_id(value, "spanId"),
        trace_state=_text(value, "traceState"),
        flags=_uint32(value, "flags"),
        attributes=_attributes(value),
        dropped_attributes_count=_uint32(value, "droppedAttributesCount"),
    )


def _resource_logs(value: dict[str, Any]) -> ResourceLogs:
    resource = _object(value, "resource")
    return ResourceLogs(
        resource=None if resource is None else _resource(resource),
        scope_logs=_list(value, "scopeLogs", _scope_logs),
        schema_url=_text(value, "schemaUrl"),
    )


def _scope_logs(value: dict[str, Any]) -> ScopeLogs:
    scope = _object(value, "scope")
    return ScopeLogs(
        scope=None if scope is None else _scope(scope),
        log_records=_list(value, "logRecords", _log_record),
        schema_url=_text(value, "schemaUrl"),
    )


def _log_record(value: dict[str, Any]) -> LogRecord:
    body = _object(value, "body")
    return LogRecord(
        time_unix_nano=_uint64(value, "timeUnixNano"),
        observed_time_unix_nano=_uint64(value, "observedTimeUnixNano"),
        severity_number=_enum(value, "severityNumber"),
        severity_text=_text(value, "severityText"),
        body=None if body is None else _any_value(body, 0),
        attributes=_attributes(value),
        dropped_attributes_count=_uint32(value, "droppedAttributesCount"),
        flags=_uint32(value, "flags"),
        trace_id=_id(value, "traceId"),
        span_id=_id(value, "spanId"),
        event_name=_text(value, "eventName"),
    )


def _attributes(value: dict[str, Any], depth: int = 0) -> list[KeyValue]:
    return _list(value, "attributes", lambda item: _key_value(item, depth))


def _key_value(value: dict[str, Any], depth: int) -> KeyValue:
    content = _object(value, "value")
    return KeyValue(
        key=_text(value, "key"), value=None if content is None else _any_value(content, depth)
    )


def _any_value(value: dict[str, Any], depth: int) -> AnyValue:
    if depth > _MAX_VALUE_DEPTH:
        raise ValueError(f"attribute values nest deeper than {_MAX_VALUE_DEPTH} levels")
    for name, read in _VALUE_READERS.items():
        if value.get(name) is not None:
            return read(value, depth)
    return AnyValue()


def _array(value: dict[str, Any], depth: int) -> AnyValue:
    content = _object(value, "arrayValue") or {}
    items = _list(content, "values", lambda item: _any_value(item, depth + 1))
    return AnyValue(array_value=ArrayValue(values=items))


def _kvlist(value: dict[str, Any], depth: int) -> AnyValue:
    content = _object(value, "kvlistValue") or {}
    items = _list(content, "values", lambda item: _key_value(item, depth + 1))
    return AnyValue(kvlist_value=KeyValueList(values=items))


_VALUE_READERS: dict[str, Callable[[dict[str, Any], int], AnyValue]] = {
    "stringValue": lambda value, _: AnyValue(string_value=_text(value, "stringValue")),
    "boolValue": lambda value, _: AnyValue(bool_value=_bool(value, "boolValue")),
    "intValue": lambda value, _: AnyValue(int_value=_int(value, "intValue", -(2**63), 2**63 - 1)),
    "doubleValue": lambda value, _: AnyValue(double_value=_float(value, "doubleValue")),
    "arrayValue": _array,
    "kvlistValue": _kvlist,
    "bytesValue": lambda value, _: AnyValue(bytes_value=_bytes(value, "bytesValue")),
}


# Readers of one member: null and absence mean the default; a wrong type is named.


def _wrong(name: str, value: object, wanted: str) -> ValueError:
    # An array or object is not shown: to write out a whole body would take its size once more.
    shown = type(value).__name__ if isinstance(value, list | dict) else repr(str(value)[:60])
    return ValueError(f"{name} must be {wanted}, not {shown}")


def _object(value: dict[str, Any], name: str) -> dict[str, Any] | None:
    member = value.get(name)
    if member is not None and not isinstance(member, dict):
        raise _wrong(name, member, "an object")
    return member


def _list(value: dict[str, Any], name: str, read: Callable[[dict[str, Any]], _T]) -> list[_T]:
    member = value.get(name)
    if member is None:
        return []
    if not isinstance(member, list) or not all(isinstance(item, dict) for item in member):
        raise _wrong(name, member, "an array of objects")
    return [read(item) for item in member]


def _text(value: dict[str, Any], name: str) -> str:
    member = value.get(name)
    if member is None:
        return ""
    if not isinstance(member, str):
        raise _wrong(name, member, "a string")
    return member


def _bool(value: dict[str, Any], name: str) -> bool:
    member = value[name]
    if not isinstance(member, bool):
        raise _wrong(name, member, "true or false")
    return member


def _int(value: dict[str, Any], name: str, low: int, high: int) -> int:
    member = value.get(name)
    if member is None:
        return 0
    written = isinstance(member, str) and _INTEGER.fullmatch(member)
    exact = isinstance(member, int) and not isinstance(member, bool)
    number = int(member) if written or exact else None
    if number is None or not low <= number <= high:
        raise _wrong(name, member, f"an integer from {low} to {high}, as a number or a string")
    return number


def _uint32(value: dict[str, Any], name: str) -> int:
    return _int(value, name, 0, 2**32 - 1)


def _uint64(value: dict[str, Any], name: str) -> int:
    return _int(value, name, 0, 2**64 - 1)


def _enum(value: dict[str, Any], name: str) -> Any:
    return _int(value, name, -(2**31), 2**31 - 1)


def _float(value: dict[str, Any], name: str) -> float:
    member = value[name]
    if isinstance(member, str) and member not in ("NaN", "Infinity", "-Infinity"):
        raise _wrong(name, member, "a number, or one of NaN, Infinity, -Infinity")
    if isinstance(member, bool) or not isinstance(member, int | float | str):
        raise _wrong(name, member, "a number")
    return float(member)


def _id(value: dict[str, Any], name: str) -> bytes:
    member = _text(value, name)
    if not _HEX.fullmatch(member):
        raise _wrong(name, member, "hexadecimal digits")
    return bytes.fromhex(member)


def _bytes(value: dict[str, Any], name: str) -> bytes:
    member = _text(value, name).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(member + "=" * (-len(member) % 4), validate=True)
    except binascii.Error:
        raise _wrong(name, member, "base64") from None
