"""``/projects/{project}/objects``: publish, find, name, tag and delete; and rows of datasets."""

from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, Depends, Path, Query, Response
from pydantic import BaseModel, Field

from spanloom import conventions
from spanloom_collector.storage import objects as storage
from spanloom_collector.storage.objects import NewVersion, ObjectError
from spanloom_query.problems import ProblemError, told_as
from spanloom_query.reads import objects
from spanloom_query.reads.cursors import CursorError
from spanloom_query.routes.bodies import BoundedRoute
from spanloom_query.routes.context import CurrentServer, granted_project

CHUNK_MAX_ROWS = 10_000

router = APIRouter(
    prefix="/projects/{project:project}",
    tags=["objects"],
    dependencies=[Depends(granted_project)],
    route_class=BoundedRoute,
)

PageCursor = Annotated[str | None, Query(description="next_cursor of the page before.")]
Selector = Annotated[str, Path(description="`latest`, `v0`, an alias, or the digest.")]
Alias = Annotated[str, Path(description="Any name but `latest`, `v0`, … and digests.")]


class Publication(BaseModel):
    """What is to be published."""

    name: str
    kind: Annotated[str, Field(description=", ".join(conventions.OBJECT_KINDS))] = "object"
    value: Annotated[Any, Field(description="The content; of a dataset nothing.")] = None
    chunks: Annotated[list[str], Field(description="Digests of a dataset's chunks.")] = []
    class_name: str = ""
    description: str = ""
    tags: list[str] = []
    aliases: list[str] = []


class RowsToStore(BaseModel):
    """Rows of a dataset that is going to be published."""

    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=CHUNK_MAX_ROWS)]


class AliasTarget(BaseModel):
    """What an alias is to mean."""

    version: Annotated[str, Field(description="`latest`, `v0`, an alias, or the digest.")]


@dataclass(frozen=True)
class StoredChunk:
    """Rows that are stored; ``digest`` is what a dataset's ``chunks`` name them by."""

    digest: str
    row_digests: list[str]


@dataclass(frozen=True)
class PublishedVersion(objects.ObjectVersion):
    """The version that was published; ``is_new`` unless its content was there already."""

    is_new: bool


@router.get("/objects")
def list_objects(
    server: CurrentServer,
    project: str,
    kind: Annotated[str, Query(description=", ".join(conventions.OBJECT_KINDS))] = "",
    limit: Annotated[int, Query(ge=1, le=500, description="Objects a page.")] = 100,
    cursor: PageCursor = None,
) -> objects.ObjectPage:
    """A page of objects, by name."""
    with told_as(400, CursorError):
        return objects.list_objects(server.engine, project, kind, limit, cursor)


@router.post("/objects")
def publish_object(
    server: CurrentServer, project: str, publication: Annotated[Publication, Body()]
) -> PublishedVersion:
    """Store content as a version. The same content under a name is the same version."""
    new = NewVersion(
        project,
        publication.name,
        publication.kind,
        publication.value,
        publication.class_name,
        publication.description,
        publication.chunks,
        publication.tags,
        publication.aliases,
    )
    with told_as(422, ObjectError):
        stored = storage.publish(server.engine, new)
    version = _version(server, project, stored.name, stored.digest)
    return PublishedVersion(**vars(version), is_new=stored.is_new)


@router.post("/dataset-rows")
def store_rows(
    server: CurrentServer, project: str, rows: Annotated[RowsToStore, Body()]
) -> StoredChunk:
    """Store a chunk of rows; a dataset is then published as a list of chunks."""
    with told_as(422, ObjectError):
        chunk = storage.insert_chunk(server.engine, project, rows.rows)
    return StoredChunk(chunk.digest, chunk.row_digests)


@router.get("/objects/{name}")
def list_versions(
    server: CurrentServer,
    project: str,
    name: str,
    limit: Annotated[int, Query(ge=1, le=500, description="Versions a page.")] = 100,
    cursor: PageCursor = None,
) -> objects.VersionPage:
    """A page of an object's versions, the newest first."""
    with told_as(400, CursorError):
        page = objects.list_versions(server.engine, project, name, limit, cursor)
    if not page.versions and cursor is None:
        raise _no_object(project, name)
    return page


