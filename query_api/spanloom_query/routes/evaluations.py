"""``/projects/{project}/evaluations``."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from spanloom_query.problems import ProblemError, told_as
from spanloom_query.reads import evaluations
from spanloom_query.reads.cursors import CursorError
from spanloom_query.routes.context import CurrentServer, caught_up, checked_id, granted_project

router = APIRouter(
    prefix="/projects/{project:project}/evaluations",
    tags=["evaluations"],
    dependencies=[Depends(granted_project), Depends(caught_up)],
)

_EVALUATION_ID_DIGITS = 16

PageCursor = Annotated[str | None, Query(description="next_cursor of the page before.")]


@router.get("")
def list_evaluations(
    server: CurrentServer,
    project: str,
    limit: Annotated[int, Query(ge=1, le=500, description="Evaluations a page.")] = 50,
    cursor: PageCursor = None,
) -> evaluations.EvaluationPage:
    """A page of evaluations, the newest first."""
    with told_as(400, CursorError):
        return evaluations.list_evaluations(server.engine, project, limit, cursor)


@router.get("/{evaluation_id}")
def get_evaluation(
    server: CurrentServer, project: str, evaluation_id: str
) -> evaluations.Evaluation:
    """One evaluation: its summary, and its scores over all rows."""
    found = evaluations.get_evaluation(server.engine, project, _checked(evaluation_id))
    if found is None:
        raise _no_evaluation(project, evaluation_id)
    return found


@router.get("/{evaluation_id}/rows")
def list_rows(
    server: CurrentServer,
    project: str,
    evaluation_id: str,
    limit: Annotated[int, Query(ge=1, le=1000, description="Rows a page.")] = 100,
    cursor: PageCursor = None,
) -> evaluations.EvaluationRowPage:
    """A page of predictions, in the order of the dataset, each linked to its spans."""
    with told_as(400, CursorError):
        page = evaluations.list_rows(server.engine, project, _checked(evaluation_id), limit, cursor)
    if page is None:
        raise _no_evaluation(project, evaluation_id)
    return page


def _checked(evaluation_id: str) -> str:
    return checked_id("evaluation_id", evaluation_id, _EVALUATION_ID_DIGITS)


def _no_evaluation(project: str, evaluation_id: str) -> ProblemError:
    return ProblemError(404, f"project {project!r} has no evaluation {evaluation_id}")
