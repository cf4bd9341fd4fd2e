"""The statement with which ClickHouse itself decodes journal segments into rows of the table.

A segment is a sequence of length-prefixed messages: OTLP's ``ExportTraceServiceRequest`` with a few
more fields of ours, see :data:`_PROTO`. The mapping is that of
:mod:`spanloom_collector.pipeline.columns`, which is the oracle in the tests, and does what this
statement refuses: records of several projects, and attributes that repeat a key.

``AnyValue`` is recursive, which no ClickHouse type can be. So arrays and lists are declared as
bytes: on the wire a message and bytes look the same, and those bytes are what the table keeps.
"""

from collections.abc import Iterable, Mapping

from spanloom_collector.pipeline import dialects
from spanloom_collector.storage.rows import ENDED_VERSION_OFFSET, SpanRow
from spanloom_collector.storage.segments import SegmentFormat

_PROTO = """
syntax = "proto3";
message AnyValue { oneof value {
  string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
  bytes array_value = 5; bytes kvlist_value = 6; bytes bytes_value = 7;
} }
message KeyValue { string key = 1; AnyValue value = 2; }
message Scope {
  string name = 1; string version = 2; repeated KeyValue attributes = 3;
  uint32 dropped_attributes_count = 4;
}
message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
message Event {
  fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3;
  uint32 dropped_attributes_count = 4;
}
message Link {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; repeated KeyValue attributes = 4;
  uint32 dropped_attributes_count = 5; fixed32 flags = 6;
}
message Status { string message = 2; uint32 code = 3; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4;
  fixed32 flags = 16; string name = 5; uint32 kind = 6; fixed64 start_time_unix_nano = 7;
  fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
  uint32 dropped_attributes_count = 10; repeated Event events = 11; uint32 dropped_events_count = 12;
  repeated Link links = 13; uint32 dropped_links_count = 14; Status status = 15;
}
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; string schema_url = 3; }
message ResourceSpans {
  Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3;
}
message Record {
  repeated ResourceSpans resource_spans = 1;
  fixed64 received_unix_nano = 2001; string project = 2002; fixed32 crc = 2003;
}
"""

_VALUE = (
    "Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, "
    "'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), "
    "string_value String, bool_value Bool, int_value Int64, double_value Float64, "
    "array_value String, kvlist_value String, bytes_value String)"
)
_ATTRIBUTES = f"Array(Tuple(key String, value {_VALUE}))"
_EVENTS = (
    f"Array(Tuple(time_unix_nano UInt64, name String, attributes {_ATTRIBUTES}, "
    "dropped_attributes_count UInt32))"
)
_LINKS = (
    f"Array(Tuple(trace_id String, span_id String, trace_state String, attributes {_ATTRIBUTES}, "
    "dropped_attributes_count UInt32, flags UInt32))"
)
_SPAN = (
    "Tuple(trace_id String, span_id String, trace_state String, parent_span_id String, "
    "flags UInt32, name String, kind UInt32, start_time_unix_nano UInt64, "
    f"end_time_unix_nano UInt64, attributes {_ATTRIBUTES}, dropped_attributes_count UInt32, "
    f"events {_EVENTS}, dropped_events_count UInt32, links {_LINKS}, dropped_links_count UInt32, "
    "status Tuple(message String, code UInt32))"
)
_SCOPE_SPANS = (
    f"Tuple(scope Tuple(name String, version String, attributes {_ATTRIBUTES}, "
    f"dropped_attributes_count UInt32), spans Array({_SPAN}), schema_url String)"
)
_STRUCTURE = (
    f"resource_spans Array(Tuple(resource Tuple(attributes {_ATTRIBUTES}, "
    f"dropped_attributes_count UInt32), scope_spans Array({_SCOPE_SPANS}), schema_url String)), "
    "received_unix_nano UInt64, project String"
)


