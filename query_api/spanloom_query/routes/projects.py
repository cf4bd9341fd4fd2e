"""``/projects``."""

from dataclasses import dataclass

from fastapi import APIRouter, Depends

from spanloom_query.reads.projects import Project, list_projects
from spanloom_query.routes.context import CurrentServer, GrantedProject, caught_up

router = APIRouter(tags=["projects"], dependencies=[Depends(caught_up)])


@dataclass(frozen=True)
class ProjectList:
    """All projects that the caller may see."""

    projects: list[Project]


@router.get("/projects")
def projects(server: CurrentServer, granted: GrantedProject) -> ProjectList:
    """Every project, the one with the newest span first."""
    found = list_projects(server.engine)
    return ProjectList([item for item in found if granted in (None, item.name)])
