"""Find calls: the one builder of queries over single spans, in any order, under any filter.

Only names from the tables below enter the text; every value is a bound parameter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from spanloom_query.filters.sql import Condition
from spanloom_query.reads.call_columns import SPAN_KEY
from spanloom_query.reads.call_fields import OP_NAME
from spanloom_query.reads.cursors import Cursor
from spanloom_query.reads.search import Order, Sort, Window, windows

_START = "toUnixTimestamp64Nano(start_time)"
_END = "toUnixTimestamp64Nano(end_time)"

PLACE = f"concat(leftPad(toString({_START}), 20, '0'), {SPAN_KEY})"
"""SQL of what tells two rows apart that are equal in a list's order."""

CALL_SORTS: Mapping[str, Sort] = {
    "start_time": Sort(_START, "Int64", int),
    "duration_ms": Sort(f"if({_END} = 0, -1, {_END} - {_START})", "Int64", int),
    "name": Sort("toString(name)", "String", str),
    "total_tokens": Sort("toInt64(ifNull(total_tokens, -1))", "Int64", int),
}
"""Orders of a list of calls; what is not known comes before 0."""

NEWEST_FIRST = Order("start_time", True)
OLDEST_FIRST = Order("start_time", False)


@dataclass(frozen=True)
class CallFilter:
    """Which calls are meant; None means any. ``condition`` is over ``CALL_FIELDS``."""

    condition: Condition | None = None
    op: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    kind: str | None = None
    status: str | None = None
    roots_only: bool = False
    started_from_ns: int | None = None
    started_before_ns: int | None = None


_CONDITIONS: Mapping[str, str] = {
    "op": f"{OP_NAME} = {{op:String}}",
    "trace_id": "trace_id = {trace_id:String}",
    "span_id": "span_id = {span_id:String}",
    "parent_span_id": "parent_span_id = {parent_span_id:String}",
    "kind": "kind = {kind:String}",
    "status": "status = {status:String}",
    "started_from_ns": "start_time >= fromUnixTimestamp64Nano({started_from_ns:Int64}, 'UTC')",
    "started_before_ns": "start_time < fromUnixTimestamp64Nano({started_before_ns:Int64}, 'UTC')",
}


class Query(NamedTuple):
    """SQL and the values of its parameters."""

    sql: str
    parameters: dict[str, Any]


def filter_query(project: str, wanted: CallFilter) -> Query:
    """The WHERE of a filter, without the word."""
    given = {name: value for name in _CONDITIONS if (value := getattr(wanted, name)) is not None}
    conditions = ["project = {project:String}", *(_CONDITIONS[name] for name in given)]
    parameters = {"project": project, **given}
    if wanted.roots_only:
        conditions.append("parent_span_id = ''")
    if wanted.condition is not None:
        conditions.append(wanted.condition.sql)
        parameters |= wanted.condition.parameters
    return Query("\n  AND ".join(conditions), parameters)


def count_query(project: str, wanted: CallFilter) -> Query:
    """Counts the calls that a filter lets through."""
    where = filter_query(project, wanted)
    return Query(f"SELECT count() FROM spans FINAL\nWHERE {where.sql}", where.parameters)  # noqa: S608


def page_query(
    project: str,
    wanted: CallFilter,
    order: Order,
    window: Window,
    cursor: Cursor | None,
    limit: int,
) -> Query:
    """Finds the next calls in order: sort value, place, key and start of each."""
    where = filter_query(project, wanted)
    after = [_after(order)] if cursor else []
    place = {"after_value": cursor.value, "after_place": cursor.id} if cursor else {}
    bounds = {"low": max(window.low_ns, 0), "high": window.high_ns, "limit": limit}
    direction = "DESC" if order.descending else "ASC"
    sql = f"""
SELECT {CALL_SORTS[order.key].sql} AS sort_value, {PLACE} AS place, {SPAN_KEY} AS key, {_START} AS start
FROM spans FINAL
WHERE {where.sql}
  AND start_time >= fromUnixTimestamp64Nano({{low:Int64}}, 'UTC')
  AND start_time < fromUnixTimestamp64Nano({{high:Int64}}, 'UTC')
{"".join(f"  AND {condition}" for condition in after)}
ORDER BY sort_value {direction}, place {direction}
LIMIT {{limit:UInt32}}
"""  # noqa: S608  # made of the tables above and bound parameters alone
    return Query(sql, where.parameters | place | bounds)


def _after(order: Order) -> str:
    comparison = "<" if order.descending else ">"
    value_type = CALL_SORTS[order.key].clickhouse_type
    return (
        f"(sort_value, place) {comparison} ({{after_value:{value_type}}}, {{after_place:String}})"
    )


def call_windows(
    wanted: CallFilter, order: Order, newest_ns: int, cursor: Cursor | None
) -> list[Window]:
    """The stretches of time to search, one after the other, until a page is full."""
    if wanted.trace_id or wanted.span_id or wanted.parent_span_id or order != NEWEST_FIRST:
        low_ns = int(cursor.value) if cursor and order == OLDEST_FIRST else 0
        return [Window(low_ns, newest_ns + 1)]
    newest_ns = min(newest_ns, wanted.started_before_ns or newest_ns)
    return windows(order, newest_ns, cursor)