def _select_rows(source: str) -> str:
    """The SELECT that lays a segment out as rows of ``spans``.

    Args:
        source: a table function with the columns of the segment's structure.
    """
    columns = _row_columns()
    ordered = ",\n    ".join(f"{columns[name]} AS `{name}`" for name in SpanRow._fields)
    return f"""
SELECT
    {ordered}
FROM
(
    SELECT
        *,
        {_lookups("strings", _TEXT_KEYS)} AS texts,
        {_lookups("numbers", _COUNT_KEYS)} AS counts,
        {_found(dialects.PAYLOAD_RULES["input"])} AS input_place,
        {_found(dialects.PAYLOAD_RULES["output"])} AS output_place,
        {_list(_TEXT_KEYS)}[input_place] AS input_from,
        {_list(_TEXT_KEYS)}[output_place] AS output_from
    FROM
    (
        SELECT
            *,
            {_NUMBERS} AS numbers,
            {_scalar_map("s.attributes", "string_value")} AS strings,
            {_scalar_map("s.attributes", "int_value")} AS ints,
            {_scalar_map("s.attributes", "double_value")} AS floats,
            {_scalar_map("s.attributes", "bool_value")} AS bools,
            {_tagged_map("s.attributes", _NO_SCALARS)} AS others
        FROM
        (
            SELECT
                * EXCEPT (ss), ss.schema_url AS scope_url, ss.scope.name AS scope_name_,
                ss.scope.version AS scope_version_,
                ss.scope.dropped_attributes_count AS scope_dropped_,
                {_compact_maps("ss.scope.attributes", "scope")},
                arrayJoin(ss.spans) AS s
            FROM
            (
                SELECT
                    received_unix_nano, project, rs.schema_url AS resource_url,
                    rs.resource.dropped_attributes_count AS resource_dropped_,
                    {_compact_maps("rs.resource.attributes", "resource")},
                    arrayJoin(rs.scope_spans) AS ss
                FROM
                (
                    SELECT received_unix_nano, project AS project, arrayJoin(resource_spans) AS rs
                    FROM {source}
                    WHERE NOT throwIf(project = '', 'a record names no project')
                )
                WHERE NOT throwIf({_repeats("rs.resource.attributes")}, '{_REPEATED}')
            )
            WHERE NOT throwIf(
                {_repeats("ss.scope.attributes")} OR {_repeats("s.attributes")}
                OR arrayExists(event -> {_repeats("event.attributes")}, s.events)
                OR arrayExists(link -> {_repeats("link.attributes")}, s.links),
                '{_REPEATED}'
            )
        )
    )
)
"""  # noqa: S608 - made of the constants of this module and the rules


_REPEATED = "an attribute is repeated"


def _repeats(attributes: str) -> str:
    """Whether a key stands twice: rare, and left to the column path, where the last one wins."""
    return f"length(arrayDistinct({attributes}.key)) != length({attributes})"


_STRING_MAP = "Map(LowCardinality(String), String)"
_SCALAR_TYPES = {
    "string_value": "String",
    "int_value": "Int64",
    "double_value": "Float64",
    "bool_value": "Bool",
}
_NO_SCALARS = "x.value.value NOT IN ('string_value', 'int_value', 'double_value', 'bool_value')"
_NO_STRINGS = "x.value.value != 'string_value'"

# See spanloom_collector.storage.attributes: a digit, then text for scalars, bytes for the rest.
_TAGGED = (
    "multiIf(x.value.value = 'string_value', concat('1', x.value.string_value), "
    "x.value.value = 'bool_value', if(x.value.bool_value, '21', '20'), "
    "x.value.value = 'int_value', concat('3', toString(x.value.int_value)), "
    "x.value.value = 'double_value', concat('4', toString(x.value.double_value)), "
    "x.value.value = 'array_value', concat('5', x.value.array_value), "
    "x.value.value = 'kvlist_value', concat('6', x.value.kvlist_value), "
    "x.value.value = 'bytes_value', concat('7', x.value.bytes_value), '0')"
)


