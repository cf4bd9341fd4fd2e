"""The statement with which ClickHouse itself decodes journal segments into rows of the table.

The mapping is that of :mod:`spanloom_collector.pipeline.columns`, which is the oracle in the tests,
and does what this statement refuses: records of several projects, and attributes that repeat a key.

The statement unfolds a record step by step, resources, scopes, spans; each step names what it keeps
and leaves the nested rest behind, since every mention of a deeply nested type costs time to analyse
and every text that is carried along costs a copy.
"""

from collections.abc import Mapping

from spanloom_collector.pipeline import dialects, places
from spanloom_collector.pipeline.places import BOOL, DOUBLE, INT, STRING, quoted
from spanloom_collector.pipeline.wire import MESSAGE, PROTO, STRUCTURE
from spanloom_collector.storage.rows import ENDED_VERSION_OFFSET, SpanRow
from spanloom_collector.storage.segments import SegmentFormat

_REPEATED = "an attribute is repeated"


def _select_rows(source: str) -> str:
    """The SELECT that lays a segment out as rows of ``spans``.

    Args:
        source: a table function with the columns of the segment's structure.
    """
    columns = _row_columns()
    ordered = {name: columns[name] for name in SpanRow._fields}
    return (
        f"SELECT {_named(ordered)} FROM (SELECT *, {_named(places.findings())} "  # noqa: S608
        f"FROM (SELECT *, {places.places()} AS places FROM ({_spans(source)})))"
    )


def _spans(source: str) -> str:
    """One row a span: its own fields, its attributes as parallel arrays, and its surroundings."""
    return (
        f"SELECT * EXCEPT (s), {_named(_span_fields())} FROM ({_scopes(source)}) "  # noqa: S608
        f"WHERE NOT throwIf({_repeats_in_span()}, '{_REPEATED}')"
    )


def _scopes(source: str) -> str:
    fields = {
        "scope_schema_url_": "ss.schema_url",
        "scope_name_": "ss.scope.name",
        "scope_version_": "ss.scope.version",
        "scope_dropped_": "ss.scope.dropped_attributes_count",
        **_compact_maps("ss.scope.attributes", "scope"),
    }
    return (
        f"SELECT * EXCEPT (ss), {_named(fields)}, arrayJoin(ss.spans) AS s "  # noqa: S608
        f"FROM ({_resources(source)}) "
        f"WHERE NOT throwIf({_repeats('ss.scope.attributes')}, '{_REPEATED}')"
    )


def _resources(source: str) -> str:
    texts = {
        f"{name}_": f"arrayFirst(text -> text != '', {_resource_texts(keys)})"
        for name, keys in dialects.RESOURCE_TEXT_RULES.items()
    }
    fields = {
        "resource_schema_url_": "rs.schema_url",
        "resource_dropped_": "rs.resource.dropped_attributes_count",
        **_compact_maps("rs.resource.attributes", "resource"),
        **texts,
    }
    return (
        f"SELECT received_unix_nano, project, {_named(fields)}, "  # noqa: S608
        "arrayJoin(rs.scope_spans) AS ss "
        "FROM (SELECT received_unix_nano, project, arrayJoin(resource_spans) AS rs "
        f"FROM {source} WHERE NOT throwIf(project = '', 'a record names no project')) "
        f"WHERE NOT throwIf({_repeats('rs.resource.attributes')}, '{_REPEATED}')"
    )


def _resource_texts(keys: tuple[str, ...]) -> str:
    return f"[{', '.join(f'resource_attr_str_[{quoted(key)}]' for key in keys)}]"


