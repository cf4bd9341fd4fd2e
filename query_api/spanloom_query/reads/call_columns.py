"""What a list of calls can show: each column as the engine reads it, and as JSON.

Only what stands in this table enters the text of a query.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from spanloom_collector.storage.rows import rfc3339
from spanloom_query.filters.fields import nearest_names
from spanloom_query.reads.call_fields import END_TIME, OP_NAME
from spanloom_query.reads.spans import restored_attributes
from spanloom_query.reads.values import payload


class UnknownColumnError(ValueError):
    """A list was asked for a column that it does not have."""


class Column(NamedTuple):
    """One column of a list of calls."""

    arrow: str
    """SQL of its value in a frame."""
    parts: tuple[str, ...]
    """SQL of what its value in JSON is made of."""
    value: Callable[..., Any]
    """From the parts to that value."""
    size: str = "0"
    """SQL of about how many bytes it has beyond a few dozen."""


def _same(sql: str) -> Column:
    return Column(sql, (sql,), lambda value: value)


def _text(column: str) -> Column:
    return _same(f"toString({column})")


def _known_text(column: str) -> Column:
    return _same(f"nullIf(toString({column}), '')")


def _time(column: str, arrow: str) -> Column:
    return Column(arrow, (f"toUnixTimestamp64Nano({column})",), lambda ns: _rfc3339(ns))


def _nanoseconds(column: str) -> Column:
    return _same(f"nullIf(toUnixTimestamp64Nano({column}), 0)")


def _payload(column: str) -> Column:
    return Column(f"nullIf({column}, '')", (column,), payload, f"length({column})")


def _rfc3339(unix_nano: int) -> str | None:
    return rfc3339(unix_nano) if unix_nano else None


def _attributes(*maps: dict[str, Any]) -> dict[str, Any]:
    return restored_attributes(dict(zip(_ATTRIBUTE_NAMES, maps, strict=True)))


_ATTRIBUTE_NAMES = ("attr_str", "attr_int", "attr_float", "attr_bool", "other")
_SCALAR_MAPS = ("attr_str", "attr_int", "attr_float", "attr_bool")
_MEMBERS = ", ".join(
    f"arrayMap((k, v) -> concat(toJSONString(k), ':', toJSONString(v)), mapKeys({name}), "
    f"mapValues({name}))"
    for name in _SCALAR_MAPS
)
_ATTRIBUTES = Column(
    f"concat('{{', arrayStringConcat(arrayConcat({_MEMBERS}), ','), '}}')",
    (*_SCALAR_MAPS, "mapApply((k, v) -> (k, base64Encode(v)), attr_other)"),
    _attributes,
    "arraySum(text -> length(text), mapValues(attr_str)) + "
    "arraySum(text -> length(text), mapValues(attr_other))",
)

SPAN_KEY = "concat(trace_id, span_id)"
"""SQL of a span's key within its project."""

_DISPLAY_NAME = f"if(names[{SPAN_KEY}] = '', toString(name), names[{SPAN_KEY}])"

COLUMNS: Mapping[str, Column] = {
    "trace_id": _same("trace_id"),
    "span_id": _same("span_id"),
    "parent_span_id": _known_text("parent_span_id"),
    "op_name": _same(OP_NAME),
    "name": _text("name"),
    "display_name": _same(_DISPLAY_NAME),
    "kind": _text("kind"),
    "status": _same("status"),
    "status_message": _same("status_message"),
    "start_time": _time("start_time", "start_time"),
    "start_time_unix_nano": _nanoseconds("start_time"),
    "end_time": _time("end_time", END_TIME),
    "end_time_unix_nano": _nanoseconds("end_time"),
    "duration_ms": _same("duration_ms"),
    "provider": _known_text("provider"),
    "model": _known_text("model"),
    "request_model": _known_text("request_model"),
    "input_tokens": _same("input_tokens"),
    "output_tokens": _same("output_tokens"),
    "total_tokens": _same("total_tokens"),
    "cost_usd": _same("CAST(NULL, 'Nullable(Float64)')"),
    "service_name": _text("service_name"),
    "environment": _text("environment"),
    "session_id": _same("session_id"),
    "user_id": _same("user_id"),
    "evaluation_id": _known_text("evaluation_id"),
    "input": _payload("input"),
    "output": _payload("output"),
    "attributes": _ATTRIBUTES,
}
"""Every column of a list of calls, in order."""

PAYLOAD_COLUMNS = ("input", "output", "attributes")
"""Those that may be large."""

_ALWAYS = ("trace_id", "span_id")


def chosen_columns(names: Sequence[str] | None, with_payloads: bool = True) -> tuple[str, ...]:
    """The columns to show, in the table's order; the ids are always among them.

    Args:
        names: those wanted, or None for all.
        with_payloads: False leaves the payloads out of all.

    Raises:
        UnknownColumnError: there is no such column; the text lists the nearest.
    """
    for name in names or ():
        if name not in COLUMNS:
            near = nearest_names(name, COLUMNS) or tuple(COLUMNS)
            raise UnknownColumnError(f"there is no column {name!r}: try {', '.join(near)}")
    if names is None:
        return tuple(name for name in COLUMNS if with_payloads or name not in PAYLOAD_COLUMNS)
    return tuple(name for name in COLUMNS if name in names or name in _ALWAYS)