def _scalar_map(attributes: str, which: str) -> str:
    wanted = f"arrayFilter(x -> x.value.value = '{which}', {attributes})"
    type_ = f"Map(LowCardinality(String), {_SCALAR_TYPES[which]})"
    return f"CAST(arrayMap(x -> (x.key, x.value.{which}), {wanted}), '{type_}')"


def _tagged_map(attributes: str, condition: str) -> str:
    wanted = f"arrayFilter(x -> {condition}, {attributes})"
    return f"CAST(arrayMap(x -> (x.key, {_TAGGED}), {wanted}), '{_STRING_MAP}')"


def _compact_maps(attributes: str, name: str) -> str:
    return (
        f"{_scalar_map(attributes, 'string_value')} AS {name}_strings, "
        f"{_tagged_map(attributes, _NO_STRINGS)} AS {name}_others"
    )


def _each(items: str, mapping: str) -> str:
    return f"arrayMap(item -> {mapping}, {items})"


def _lookups(values: str, keys: Iterable[str]) -> str:
    """One look-up after the other: inside a lambda the whole map would be copied for each key."""
    return f"[{', '.join(f'{values}[{_quoted(key)}]' for key in keys)}]"


def _found(keys: Iterable[str]) -> str:
    """The place in ``texts`` of the first of these keys that has one, 0 when none has."""
    places = ", ".join(str(_TEXT_KEYS.index(key) + 1) for key in keys)
    return f"arrayFirst(place -> texts[place] != '', [{places}])"


def _row_columns() -> dict[str, str]:
    return {
        **_own_columns(),
        **_canonical_columns(),
        **_event_columns(),
        **_link_columns(),
        **_surrounding_columns(),
    }


def _own_columns() -> dict[str, str]:
    ended = f"s.end_time_unix_nano + {ENDED_VERSION_OFFSET}"
    return {
        "trace_id": "lower(hex(s.trace_id))",
        "span_id": "lower(hex(s.span_id))",
        "parent_span_id": "lower(hex(s.parent_span_id))",
        **{
            name: f"s.{name}"
            for name in (
                "trace_state", "flags", "name", "dropped_attributes_count",
                "dropped_events_count", "dropped_links_count",
            )
        },
        "span_kind": "s.kind",
        "start_time": _time("s.start_time_unix_nano"),
        "end_time": _time("s.end_time_unix_nano"),
        "status_code": "s.status.code",
        "status_message": "s.status.message",
        "received_time": _time("received_unix_nano"),
        "version": f"if(s.end_time_unix_nano = 0, received_unix_nano, {ended})",
        "attr_str": (
            "if(input_from = '' AND output_from = '', strings, "
            "mapFilter((key, value) -> key = '' OR key NOT IN (input_from, output_from), strings))"
        ),
        "attr_int": "ints",
        "attr_float": "floats",
        "attr_bool": "bools",
        "attr_other": "others",
    }  # fmt: skip


def _canonical_columns() -> dict[str, str]:
    texts = {name: f"texts[{_found(keys)}]" for name, keys in dialects.TEXT_RULES.items()}
    counts = {name: _first_count(keys) for name, keys in dialects.COUNT_RULES.items()}
    total = (
        "if(isNotNull(`input_tokens`) AND isNotNull(`output_tokens`), "
        "`input_tokens` + `output_tokens`, "
        f"coalesce({counts['total_tokens']}, `input_tokens`, `output_tokens`))"
    )
    payloads: dict[str, str] = {}
    for name in dialects.PAYLOAD_RULES:
        payloads |= {name: f"texts[{name}_place]", f"{name}_key": f"{name}_from"}
    return {**texts, **counts, "total_tokens": total, "kind": _kind(), **payloads}


