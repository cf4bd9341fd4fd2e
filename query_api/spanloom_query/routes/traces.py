"""``/projects/{project}/traces`` and the spans below."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Response

from spanloom_query.problems import ProblemError, told_as
from spanloom_query.reads import logs, spans, traces
from spanloom_query.reads.cursors import CursorError
from spanloom_query.reads.search import SORTS, UnknownSortError
from spanloom_query.reads.trace_fields import TRACE_FIELDS
from spanloom_query.routes.context import (
    TRACE_ID_DIGITS,
    CurrentServer,
    caught_up,
    checked_id,
    checked_span_ids,
    condition_of,
    granted_project,
)

router = APIRouter(
    prefix="/projects/{project:project}/traces",
    tags=["traces"],
    dependencies=[Depends(granted_project), Depends(caught_up)],
)

Limit = Annotated[int, Query(ge=1, le=500, description="Traces a page.")]
PageCursor = Annotated[str | None, Query(description="next_cursor of the page before.")]
SortText = Annotated[str, Query(description=f"{', '.join(SORTS)}; '-' in front for descending.")]
Where = Annotated[
    str | None,
    Query(description="""A filter, such as `status = 'error' AND duration_ms > 1000`."""),
]


@router.get("")
def list_traces(
    server: CurrentServer,
    project: str,
    limit: Limit = 50,
    cursor: PageCursor = None,
    sort: SortText = "-start_time",
    where: Where = None,
) -> traces.TracePage:
    """A page of traces."""
    page = traces.PageRequest(limit, cursor, sort)
    with told_as(400, CursorError, UnknownSortError):
        return traces.list_traces(server.engine, project, page, condition_of(where, TRACE_FIELDS))


@router.get("/{trace_id}", response_model=traces.Trace)
def get_trace(server: CurrentServer, project: str, trace_id: str) -> Response:
    """One trace as a tree in columns, without payloads."""
    trace = traces.get_trace(
        server.engine, project, checked_id("trace_id", trace_id, TRACE_ID_DIGITS)
    )
    if trace is None:
        raise ProblemError(404, f"project {project!r} has no trace {trace_id}")
    # Up to 100,000 spans: written as they are, without a second look at every number.
    return Response(orjson.dumps(trace), media_type="application/json")


@router.get("/{trace_id}/spans/{span_id}")
def get_span(server: CurrentServer, project: str, trace_id: str, span_id: str) -> spans.Span:
    """One span with inputs, outputs, attributes, events, links, logs, scores and feedback."""
    span = spans.get_span(server.engine, project, *checked_span_ids(trace_id, span_id))
    if span is None:
        raise _no_span(project, trace_id, span_id)
    return span


@router.get("/{trace_id}/spans/{span_id}/otlp")
def get_span_as_otlp(
    server: CurrentServer, project: str, trace_id: str, span_id: str
) -> dict[str, Any]:
    """One span as OTLP/JSON, every value of its exact type."""
    request = spans.get_span_as_otlp(server.engine, project, *checked_span_ids(trace_id, span_id))
    if request is None:
        raise _no_span(project, trace_id, span_id)
    return request


@router.get("/{trace_id}/spans/{span_id}/logs/otlp")
def get_logs_as_otlp(
    server: CurrentServer, project: str, trace_id: str, span_id: str
) -> dict[str, Any]:
    """The log records of one span as OTLP/JSON, also while the span itself has not arrived."""
    ids = checked_span_ids(trace_id, span_id)
    return logs.get_logs_as_otlp(server.engine, project, *ids)


def _no_span(project: str, trace_id: str, span_id: str) -> ProblemError:
    return ProblemError(404, f"trace {trace_id} of project {project!r} has no span {span_id}")
