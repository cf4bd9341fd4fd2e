"""Rows of the table ``span_logs``: log records that belong to a span."""

from collections.abc import Sequence
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from spanloom_collector.storage.rows import STRING_MAP, STRING_MAPS, insert_rows


class LogRow(NamedTuple):
    """One log record. Times are nanoseconds since 1970, ids lower-case hex.

    ``*_other`` maps and ``body`` hold tagged values, see
    :mod:`spanloom_collector.storage.attributes`; the body of a record without one is empty.
    """

    project: str
    trace_id: str
    span_id: str
    time: int
    digest: str
    received_time: int
    position: int
    time_unix_nano: int
    observed_time_unix_nano: int
    severity_number: int
    severity_text: str
    event_name: str
    body: bytes
    flags: int
    attr_str: dict[str, str]
    attr_other: dict[str, bytes]
    dropped_attributes_count: int
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
    "project", "severity_text", "event_name", "scope_name", "scope_version", "scope_schema_url",
    "resource_schema_url",
)  # fmt: skip
_UINT32 = ("position", "flags", "dropped_attributes_count", "scope_dropped", "resource_dropped")

LOG_COLUMN_TYPES: dict[str, str] = {
    **dict.fromkeys(LogRow._fields, "String"),
    **dict.fromkeys(_LOW_CARDINALITY, "LowCardinality(String)"),
    **dict.fromkeys(_UINT32, "UInt32"),
    **dict.fromkeys(STRING_MAPS, STRING_MAP),
    **dict.fromkeys(("time", "received_time"), "DateTime64(9, 'UTC')"),
    **dict.fromkeys(("time_unix_nano", "observed_time_unix_nano"), "UInt64"),
    "severity_number": "Int32",
}
"""Column to ClickHouse type, in the order of :class:`LogRow`."""


def insert_logs(client: Client, rows: Sequence[LogRow], deduplication_token: str) -> None:
    """Insert log records; otherwise as :func:`spanloom_collector.storage.rows.insert_spans`."""
    insert_rows(client, "span_logs", LOG_COLUMN_TYPES, rows, deduplication_token)