@router.delete("/objects/{name}", status_code=204)
def delete_object(server: CurrentServer, project: str, name: str) -> Response:
    """Delete every version of an object. Deleting again changes nothing."""
    digests = objects.all_digests(server.engine, project, name)
    storage.delete_versions(server.engine, project, name, digests)
    return Response(status_code=204)


@router.get("/objects/{name}/versions/{selector}", response_model=objects.ObjectContent)
def get_version(server: CurrentServer, project: str, name: str, selector: Selector) -> Response:
    """One version with its content."""
    found = objects.get_content(server.engine, project, name, selector)
    if found is None:
        raise _no_version(server, project, name, selector)
    return Response(orjson.dumps(found), media_type="application/json")


@router.delete("/objects/{name}/versions/{selector}", status_code=204)
def delete_version(server: CurrentServer, project: str, name: str, selector: Selector) -> Response:
    """Delete one version, with its tags and the aliases that mean it. Its number stays taken."""
    version = objects.find_version(server.engine, project, name, selector)
    if version is None and not objects.was_deleted(server.engine, project, name, selector):
        raise _no_version(server, project, name, selector)
    if version is not None:
        storage.delete_versions(server.engine, project, name, [version.digest])
    return Response(status_code=204)


@router.get("/objects/{name}/versions/{selector}/rows", response_model=objects.DatasetRowPage)
def list_dataset_rows(
    server: CurrentServer,
    project: str,
    name: str,
    selector: Selector,
    offset: Annotated[int, Query(ge=0, le=2**62, description="Index of the first row.")] = 0,
    limit: Annotated[int, Query(ge=1, le=CHUNK_MAX_ROWS, description="Rows a page.")] = 100,
) -> Response:
    """A page of a dataset's rows; a page of large rows is shorter than its limit."""
    version = _version(server, project, name, selector)
    if version.kind != conventions.DATASET_OBJECT:
        raise ProblemError(400, f"{name!r} is no dataset but of kind {version.kind!r}")
    page = objects.list_rows(server.engine, project, version, offset, limit)
    return Response(orjson.dumps(page), media_type="application/json")


@router.put("/objects/{name}/aliases/{alias}")
def set_alias(
    server: CurrentServer,
    project: str,
    name: str,
    alias: Alias,
    target: Annotated[AliasTarget, Body()],
) -> objects.ObjectVersion:
    """Let an alias mean a version, and no other from now on."""
    version = _version(server, project, name, target.version)
    with told_as(422, ObjectError):
        storage.set_alias(server.engine, project, name, alias, version.digest)
    return _version(server, project, name, version.digest)


@router.delete("/objects/{name}/aliases/{alias}", status_code=204)
def delete_alias(server: CurrentServer, project: str, name: str, alias: Alias) -> Response:
    """Let an alias mean nothing. Deleting again changes nothing."""
    storage.delete_alias(server.engine, project, name, alias)
    return Response(status_code=204)


@router.put("/objects/{name}/versions/{selector}/tags/{tag}")
def set_tag(
    server: CurrentServer, project: str, name: str, selector: Selector, tag: str
) -> objects.ObjectVersion:
    """Put a tag on a version."""
    version = _version(server, project, name, selector)
    with told_as(422, ObjectError):
        storage.set_tag(server.engine, project, name, tag, version.digest)
    return _version(server, project, name, version.digest)


@router.delete("/objects/{name}/versions/{selector}/tags/{tag}", status_code=204)
def delete_tag(
    server: CurrentServer, project: str, name: str, selector: Selector, tag: str
) -> Response:
    """Take a tag off a version. Deleting again changes nothing."""
    version = _version(server, project, name, selector)
    storage.delete_tag(server.engine, project, name, tag, version.digest)
    return Response(status_code=204)


def _version(
    server: CurrentServer, project: str, name: str, selector: str
) -> objects.ObjectVersion:
    version = objects.find_version(server.engine, project, name, selector)
    if version is None:
        raise _no_version(server, project, name, selector)
    return version


def _no_object(project: str, name: str) -> ProblemError:
    return ProblemError(404, f"project {project!r} has no object {name!r}")


def _no_version(server: CurrentServer, project: str, name: str, selector: str) -> ProblemError:
    if objects.was_deleted(server.engine, project, name, selector):
        return ProblemError(404, f"version {selector} of {name!r} was deleted")
    return ProblemError(404, f"project {project!r} has no version {selector!r} of {name!r}")