def _kind() -> str:
    known = [
        f"transform(texts[{_TEXT_KEYS.index(key) + 1}], {_list(kinds)}, {_list(kinds.values())}, '')"
        for key, kinds in dialects.KIND_RULES.items()
    ]
    default = "if(`model` = '', 'span', 'llm')"
    return f"arrayFirst(kind -> kind != '', [{', '.join(known)}, {default}])"


def _event_columns() -> dict[str, str]:
    return {
        "event_time_unix_nano": "s.events.time_unix_nano",
        "event_name": "s.events.name",
        "event_attr_str": _each("s.events", _scalar_map("item.attributes", "string_value")),
        "event_attr_other": _each("s.events", _tagged_map("item.attributes", _NO_STRINGS)),
        "event_dropped": "s.events.dropped_attributes_count",
    }


def _link_columns() -> dict[str, str]:
    return {
        "link_trace_id": _each("s.links", "lower(hex(item.trace_id))"),
        "link_span_id": _each("s.links", "lower(hex(item.span_id))"),
        "link_trace_state": "s.links.trace_state",
        "link_flags": "s.links.flags",
        "link_attr_str": _each("s.links", _scalar_map("item.attributes", "string_value")),
        "link_attr_other": _each("s.links", _tagged_map("item.attributes", _NO_STRINGS)),
        "link_dropped": "s.links.dropped_attributes_count",
    }


def _surrounding_columns() -> dict[str, str]:
    return {
        "project": "project",
        "scope_name": "scope_name_",
        "scope_version": "scope_version_",
        "scope_attr_str": "scope_strings",
        "scope_attr_other": "scope_others",
        "scope_dropped": "scope_dropped_",
        "scope_schema_url": "scope_url",
        "resource_attr_str": "resource_strings",
        "resource_attr_other": "resource_others",
        "resource_dropped": "resource_dropped_",
        "resource_schema_url": "resource_url",
        **{name: _first_text(keys) for name, keys in dialects.RESOURCE_TEXT_RULES.items()},
    }


def _time(unix_nano: str) -> str:
    return f"fromUnixTimestamp64Nano(toInt64({unix_nano}), 'UTC')"


def _first_text(keys: Iterable[str]) -> str:
    values = ", ".join(f"resource_strings[{_quoted(key)}]" for key in keys)
    return f"arrayFirst(text -> text != '', [{values}])"


def _first_count(keys: Iterable[str]) -> str:
    return f"coalesce({', '.join(f'counts[{_COUNT_KEYS.index(key) + 1}]' for key in keys)})"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _all_keys(*rules: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for table in rules for keys in table.values() for key in keys))


_TEXT_KEYS = (
    *_all_keys(dialects.TEXT_RULES, dialects.PAYLOAD_RULES),
    *(key for key in dialects.KIND_RULES if key not in _all_keys(dialects.TEXT_RULES)),
)
_COUNT_KEYS = _all_keys(dialects.COUNT_RULES)

# A count may be an integer, a whole float or a text of digits; anything else is none.
_COUNT_OF = (
    "multiIf(x.value.value = 'int_value', if(x.value.int_value >= 0, toUInt64(x.value.int_value), NULL), "
    "x.value.value = 'double_value', if(x.value.double_value >= 0 AND x.value.double_value < 9.2e18, "
    "toUInt64(x.value.double_value), NULL), "
    "match(x.value.string_value, '^[0-9]{1,18}$'), toUInt64OrNull(x.value.string_value), NULL)"
)
_NUMBERS = (
    f"CAST(arrayMap(x -> (x.key, {_COUNT_OF}), "
    f"arrayFilter(x -> x.key IN {_list(_COUNT_KEYS)}, s.attributes)), "
    "'Map(LowCardinality(String), Nullable(UInt64))')"
)


SEGMENT_FORMAT = SegmentFormat(
    proto=_PROTO, message="Record", structure=_STRUCTURE, select_rows=_select_rows
)
"""What a segment holds and how it becomes rows, as ClickHouse is told."""
