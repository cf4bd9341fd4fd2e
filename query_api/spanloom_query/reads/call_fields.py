"""The fields that a filter over calls may name: a span's own values, and any of its attributes."""

from spanloom import conventions
from spanloom_query.filters.fields import Catalogue, Family, Field, Type
from spanloom_query.reads.trace_fields import has_own_attribute, own_attribute

_OP_NAME_KEY = f"'{conventions.OP_NAME}'"
OP_NAME = f"if(mapContains(attr_str, {_OP_NAME_KEY}), attr_str[{_OP_NAME_KEY}], toString(name))"
"""SQL of the op's name: that of a span that no op made is the span's."""

END_TIME = "if(toUnixTimestamp64Nano(end_time) = 0, NULL, end_time)"
"""SQL of the end, NULL while there is none."""


def _text(column: str, description: str) -> Field:
    return Field(column, Type.TEXT, description, f"toString({column})")


def _number(column: str, description: str) -> Field:
    return Field(column, Type.NUMBER, description, column)


CALL_FIELDS = Catalogue(
    fields=(
        Field("op", Type.TEXT, "The op's name, else the span's.", OP_NAME),
        _text("name", "The span's name."),
        _text("kind", "What it is for: agent, llm, tool, …"),
        Field("status", Type.TEXT, "ok, error, unset, running or lost.", "status"),
        _text("status_message", "What went wrong."),
        _text("trace_id", "Its trace's id, 32 hex digits."),
        _text("span_id", "Its own id, 16 hex digits."),
        _text("parent_span_id", "The id of the span above; empty for the root of a trace."),
        _text("evaluation_id", "The evaluation that it is part of."),
        _text("service_name", "The service that made it."),
        _text("environment", "production, staging, …"),
        _text("session_id", "The session it belongs to."),
        _text("user_id", "The user it was made for."),
        _text("provider", "Who runs the model: openai, …"),
        _text("model", "The model that answered, else the one that was asked for."),
        _text("input", "The input, as JSON text."),
        _text("output", "The output, as JSON text."),
        Field("start_time", Type.TIME, "When it started.", "start_time"),
        Field("end_time", Type.TIME, "When it ended.", END_TIME),
        _number("duration_ms", "How long it took, in milliseconds."),
        _number("input_tokens", "Tokens of the prompt that it reports itself."),
        _number("output_tokens", "Tokens of the answer that it reports itself."),
        _number("total_tokens", "All tokens that it reports itself."),
    ),
    families=(Family("attributes", "An attribute of the span.", own_attribute, has_own_attribute),),
)
"""What ``where`` may name in a list of calls."""
