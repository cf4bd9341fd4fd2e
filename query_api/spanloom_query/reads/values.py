"""Values as people and programs read them: plain JSON, exact OTLP/JSON, payloads, previews."""

import base64
import math
from typing import Any

import orjson
from opentelemetry.proto.common.v1.common_pb2 import AnyValue


def plain(value: AnyValue) -> Any:
    """A value as ordinary JSON: bytes become ``{"$bytes": base64}``, NaN and infinities text."""
    match value.WhichOneof("value"):
        case "array_value":
            return [plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {item.key: plain(item.value) for item in value.kvlist_value.values}
        case "bytes_value":
            return {"$bytes": base64.b64encode(value.bytes_value).decode()}
        case "double_value":
            return _finite_or_name(value.double_value)
        case None:
            return None
        case which:
            return getattr(value, which)


def otlp(value: AnyValue) -> dict[str, Any]:
    """A value in OTLP/JSON, from which the very same value can be read again."""
    match value.WhichOneof("value"):
        case "string_value":
            return {"stringValue": value.string_value}
        case "bool_value":
            return {"boolValue": value.bool_value}
        case "int_value":
            return {"intValue": str(value.int_value)}
        case "double_value":
            return {"doubleValue": _finite_or_name(value.double_value)}
        case "array_value":
            return {"arrayValue": {"values": [otlp(item) for item in value.array_value.values]}}
        case "kvlist_value":
            items = {item.key: item.value for item in value.kvlist_value.values}
            return {"kvlistValue": {"values": otlp_attributes(items)}}
        case "bytes_value":
            return {"bytesValue": base64.b64encode(value.bytes_value).decode()}
    return {}


def otlp_attributes(attributes: dict[str, AnyValue]) -> list[dict[str, Any]]:
    """Attributes in OTLP/JSON."""
    return [{"key": key, "value": otlp(value)} for key, value in attributes.items()]


def payload(text: str) -> Any:
    """An input or output: parsed when it is JSON, else the text; None when there is none."""
    if not text:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _finite_or_name(number: float) -> float | str:
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")
