"""Calls: single spans in pages, with or without their payloads, as JSON or as Arrow."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple, cast

from clickhouse_connect.driver.client import Client

from spanloom_collector.storage.connect import Engine
from spanloom_query.reads import cursors
from spanloom_query.reads.call_columns import COLUMNS, SPAN_KEY
from spanloom_query.reads.call_search import (
    CALL_SORTS,
    PLACE,
    CallFilter,
    Query,
    call_windows,
    count_query,
    page_query,
)
from spanloom_query.reads.cursors import Cursor
from spanloom_query.reads.search import Order, parsed_order

MAX_PAGE_CALLS = 1_500
"""Most calls in a page: their places are one parameter, and a server takes 128 KiB of it."""

PAGE_BYTES = 32 << 20
"""Where a page ends before its limit, when its payloads are large. It has one call at least."""

_ARROW_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Call:
    """A span as a call. What was not asked for is not there; what is not known is null.

    ``op_name`` is the op's name or else the span's; ``display_name`` the name that somebody gave
    to the call, or else the span's. Tokens are those that the span reports itself.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    op_name: str
    name: str
    display_name: str
    kind: str
    status: str
    status_message: str
    start_time: str
    start_time_unix_nano: int
    end_time: str | None
    end_time_unix_nano: int | None
    duration_ms: float | None
    provider: str | None
    model: str | None
    request_model: str | None
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    cost_usd: float | None
    service_name: str
    environment: str
    session_id: str
    user_id: str
    evaluation_id: str | None
    input: Any
    output: Any
    attributes: dict[str, Any]


@dataclass(frozen=True)
class CallPage:
    """A page of calls."""

    calls: list[Call]
    next_cursor: str | None


class CallRows(NamedTuple):
    """A page of calls as plain JSON: of each :class:`Call`, the columns that were asked for."""

    calls: list[dict[str, Any]]
    next_cursor: str | None


class CallRequest(NamedTuple):
    """Which calls are wanted, and what of them."""

    wanted: CallFilter
    sort: str
    limit: int
    cursor: str | None
    columns: tuple[str, ...]
    """Names in :data:`spanloom_query.reads.call_columns.COLUMNS`."""


class _Found(NamedTuple):
    """Where a call stands in the list."""

    sort_value: int | str
    place: str
    key: str
    start_ns: int


class _Page(NamedTuple):
    """The calls to show, and where the next page begins."""

    order: Order
    shown: list[_Found]
    next_cursor: str | None


def list_calls(engine: Engine, project: str, request: CallRequest) -> CallRows:
    """A page of a project's calls.

    Raises:
        UnknownSortError: there is no such order.
        CursorError: the cursor is damaged or of another order.
    """
    with engine.reader() as client:
        page = _page(client, project, request)
        query = _json_query(project, page, request.columns)
        rows = client.query(*query).result_rows if page.shown else []
    return CallRows([_call(request.columns, row) for row in rows], page.next_cursor)


def count_calls(engine: Engine, project: str, wanted: CallFilter) -> int:
    """How many calls a filter lets through."""
    with engine.reader() as client:
        return int(client.query(*count_query(project, wanted)).result_rows[0][0])


class ArrowPage(NamedTuple):
    """A page of calls as the bytes of an Arrow IPC stream."""

    chunks: Iterator[bytes]
    next_cursor: str | None


@contextmanager
def calls_as_arrow(engine: Engine, project: str, request: CallRequest) -> Iterator[ArrowPage]:
    """A page of a project's calls, encoded by the engine; see :func:`list_calls`.

    Payloads and attributes are JSON text; attributes leave out lists, maps and bytes.
    """
    with engine.reader() as client:
        page = _page(client, project, request)
        query = _arrow_query(project, page, request.columns)
        opened = client.raw_stream(query.sql, query.parameters, fmt="ArrowStream")
        with cast(BinaryIO, opened) as stream:
            yield ArrowPage(iter(lambda: stream.read(_ARROW_CHUNK_BYTES), b""), page.next_cursor)


def _page(client: Client, project: str, request: CallRequest) -> _Page:
    order = parsed_order(request.sort, CALL_SORTS)
    cursor = cursors.decoded(request.cursor, CALL_SORTS[order.key].python_type)
    found = _found(client, project, request, order, cursor)
    shown = found[: request.limit]
    shown = shown[: _count_that_fits(client, project, order, shown, request.columns)]
    last = Cursor(shown[-1].sort_value, shown[-1].place) if len(found) > len(shown) else None
    return _Page(order, shown, cursors.encoded(last) if last else None)


