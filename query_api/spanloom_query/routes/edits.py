"""``PATCH`` and ``DELETE`` of a span: its name, and the span with all below it."""

from dataclasses import dataclass

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from spanloom_collector.storage.edits import delete_spans, rename_span
from spanloom_query.problems import ProblemError
from spanloom_query.reads.subtrees import subtree_ids
from spanloom_query.routes.context import (
    CurrentServer,
    SmallBodyRoute,
    caught_up,
    checked_span_ids,
    granted_project,
)

router = APIRouter(
    route_class=SmallBodyRoute,
    prefix="/projects/{project:project}/traces/{trace_id}/spans/{span_id}",
    tags=["traces"],
    dependencies=[Depends(granted_project), Depends(caught_up)],
)

_NAME_MAX_CHARS = 1_024


class Renaming(BaseModel):
    """What to change about a span."""

    model_config = ConfigDict(extra="forbid")

    display_name: str | None = Field(
        max_length=_NAME_MAX_CHARS, description="Shown instead of its name; null takes it away."
    )


@dataclass(frozen=True)
class Renamed:
    """The name that a span was given; null when it has its own again."""

    display_name: str | None


@dataclass(frozen=True)
class Deleted:
    """How many spans were deleted."""

    deleted_count: int


@router.patch("")
def edit_span(
    server: CurrentServer, project: str, trace_id: str, span_id: str, change: Renaming
) -> Renamed:
    """Give a span another name to be shown under. No later record of the span undoes that."""
    ids = checked_span_ids(trace_id, span_id)
    if not subtree_ids(server.engine, project, *ids):
        raise ProblemError(404, f"trace {trace_id} of project {project!r} has no span {span_id}")
    with server.engine.writer() as client:
        rename_span(client, project, *ids, change.display_name or "")
    return Renamed(change.display_name or None)


@router.delete("")
def delete_span(server: CurrentServer, project: str, trace_id: str, span_id: str) -> Deleted:
    """Delete a span, all spans below it and what was said about them.

    Sent again they stay deleted. A span below that arrives for the first time afterwards is kept.
    """
    ids = checked_span_ids(trace_id, span_id)
    found = subtree_ids(server.engine, project, *ids)
    with server.engine.writer() as client:
        delete_spans(client, project, ids[0], found)
    return Deleted(len(found))