def _named(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{expression} AS `{name}`" for name, expression in columns.items())


def _repeats(attributes: str) -> str:
    """Whether a key stands twice: rare, and left to the column path, where the last one wins."""
    return f"length(arrayDistinct({attributes}.key)) != length({attributes}.key)"


def _repeats_in_span() -> str:
    return (
        f"{_repeats('s.attributes')} "
        f"OR arrayExists(event -> {_repeats('event.attributes')}, s.events) "
        f"OR arrayExists(link -> {_repeats('link.attributes')}, s.links)"
    )


def _span_fields() -> dict[str, str]:
    own = (
        "trace_id", "span_id", "parent_span_id", "trace_state", "flags", "name", "kind",
        "start_time_unix_nano", "end_time_unix_nano", "dropped_attributes_count",
        "dropped_events_count", "dropped_links_count",
    )  # fmt: skip
    values = {
        "strings": "string", "ints": "int", "floats": "double", "bools": "bool",
        "arrays": "array", "lists": "kvlist", "blobs": "bytes",
    }  # fmt: skip
    return {
        **{f"own_{name}": f"s.{name}" for name in own},
        "own_status_code": "s.status.code",
        "own_status_message": "s.status.message",
        "keys": "CAST(s.attributes.key, 'Array(LowCardinality(String))')",
        "types": "CAST(s.attributes.value.value, 'Array(UInt8)')",
        **{name: f"s.attributes.value.{member}_value" for name, member in values.items()},
        **{f"own_{name}": expression for name, expression in _event_columns().items()},
        **{f"own_{name}": expression for name, expression in _link_columns().items()},
    }


_STRING_MAP = "Map(LowCardinality(String), String)"

# See spanloom_collector.storage.attributes: a digit, then text for scalars, bytes for the rest.
_TAGGED = (
    "multiIf(x.value.value = 'bool_value', if(x.value.bool_value, '21', '20'), "
    "x.value.value = 'int_value', concat('3', toString(x.value.int_value)), "
    "x.value.value = 'double_value', concat('4', toString(x.value.double_value)), "
    "x.value.value = 'array_value', concat('5', x.value.array_value), "
    "x.value.value = 'kvlist_value', concat('6', x.value.kvlist_value), "
    "x.value.value = 'bytes_value', concat('7', x.value.bytes_value), '0')"
)


def _strings(attributes: str) -> str:
    def texts(array: str) -> str:
        chosen = f"(element, type) -> type = {STRING}"
        return f"arrayFilter({chosen}, {attributes}.{array}, {attributes}.value.value)"

    return f"CAST(({texts('key')}, {texts('value.string_value')}), '{_STRING_MAP}')"


def _others(attributes: str) -> str:
    wanted = f"arrayFilter(x -> x.value.value != 'string_value', {attributes})"
    return f"CAST(arrayMap(x -> (x.key, {_TAGGED}), {wanted}), '{_STRING_MAP}')"


def _compact_maps(attributes: str, name: str) -> dict[str, str]:
    return {f"{name}_attr_str_": _strings(attributes), f"{name}_attr_other_": _others(attributes)}


def _event_columns() -> dict[str, str]:
    return {
        "event_time_unix_nano": "s.events.time_unix_nano",
        "event_name": "s.events.name",
        "event_attr_str": f"arrayMap(item -> {_strings('item.attributes')}, s.events)",
        "event_attr_other": f"arrayMap(item -> {_others('item.attributes')}, s.events)",
        "event_dropped": "s.events.dropped_attributes_count",
    }


def _link_columns() -> dict[str, str]:
    return {
        "link_trace_id": "arrayMap(id -> lower(hex(id)), s.links.trace_id)",
        "link_span_id": "arrayMap(id -> lower(hex(id)), s.links.span_id)",
        "link_trace_state": "s.links.trace_state",
        "link_flags": "s.links.flags",
        "link_attr_str": f"arrayMap(item -> {_strings('item.attributes')}, s.links)",
        "link_attr_other": f"arrayMap(item -> {_others('item.attributes')}, s.links)",
        "link_dropped": "s.links.dropped_attributes_count",
    }


def _row_columns() -> dict[str, str]:
    return {
        **_own_columns(),
        **_attribute_maps(),
        **places.canonical_columns(),
        **{name: f"own_{name}" for name in (*_event_columns(), *_link_columns())},
        **_surrounding_columns(),
    }


def _own_columns() -> dict[str, str]:
    ended = f"own_end_time_unix_nano + {ENDED_VERSION_OFFSET}"
    same = (
        "trace_state", "flags", "name", "status_code", "status_message",
        "dropped_attributes_count", "dropped_events_count", "dropped_links_count",
    )  # fmt: skip
    return {
        **{name: f"own_{name}" for name in same},
        **{name: f"lower(hex(own_{name}))" for name in ("trace_id", "span_id", "parent_span_id")},
        "span_kind": "own_kind",
        "start_time": _time("own_start_time_unix_nano"),
        "end_time": _time("own_end_time_unix_nano"),
        "received_time": _time("received_unix_nano"),
        "version": f"if(own_end_time_unix_nano = 0, received_unix_nano, {ended})",
    }


def _attribute_maps() -> dict[str, str]:
    return {
        "attr_str": _map("arrayFilter((element, is_kept) -> is_kept, {}, is_kept)", "strings"),
        "attr_int": _typed_map("ints", INT, "Int64"),
        "attr_float": _typed_map("floats", DOUBLE, "Float64"),
        "attr_bool": _typed_map("bools", BOOL, "Bool"),
        "attr_other": _others_of_span(),
    }


def _typed_map(values: str, type_: int, sql_type: str) -> str:
    return _map(f"arrayFilter((element, type) -> type = {type_}, {{}}, types)", values, sql_type)


def _map(chosen: str, values: str, sql_type: str = "String") -> str:
    """A map of those keys and values that a template of a filter chooses."""
    pair = f"({chosen.format('keys')}, {chosen.format(values)})"
    return f"CAST({pair}, 'Map(LowCardinality(String), {sql_type})')"


def _others_of_span() -> str:
    no_scalar = f"type NOT IN ({STRING}, {BOOL}, {INT}, {DOUBLE})"
    arrays = (
        f"arrayFilter((element, type) -> {no_scalar}, {array}, types)"
        for array in ("types", "arrays", "lists", "blobs")
    )
    tagged = (
        "arrayMap((type, array, list, blob) -> multiIf(type = 5, concat('5', array), "
        f"type = 6, concat('6', list), type = 7, concat('7', blob), '0'), {', '.join(arrays)})"
    )
    keys = f"arrayFilter((key, type) -> {no_scalar}, keys, types)"
    return f"CAST(({keys}, {tagged}), '{_STRING_MAP}')"


def _surrounding_columns() -> dict[str, str]:
    names = (
        "scope_name", "scope_version", "scope_attr_str", "scope_attr_other", "scope_dropped",
        "scope_schema_url", "resource_attr_str", "resource_attr_other", "resource_dropped",
        "resource_schema_url", *dialects.RESOURCE_TEXT_RULES,
    )  # fmt: skip
    return {"project": "project", **{name: f"{name}_" for name in names}}


def _time(unix_nano: str) -> str:
    return f"fromUnixTimestamp64Nano(toInt64({unix_nano}), 'UTC')"


SEGMENT_FORMAT = SegmentFormat(
    proto=PROTO, message=MESSAGE, structure=STRUCTURE, select_rows=_select_rows
)
"""What a segment holds and how it becomes rows, as ClickHouse is told."""
