"""Requests like those of real clients: model calls with their messages, of two sizes."""

import itertools
import os
import random
import time
from collections.abc import Iterator
from typing import Any

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

SPAN_BYTES = {"small": 1_500, "big": 6_300}
"""Bytes of one span on the wire, as protobuf."""

MARK = b"\xf5MARK\xf5"
"""Begins every id, and stands nowhere else; a sender puts six fresh bytes in its place."""

_SPANS_PER_TRACE = 8
_WORD_COUNT = 3_000
_RESOURCE: dict[str, Any] = {
    "service.name": "support-assistant",
    "service.version": "2.14.0",
    "deployment.environment.name": "production",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.40.0",
    "host.name": "worker-7c9f6d",
    "process.pid": 4242,
}


def request(size: str, span_count: int, chance: random.Random) -> ExportTraceServiceRequest:
    """One export of ``span_count`` spans of a size, eight to a trace."""
    words = _words(random.Random(0))
    spans = [
        _span(number, _text_bytes(size), words, chance, time.time_ns())
        for number in range(span_count)
    ]
    scope = InstrumentationScope(name="opentelemetry.instrumentation.openai_v2", version="2.1b0")
    resource = Resource(attributes=list(_attributes(_RESOURCE)))
    scoped = ScopeSpans(scope=scope, spans=spans)
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[scoped])]
    )


def json_body(sent: ExportTraceServiceRequest) -> bytes:
    """The request in OTLP's JSON: ids in hex, 64-bit numbers as text."""
    return orjson.dumps({"resourceSpans": [_json_resource(item) for item in sent.resource_spans]})


def _text_bytes(size: str) -> int:
    """Length of the messages that brings a span to its size."""
    return SPAN_BYTES[size] - _BYTES_WITHOUT_TEXT


_BYTES_WITHOUT_TEXT = 740


def _span(number: int, text_bytes: int, words: list[str], chance: random.Random, now: int) -> Span:
    trace = number // _SPANS_PER_TRACE
    duration = chance.randint(200_000_000, 4_000_000_000)
    first = trace * _SPANS_PER_TRACE
    is_root = number == first
    input_text = _text(words, text_bytes * 3 // 4, chance)
    values: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": chance.choice(("gpt-4.1", "gpt-4.1-mini", "o4-mini")),
        "gen_ai.response.model": "gpt-4.1-2025-04-14",
        "gen_ai.response.id": f"chatcmpl-{chance.randbytes(12).hex()}",
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.max_tokens": 1024,
        "gen_ai.usage.input_tokens": len(input_text) // 4,
        "gen_ai.usage.output_tokens": text_bytes // 16,
        "server.address": "api.openai.com",
        "server.port": 443,
        "session.id": f"session-{chance.randint(0, 5_000)}",
        "user.id": f"user-{chance.randint(0, 500)}",
        "app.cached": chance.random() < 0.2,
        "gen_ai.input.messages": _messages("user", input_text),
        "gen_ai.output.messages": _messages("assistant", _text(words, text_bytes // 4, chance)),
    }
    return Span(
        trace_id=MARK + trace.to_bytes(10, "big"),
        span_id=MARK + number.to_bytes(2, "big"),
        parent_span_id=b"" if is_root else MARK + first.to_bytes(2, "big"),
        name="chat gpt-4.1",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=now + number * 1_000,
        end_time_unix_nano=now + number * 1_000 + duration,
        attributes=list(_attributes(values)),
        status=Status(code=Status.STATUS_CODE_OK),
    )


def _messages(role: str, text: str) -> str:
    return orjson.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}]).decode()


def _words(chance: random.Random) -> list[str]:
    letters = "etaoinshrdlucmfwypvbgk"
    return ["".join(chance.choices(letters, k=chance.randint(2, 10))) for _ in range(_WORD_COUNT)]


def _text(words: list[str], size_bytes: int, chance: random.Random) -> str:
    # A few words make most of a text, as in any language.
    chosen = chance.choices(words, cum_weights=_WEIGHTS, k=size_bytes // 4)
    return " ".join(chosen)[:size_bytes]


_WEIGHTS = list(itertools.accumulate(1 / (rank + 3) for rank in range(_WORD_COUNT)))


def _attributes(values: dict[str, Any]) -> Iterator[KeyValue]:
    for key, value in values.items():
        yield KeyValue(key=key, value=_any_value(value))


def _any_value(value: bool | int | float | str) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(string_value=value)


def _json_resource(item: ResourceSpans) -> dict[str, Any]:
    return {
        "resource": {"attributes": _json_attributes(item.resource.attributes)},
        "scopeSpans": [
            {
                "scope": {"name": scoped.scope.name, "version": scoped.scope.version},
                "spans": [_json_span(span) for span in scoped.spans],
            }
            for scoped in item.scope_spans
        ],
    }


def _json_span(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_span_id.hex(),
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start_time_unix_nano),
        "endTimeUnixNano": str(span.end_time_unix_nano),
        "attributes": _json_attributes(span.attributes),
        "status": {"code": span.status.code},
    }


def _json_attributes(attributes: Any) -> list[dict[str, Any]]:
    return [{"key": item.key, "value": _json_value(item.value)} for item in attributes]


def _json_value(value: AnyValue) -> dict[str, Any]:
    match value.WhichOneof("value"):
        case "bool_value":
            return {"boolValue": value.bool_value}
        case "int_value":
            return {"intValue": str(value.int_value)}
        case "double_value":
            return {"doubleValue": value.double_value}
    return {"stringValue": value.string_value}


def fresh_mark() -> bytes:
    """Six bytes that make the ids of one request its own."""
    return os.urandom(len(MARK))
