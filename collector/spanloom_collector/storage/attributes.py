"""Attributes as the table keeps them: typed maps, and back without loss.

A span's own scalars stand in one map a type, so that SQL can filter and add them up. What no such
map can hold, and every non-string attribute of a resource, scope, event or link, stands in a map
of *tagged* values: the digit of the value's field in OTLP's ``AnyValue`` (0: no value), then text
for scalars, or the protobuf bytes of an array, a key-value list or bytes.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

_EMPTY, _STRING, _BOOL, _INT, _DOUBLE, _ARRAY, _KVLIST, _BYTES = (
    b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7",
)  # fmt: skip


class TypedAttributes(NamedTuple):
    """A span's attributes, by type. The last of several equal keys wins."""

    strings: dict[str, str]
    ints: dict[str, int]
    floats: dict[str, float]
    bools: dict[str, bool]
    other: dict[str, bytes]


class CompactAttributes(NamedTuple):
    """Attributes of a resource, scope, event or link."""

    strings: dict[str, str]
    other: dict[str, bytes]


def typed(attributes: Iterable[KeyValue]) -> TypedAttributes:
    """Sort attributes into the maps of a span."""
    result = TypedAttributes({}, {}, {}, {}, {})
    homes: dict[str | None, dict[str, Any]] = {
        "string_value": result.strings,
        "int_value": result.ints,
        "double_value": result.floats,
        "bool_value": result.bools,
    }
    for key, value in _last_of_each(attributes).items():
        which = value.WhichOneof("value")
        home = homes.get(which)
        if which is None or home is None:
            result.other[key] = tagged(value)
        else:
            home[key] = getattr(value, which)
    return result


def compact(attributes: Iterable[KeyValue]) -> CompactAttributes:
    """Sort attributes into the two maps of a resource, scope, event or link."""
    result = CompactAttributes({}, {})
    for key, value in _last_of_each(attributes).items():
        if value.HasField("string_value"):
            result.strings[key] = value.string_value
        else:
            result.other[key] = tagged(value)
    return result


def restored(
    strings: Mapping[str, str],
    other: Mapping[str, bytes],
    ints: Mapping[str, int] | None = None,
    floats: Mapping[str, float] | None = None,
    bools: Mapping[str, bool] | None = None,
) -> dict[str, AnyValue]:
    """The attributes that were sorted into these maps, by key in alphabetical order."""
    values = {key: AnyValue(string_value=value) for key, value in strings.items()}
    values |= {key: AnyValue(int_value=value) for key, value in (ints or {}).items()}
    values |= {key: AnyValue(double_value=value) for key, value in (floats or {}).items()}
    values |= {key: AnyValue(bool_value=value) for key, value in (bools or {}).items()}
    values |= {key: untagged(value) for key, value in other.items()}
    return dict(sorted(values.items()))


def _last_of_each(attributes: Iterable[KeyValue]) -> dict[str, AnyValue]:
    return {attribute.key: attribute.value for attribute in attributes}


def tagged(value: AnyValue) -> bytes:
    """Any value as bytes."""
    match value.WhichOneof("value"):
        case "string_value":
            return _STRING + value.string_value.encode()
        case "bool_value":
            return _BOOL + (b"1" if value.bool_value else b"0")
        case "int_value":
            return _INT + str(value.int_value).encode()
        case "double_value":
            return _DOUBLE + repr(value.double_value).encode()
        case "array_value":
            return _ARRAY + value.array_value.SerializeToString()
        case "kvlist_value":
            return _KVLIST + value.kvlist_value.SerializeToString()
        case "bytes_value":
            return _BYTES + value.bytes_value
    return _EMPTY


def untagged(value: bytes) -> AnyValue:
    """The value that these bytes stand for."""
    tag, body = value[:1], value[1:]
    match tag:
        case b"1":
            return AnyValue(string_value=body.decode())
        case b"2":
            return AnyValue(bool_value=body == b"1")
        case b"3":
            return AnyValue(int_value=int(body))
        case b"4":
            return AnyValue(double_value=float(body))
        case b"5":
            return AnyValue(array_value=ArrayValue.FromString(body))
        case b"6":
            return AnyValue(kvlist_value=KeyValueList.FromString(body))
        case b"7":
            return AnyValue(bytes_value=body)
    return AnyValue()
