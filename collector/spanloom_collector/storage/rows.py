"""Rows of the table ``spans``: their columns, and the insert that makes them durable."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from clickhouse_connect.driver.client import Client

ENDED_VERSION_OFFSET = 1 << 62
"""Added to the version of a span that has ended, so that no late start record can hide its end."""

STRING_MAP = "Map(LowCardinality(String), String)"
"""Type of a map of texts, or of tagged values."""


class SpanRow(NamedTuple):
    """One span. Times are nanoseconds since 1970, ids lower-case hex; an end of 0 is still to come.

    ``*_other`` maps hold tagged values, see :mod:`spanloom_collector.storage.attributes`.
    """

    project: str
    trace_id: str
    span_id: str
    parent_span_id: str
    trace_state: str
    flags: int
    name: str
    span_kind: int
    start_time: int
    end_time: int
    status_code: int
    status_message: str
    received_time: int
    version: int
    kind: str
    service_name: str
    environment: str
    session_id: str
    user_id: str
    provider: str
    model: str
    request_model: str
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    evaluation_id: str
    example_digest: str
    input: str
    input_key: str
    output: str
    output_key: str
    attr_str: dict[str, str]
    attr_int: dict[str, int]
    attr_float: dict[str, float]
    attr_bool: dict[str, bool]
    attr_other: dict[str, bytes]
    dropped_attributes_count: int
    event_time_unix_nano: list[int]
    event_name: list[str]
    event_attr_str: list[dict[str, str]]
    event_attr_other: list[dict[str, bytes]]
    event_dropped: list[int]
    dropped_events_count: int
    link_trace_id: list[str]
    link_span_id: list[str]
    link_trace_state: list[str]
    link_flags: list[int]
    link_attr_str: list[dict[str, str]]
    link_attr_other: list[dict[str, bytes]]
    link_dropped: list[int]
    dropped_links_count: int
    scope_name: str
    scope_version: str
    scope_attr_str: dict[str, str]
    scope_attr_other: dict[str, bytes]
    scope_dropped: int
    scope_schema_url: str
    resource_attr_str: dict[str, str]
    resource_attr_other: dict[str, bytes]
    resource_dropped: int
    resource_schema_url: str


_LOW_CARDINALITY = (
    "project", "name", "kind", "service_name", "environment", "provider", "model", "request_model",
    "input_key", "output_key", "scope_name", "scope_version", "scope_schema_url",
    "resource_schema_url",
)  # fmt: skip
_UINT32 = (
    "flags", "scope_dropped", "resource_dropped", "dropped_attributes_count",
    "dropped_events_count", "dropped_links_count",
)  # fmt: skip
STRING_MAPS = (
    "attr_str", "attr_other", "scope_attr_str", "scope_attr_other", "resource_attr_str",
    "resource_attr_other",
)  # fmt: skip
_STRING_MAP_ARRAYS = ("event_attr_str", "event_attr_other", "link_attr_str", "link_attr_other")

COLUMN_TYPES: dict[str, str] = {
    **dict.fromkeys(SpanRow._fields, "String"),
    **dict.fromkeys(_LOW_CARDINALITY, "LowCardinality(String)"),
    **dict.fromkeys(_UINT32, "UInt32"),
    **dict.fromkeys(STRING_MAPS, STRING_MAP),
    **dict.fromkeys(_STRING_MAP_ARRAYS, f"Array({STRING_MAP})"),
    **dict.fromkeys(("start_time", "end_time", "received_time"), "DateTime64(9, 'UTC')"),
    **dict.fromkeys(("span_kind", "status_code"), "UInt8"),
    **dict.fromkeys(("input_tokens", "output_tokens", "total_tokens"), "Nullable(UInt64)"),
    "version": "UInt64",
    "attr_int": "Map(LowCardinality(String), Int64)",
    "attr_float": "Map(LowCardinality(String), Float64)",
    "attr_bool": "Map(LowCardinality(String), Bool)",
    "event_time_unix_nano": "Array(UInt64)",
    "event_name": "Array(LowCardinality(String))",
    **dict.fromkeys(("link_trace_id", "link_span_id", "link_trace_state"), "Array(String)"),
    **dict.fromkeys(("event_dropped", "link_flags", "link_dropped"), "Array(UInt32)"),
}
"""Column to ClickHouse type, in the order of :class:`SpanRow`."""


def insert_spans(client: Client, rows: Sequence[SpanRow], deduplication_token: str) -> None:
    """Insert spans; when this returns they are on disk.

    Inserting the same token again stores nothing: a retry after an unclear answer is safe.

    Args:
        client: the writing client.
        rows: at least one span.
        deduplication_token: names this insert and no other.

    Raises:
        clickhouse_connect.driver.exceptions.ClickHouseError: nothing is promised about the rows.
    """
    insert_rows(client, "spans", COLUMN_TYPES, rows, deduplication_token)


WRITE_SETTINGS: Final = {
    "async_insert": "0",
    # Records with odd clocks may lie in any month: no batch is refused for that.
    "max_partitions_per_insert_block": "0",
    # What merges do anyway, and readers do without until then: duplicates, and those skip indexes
    # that no page waits for. A trace is looked up by its id all the time.
    "optimize_on_insert": "0",
    "exclude_materialize_skip_indexes_on_insert": (
        "by_session, by_user, by_evaluation, by_kind, by_attr_key, by_attr_value"
    ),
}
"""With which everything is inserted."""


def insert_rows(
    client: Client,
    table: str,
    column_types: Mapping[str, str],
    rows: Sequence[tuple[Any, ...]],
    deduplication_token: str,
) -> None:
    """Insert rows into any table of ours; the promises are those of :func:`insert_spans`.

    Args:
        client: the writing client.
        table: its name.
        column_types: column to ClickHouse type, in the order of the rows' members.
        rows: at least one.
        deduplication_token: names this insert into this table and no other.
    """
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    client.insert(
        table,
        columns,
        column_oriented=True,
        column_names=list(column_types),
        column_type_names=list(column_types.values()),
        settings={"insert_deduplication_token": deduplication_token, **WRITE_SETTINGS},
    )


def version_of(received_unix_nano: int, end_unix_nano: int) -> int:
    """The version with which a row competes with others of the same span.

    The later end wins, in whatever order they come and whatever the clock does meanwhile; before
    the end, the later record.
    """
    return end_unix_nano + ENDED_VERSION_OFFSET if end_unix_nano else received_unix_nano


def rfc3339(unix_nano: int) -> str:
    """A time with all its nanoseconds.

    Example:
        >>> rfc3339(1_700_000_000_123_456_789)
        '2023-11-14T22:13:20.123456789Z'
    """
    seconds, nanoseconds = divmod(unix_nano, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"
