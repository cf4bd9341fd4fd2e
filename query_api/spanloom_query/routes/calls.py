"""``/projects/{project}/calls``: spans as calls."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from spanloom_query.problems import told_as
from spanloom_query.reads import calls
from spanloom_query.reads.call_columns import COLUMNS, UnknownColumnError, chosen_columns
from spanloom_query.reads.call_fields import CALL_FIELDS
from spanloom_query.reads.call_search import CALL_SORTS, CallFilter
from spanloom_query.reads.calls import MAX_PAGE_CALLS, CallRequest
from spanloom_query.reads.cursors import CursorError
from spanloom_query.reads.search import UnknownSortError
from spanloom_query.routes.context import (
    SPAN_ID_DIGITS,
    TRACE_ID_DIGITS,
    CurrentServer,
    Server,
    caught_up,
    checked_id,
    condition_of,
    granted_project,
)

router = APIRouter(
    prefix="/projects/{project:project}/calls",
    tags=["calls"],
    dependencies=[Depends(granted_project), Depends(caught_up)],
)

ARROW_MEDIA_TYPE = "application/vnd.apache.arrow.stream"
NEXT_CURSOR_HEADER = "x-spanloom-next-cursor"

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True)
class CallCount:
    """How many calls there are."""

    count: int


def wanted_calls(
    where: Annotated[
        str | None, Query(description="A filter, such as `op = 'answer' AND duration_ms > 1000`.")
    ] = None,
    op: Annotated[str | None, Query(description="The op's name, else the span's.")] = None,
    trace_id: Annotated[str | None, Query(description="32 hexadecimal digits.")] = None,
    span_id: Annotated[str | None, Query(description="16 hexadecimal digits.")] = None,
    parent_span_id: Annotated[str | None, Query(description="16 hexadecimal digits.")] = None,
    kind: Annotated[str | None, Query(description="agent, llm, tool, …")] = None,
    status: Annotated[str | None, Query(description="ok, error, unset, running, lost.")] = None,
    roots_only: Annotated[bool, Query(description="Only roots of traces.")] = False,
    started_from: Annotated[AwareDatetime | None, Query(description="At or after it.")] = None,
    started_before: Annotated[AwareDatetime | None, Query(description="Before it.")] = None,
) -> CallFilter:
    """The filter that a query string describes: all of it holds.

    Raises:
        ProblemError: an id or the filter is none.
    """
    return CallFilter(
        condition=condition_of(where, CALL_FIELDS),
        op=op,
        trace_id=_id("trace_id", trace_id, TRACE_ID_DIGITS),
        span_id=_id("span_id", span_id, SPAN_ID_DIGITS),
        parent_span_id=_id("parent_span_id", parent_span_id, SPAN_ID_DIGITS),
        kind=kind,
        status=status,
        roots_only=roots_only,
        started_from_ns=_unix_nano(started_from),
        started_before_ns=_unix_nano(started_before),
    )


WantedCalls = Annotated[CallFilter, Depends(wanted_calls)]


@router.get(
    "",
    response_model=calls.CallPage,
    responses={200: {"content": {ARROW_MEDIA_TYPE: {}}, "description": "A page of calls."}},
)
def list_calls(
    server: CurrentServer,
    request: Request,
    project: str,
    wanted: WantedCalls,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_CALLS, description="Most calls a page.")] = 100,
    cursor: Annotated[str | None, Query(description="next_cursor of the page before.")] = None,
    sort: Annotated[
        str, Query(description=f"{', '.join(CALL_SORTS)}; '-' in front for descending.")
    ] = "-start_time",
    columns: Annotated[
        str | None, Query(description=f"Some of {', '.join(COLUMNS)}, separated by commas.")
    ] = None,
    payloads: Annotated[bool, Query(description="Whether to send the payloads.")] = True,
    format: Annotated[
        Literal["json", "arrow"] | None, Query(description="Else as accepted.")
    ] = None,
) -> Response:
    """A page of calls, as JSON or as an Arrow stream.

    Members that were not asked for by `columns` are left out. A page of large payloads may have
    fewer calls than `limit`. An Arrow stream has `next_cursor` in the header
    `x-spanloom-next-cursor`; its payloads and attributes are JSON text, and attributes leave out
    lists, maps and bytes.
    """
    with told_as(400, CursorError, UnknownSortError, UnknownColumnError):
        shown = chosen_columns(columns.split(",") if columns else None, payloads)
        asked = CallRequest(wanted, sort, limit, cursor, shown)
        if format == "arrow" or (format is None and _accepts_arrow(request)):
            return _arrow(server, project, asked)
        # Written as they are, without a second look at every value.
        page = calls.list_calls(server.engine, project, asked)
        return Response(orjson.dumps(page._asdict()), media_type="application/json")


@router.get("/count")
def count_calls(server: CurrentServer, project: str, wanted: WantedCalls) -> CallCount:
    """How many calls there are."""
    return CallCount(calls.count_calls(server.engine, project, wanted))


def _arrow(server: Server, project: str, asked: CallRequest) -> Response:
    opened = ExitStack()
    page = opened.enter_context(calls.calls_as_arrow(server.engine, project, asked))

    def content() -> Iterator[bytes]:
        with opened:
            yield from page.chunks

    headers = {NEXT_CURSOR_HEADER: page.next_cursor} if page.next_cursor else {}
    return StreamingResponse(content(), media_type=ARROW_MEDIA_TYPE, headers=headers)


def _accepts_arrow(request: Request) -> bool:
    return ARROW_MEDIA_TYPE in request.headers.get("accept", "")


def _id(name: str, text: str | None, digits: int) -> str | None:
    return None if text is None else checked_id(name, text, digits)


def _unix_nano(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1) * 1_000
