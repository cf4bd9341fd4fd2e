"""Find traces: the one builder of queries over them, in any order, under any filter.

Only names from the tables below enter the text; every value is a bound parameter.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from spanloom_query.filters.sql import Condition
from spanloom_query.reads.cursors import Cursor

_HOUR_NS = 3_600_000_000_000
_FIRST_WINDOWS_NS = (_HOUR_NS, 24 * _HOUR_NS, 7 * 24 * _HOUR_NS)
_BEGINNING_NS = -(2**63)

# A trace is represented by its root: the span without a parent, else the earliest.
ROOT_ORDER = "(parent_span_id != '', start_time, span_id)"


class Sort(NamedTuple):
    """An order in which traces can be listed: one value a trace, of one type."""

    sql: str
    clickhouse_type: str
    python_type: type[int] | type[str]


SORTS: Mapping[str, Sort] = {
    "start_time": Sort("toUnixTimestamp64Nano(min(start_time))", "Int64", int),
    "duration_ms": Sort(
        "toUnixTimestamp64Nano(max(end_time)) - toUnixTimestamp64Nano(min(start_time))",
        "Int64",
        int,
    ),
    "name": Sort(f"argMin(name, {ROOT_ORDER})", "String", str),
}


class Order(NamedTuple):
    """How a list is sorted: a key of :data:`SORTS` and a direction."""

    key: str
    descending: bool

    @property
    def sort(self) -> Sort:
        """What is sorted by."""
        return SORTS[self.key]


class UnknownSortError(ValueError):
    """A list was asked for in an order that does not exist."""


def parsed_order(text: str, sorts: Mapping[str, Sort] = SORTS) -> Order:
    """An order as it is written in a URL: a name, with a minus in front for descending.

    Args:
        text: the order.
        sorts: those that the list has.

    Raises:
        UnknownSortError: there is no such order; the text lists those that are.
    """
    order = Order(text.removeprefix("-"), text.startswith("-"))
    if order.key not in sorts:
        raise UnknownSortError(
            f"cannot sort by {order.key!r}: choose one of {', '.join(sorts)}, "
            "with '-' in front for descending"
        )
    return order


class Window(NamedTuple):
    """Traces that start at or after ``low_ns`` and before ``high_ns``."""

    low_ns: int
    high_ns: int


def windows(order: Order, newest_ns: int, cursor: Cursor | None) -> list[Window]:
    """The stretches of time to search, one after the other, until a page is full.

    Newest first, most pages are full after the last hour; any other order has to see everything.
    """
    if order != Order("start_time", True):
        return [Window(_BEGINNING_NS, newest_ns + 1)]
    high = (int(cursor.value) if cursor else newest_ns) + 1
    lows = [high - length for length in _FIRST_WINDOWS_NS] + [_BEGINNING_NS]
    return [Window(low, high) for low in lows]


def found_traces(
    client: Client,
    project: str,
    order: Order,
    window: Window,
    cursor: Cursor | None,
    condition: Condition | None,
    limit: int,
) -> list[Cursor]:
    """Traces in order: the sort value and the id of each.

    A trace that started before the window is found with a later start than it has; the caller
    compares with the true one.
    """
    parameters: dict[str, Any] = {
        "project": project,
        "low": max(window.low_ns, 0),
        "high": window.high_ns,
        "limit": limit,
    }
    having = ["1"]
    if cursor is not None:
        having.append(_after(order))
        parameters |= {"value": cursor.value, "id": cursor.id}
    if condition is not None:
        having.append(condition.sql)
        parameters |= condition.parameters
    rows = client.query(_search_sql(order, having), parameters=parameters).result_rows
    return [Cursor(value, trace_id) for value, trace_id in rows]


def _after(order: Order) -> str:
    comparison = "<" if order.descending else ">"
    place = f"({{value:{order.sort.clickhouse_type}}}, {{id:String}})"
    return f"(sort_value, trace_id) {comparison} {place}"


def _search_sql(order: Order, having: list[str]) -> str:
    direction = "DESC" if order.descending else "ASC"
    filtered = " AND ".join(having)
    return f"""
SELECT {order.sort.sql} AS sort_value, trace_id
FROM spans FINAL
WHERE project = {{project:String}}
  AND start_time >= fromUnixTimestamp64Nano({{low:Int64}}, 'UTC')
  AND start_time < fromUnixTimestamp64Nano({{high:Int64}}, 'UTC')
GROUP BY trace_id
HAVING {filtered}
ORDER BY sort_value {direction}, trace_id {direction}
LIMIT {{limit:UInt32}}
"""  # noqa: S608 - made of the tables above and bound parameters alone
