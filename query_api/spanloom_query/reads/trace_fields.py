"""The fields that a filter over traces may name.

A condition is about a trace: its root span's own values, and counts over all of its spans.
"""

from spanloom_query.filters.fields import Catalogue, Family, Field, Type
from spanloom_query.reads.search import ROOT_ORDER


def _root(column: str) -> str:
    return f"argMin({column}, {ROOT_ORDER})"


def _attribute(key: str, type_: Type) -> str:
    return _root(f"tuple({own_attribute(key, type_)})") + ".1"  # a tuple keeps NULL in argMin


def own_attribute(key: str, type_: Type) -> str:
    """SQL of the value of one type that a span itself has under a key; NULL when it has none."""
    if type_ is Type.NUMBER:
        return (
            f"multiIf(mapContains(attr_int, {key}), toNullable(toFloat64(attr_int[{key}])), "
            f"mapContains(attr_float, {key}), attr_float[{key}], NULL)"
        )
    if type_ is Type.TEXT:  # payloads were moved out of the attributes
        return (
            f"multiIf(input_key = {key}, toNullable(input), output_key = {key}, output, "
            f"mapContains(attr_str, {key}), attr_str[{key}], NULL)"
        )
    return f"if(mapContains(attr_bool, {key}), toNullable(attr_bool[{key}]), NULL)"


def _has_attribute(key: str) -> str:
    return _root(has_own_attribute(key))


def has_own_attribute(key: str) -> str:
    """SQL that is true when a span itself has a key, whatever the type of its value."""
    maps = ("attr_str", "attr_int", "attr_float", "attr_bool", "attr_other")
    anywhere = " OR ".join(f"mapContains({name}, {key})" for name in maps)
    return f"(input_key = {key} OR output_key = {key} OR {anywhere})"


TRACE_FIELDS = Catalogue(
    fields=(
        Field("name", Type.TEXT, "Name of the root span.", _root("toString(name)")),
        Field("kind", Type.TEXT, "What the root span is for: agent, llm, …", _root("kind")),
        Field(
            "status",
            Type.TEXT,
            "The root span's: ok, error, unset, running or lost.",
            _root("status"),
        ),
        Field("status_message", Type.TEXT, "What went wrong.", _root("status_message")),
        Field("service_name", Type.TEXT, "The service that made it.", _root("service_name")),
        Field("environment", Type.TEXT, "production, staging, …", _root("environment")),
        Field("session_id", Type.TEXT, "The session it belongs to.", _root("session_id")),
        Field("user_id", Type.TEXT, "The user it was made for.", _root("user_id")),
        Field("input", Type.TEXT, "The root span's input, as JSON text.", _root("input")),
        Field("output", Type.TEXT, "The root span's output, as JSON text.", _root("output")),
        Field("model", Type.TEXT, "A model that was called, if only one was.", "max(model)"),
        Field("trace_id", Type.TEXT, "The trace's id, 32 hex digits.", "trace_id"),
        Field("start_time", Type.TIME, "When it started.", "min(start_time)"),
        Field(
            "duration_ms",
            Type.NUMBER,
            "From the first start to the last end, in milliseconds.",
            "(toUnixTimestamp64Nano(max(end_time)) - toUnixTimestamp64Nano(min(start_time))) / 1e6",
        ),
        Field("span_count", Type.NUMBER, "How many spans it has.", "count()"),
        Field("error_count", Type.NUMBER, "Spans that ended in error.", "countIf(status_code = 2)"),
    ),
    families=(
        Family(
            "attributes",
            "An attribute of the root span.",
            _attribute,
            _has_attribute,
        ),
    ),
)
"""What ``where`` may name in a list of traces."""