def _found(
    client: Client, project: str, request: CallRequest, order: Order, cursor: Cursor | None
) -> list[_Found]:
    newest = client.query(_NEWEST, {"project": project}).result_rows
    if not newest:
        return []
    found: list[_Found] = []
    limit = request.limit + 1
    for window in call_windows(request.wanted, order, int(newest[0][0]), cursor):
        query = page_query(project, request.wanted, order, window, cursor, limit)
        found = [_Found(*row) for row in client.query(*query).result_rows]
        if len(found) >= limit:
            break
    return found


_NEWEST = """
SELECT toUnixTimestamp64Nano(max(start_time))
FROM spans
WHERE project = {project:String}
GROUP BY project
"""


def _count_that_fits(
    client: Client,
    project: str,
    order: Order,
    shown: Sequence[_Found],
    columns: Sequence[str],
) -> int:
    """How many of the first calls have payloads of at most PAGE_BYTES, at least one."""
    sizes = [COLUMNS[name].size for name in columns if COLUMNS[name].size != "0"]
    if not shown or not sizes:
        return len(shown)
    rows = client.query(*_rows_query(project, order, shown, [" + ".join(sizes)])).result_rows
    size_by_place = {place: size for _, place, size in rows}
    room_bytes = PAGE_BYTES
    for count, found in enumerate(shown):
        room_bytes -= size_by_place.get(found.place, 0)
        if room_bytes < 0:
            return max(1, count)
    return len(shown)


def _json_query(project: str, page: _Page, columns: Sequence[str]) -> Query:
    parts = [part for name in columns for part in COLUMNS[name].parts]
    query = _rows_query(project, page.order, page.shown, parts)
    return _selected(query, [f"c{at}" for at in range(len(parts))], page.order)


def _arrow_query(project: str, page: _Page, columns: Sequence[str]) -> Query:
    expressions = [COLUMNS[name].arrow for name in columns]
    query = _rows_query(project, page.order, page.shown, expressions)
    return _selected(query, [f"c{at} AS {name}" for at, name in enumerate(columns)], page.order)


def _selected(query: Query, columns: Sequence[str], order: Order) -> Query:
    direction = "DESC" if order.descending else "ASC"
    sql = f"""
SELECT {", ".join(columns)}
FROM ({query.sql})
ORDER BY sort_value {direction}, place {direction}
"""  # noqa: S608  # made of the table of columns and bound parameters alone
    return query._replace(sql=sql)


def _rows_query(
    project: str,
    order: Order,
    shown: Sequence[_Found],
    expressions: Sequence[str],
) -> Query:
    """Reads the calls that were found: sort value, place, and c0, c1, … for the expressions."""
    starts = [found.start_ns for found in shown] or [0]
    parameters = {
        "project": project,
        "places": [found.place for found in shown],
        "low": min(starts),
        "high": max(starts),
    }
    chosen = "".join(f",\n    {sql} AS c{at}" for at, sql in enumerate(expressions))
    names = ""
    if "names[" in chosen:
        names = f"WITH ({_NAMES}) AS names"
        parameters["keys"] = [found.key for found in shown]
    sql = f"""
{names}
SELECT {CALL_SORTS[order.key].sql} AS sort_value, {PLACE} AS place{chosen}
FROM spans FINAL
WHERE project = {{project:String}}
  AND place IN {{places:Array(String)}}
  AND start_time >= fromUnixTimestamp64Nano({{low:Int64}}, 'UTC')
  AND start_time <= fromUnixTimestamp64Nano({{high:Int64}}, 'UTC')
"""  # noqa: S608  # made of the table of columns and bound parameters alone
    return Query(sql, parameters)


_NAMES = f"""
SELECT CAST((groupArray({SPAN_KEY}), groupArray(display_name)), 'Map(String, String)')
FROM display_names FINAL
WHERE project = {{project:String}} AND {SPAN_KEY} IN {{keys:Array(String)}}
"""  # noqa: S608  # a constant


def _call(columns: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    parts = iter(row)
    return {
        name: COLUMNS[name].value(*(next(parts) for _ in COLUMNS[name].parts)) for name in columns
    }
