"""Objects: what is published in a project, its versions, their content and rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from clickhouse_connect.driver.client import Client

from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.objects import LATEST, is_digest, number_in
from spanloom_collector.storage.rows import rfc3339
from spanloom_query.reads import cursors
from spanloom_query.reads.cursors import Cursor, CursorError

PAGE_MAX_BYTES = 8 << 20
"""A page of rows ends early rather than be larger than this; it holds at least one row."""

_NO_NUMBER = 2**32 - 1


@dataclass(frozen=True)
class ObjectSummary:
    """An object, as its latest version has it."""

    name: str
    kind: str
    class_name: str
    description: str
    latest: str
    digest: str
    version_count: int
    first_published_time: str
    last_published_time: str


@dataclass(frozen=True)
class ObjectPage:
    """A page of objects, by name."""

    objects: list[ObjectSummary]
    next_cursor: str | None


@dataclass(frozen=True)
class ObjectVersion:
    """One version, without its content. ``version`` counts from ``v0``."""

    name: str
    version: str
    digest: str
    kind: str
    class_name: str
    description: str
    is_latest: bool
    aliases: list[str]
    tags: list[str]
    row_count: int | None
    published_time: str


@dataclass(frozen=True)
class VersionPage:
    """A page of versions, the newest first."""

    versions: list[ObjectVersion]
    next_cursor: str | None


@dataclass(frozen=True)
class ObjectContent(ObjectVersion):
    """One version with its content; a dataset's rows are read page by page."""

    value: Any
    """The JSON text as it was stored, for orjson to write out."""


@dataclass(frozen=True)
class DatasetRow:
    """One row of a dataset; ``index`` counts from 0."""

    index: int
    digest: str
    value: Any
    """As :attr:`ObjectContent.value`."""


@dataclass(frozen=True)
class DatasetRowPage:
    """A page of rows, in the dataset's order."""

    rows: list[DatasetRow]
    total: int
    next_offset: int | None


class _Row(NamedTuple):
    place: int
    digest: str
    text: str


class Chunk(NamedTuple):
    """A run of a dataset's rows."""

    digest: str
    first_index: int
    row_count: int


_OBJECTS = """
SELECT
    name,
    argMax(kind, number) AS kind,
    argMax(class_name, number) AS class_name,
    argMax(description, number) AS description,
    argMax(digest, number) AS digest,
    concat('v', toString(max(number))) AS latest,
    count() AS version_count,
    toUnixTimestamp64Nano(min(published_time)) AS first_published,
    toUnixTimestamp64Nano(max(published_time)) AS last_published
FROM object_versions FINAL
WHERE project = {project:String} AND NOT is_deleted AND name > {after:String}
GROUP BY name
HAVING {kind:String} IN ('', kind)
ORDER BY name
LIMIT {limit:UInt32}
"""

_VERSION_COLUMNS = """
SELECT
    name, digest, number, kind, class_name, description, is_deleted,
    kind = 'dataset' ? arraySum(chunk_row_counts) : NULL AS row_count,
    toUnixTimestamp64Nano(published_time) AS published
"""

_OF_OBJECT = """
FROM object_versions FINAL
WHERE project = {project:String} AND name = {name:String}
"""

_VERSIONS = f"""
{_VERSION_COLUMNS} {_OF_OBJECT} AND NOT is_deleted AND number < {{before:UInt32}}
ORDER BY number DESC LIMIT {{limit:UInt32}}
"""

_BY_DIGEST = f"{_VERSION_COLUMNS} {_OF_OBJECT} AND digest = {{selector:String}}"
_BY_NUMBER = f"{_VERSION_COLUMNS} {_OF_OBJECT} AND number = {{selector:UInt32}}"
_NEWEST = f"{_VERSION_COLUMNS} {_OF_OBJECT} AND NOT is_deleted ORDER BY number DESC LIMIT 1"
_BY_ALIAS = f"""
{_VERSION_COLUMNS} {_OF_OBJECT} AND digest IN (
    SELECT digest FROM object_aliases FINAL
    WHERE project = {{project:String}} AND name = {{name:String}} AND alias = {{selector:String}}
)
"""  # noqa: S608  # parts of this module

_ALIASES = """
SELECT digest, alias AS label FROM object_aliases FINAL
WHERE project = {project:String} AND name = {name:String} ORDER BY label
"""
_TAGS = """
SELECT digest, tag AS label FROM object_tags FINAL
WHERE project = {project:String} AND name = {name:String} ORDER BY label
"""
_VALUE = f"SELECT value {_OF_OBJECT} AND digest = {{digest:String}}"
_CHUNKS = f"SELECT chunk_digests, chunk_row_counts {_OF_OBJECT} AND digest = {{digest:String}}"
_ALL_DIGESTS = f"SELECT digest {_OF_OBJECT} AND NOT is_deleted"


def list_objects(
    engine: Engine, project: str, kind: str, limit: int, cursor_text: str | None
) -> ObjectPage:
    """A page of a project's objects, by name; those whose latest version is of a kind, or all.

    Raises:
        CursorError: the cursor is damaged.
    """
    cursor = cursors.decoded(cursor_text, str) or Cursor("", "")
    parameters = {"project": project, "kind": kind, "after": cursor.value, "limit": limit + 1}
    with engine.reader() as client:
        rows = list(client.query(_OBJECTS, parameters=parameters).named_results())
    more = len(rows) > limit
    next_cursor = cursors.encoded(Cursor(rows[limit - 1]["name"], "")) if more else None
    return ObjectPage([_summary(row) for row in rows[:limit]], next_cursor)


def list_versions(
    engine: Engine, project: str, name: str, limit: int, cursor_text: str | None
) -> VersionPage:
    """A page of an object's versions, the newest first; empty when there is no such object.

    Raises:
        CursorError: the cursor is damaged.
    """
    cursor = cursors.decoded(cursor_text, int) or Cursor(_NO_NUMBER, "")
    if not 0 <= int(cursor.value) <= _NO_NUMBER:
        raise CursorError("the cursor is damaged: pass next_cursor as it was returned")
    key = {"project": project, "name": name}
    with engine.reader() as client:
        parameters = {**key, "before": cursor.value, "limit": limit + 1}
        rows = list(client.query(_VERSIONS, parameters=parameters).named_results())
        versions = [ObjectVersion(**facts) for facts in _facts(client, key, rows[:limit])]
    more = len(rows) > limit
    next_cursor = cursors.encoded(Cursor(rows[limit - 1]["number"], "")) if more else None
    return VersionPage(versions, next_cursor)


def find_version(engine: Engine, project: str, name: str, selector: str) -> ObjectVersion | None:
    """The version that ``v3``, a digest, an alias or ``latest`` means, if it is there."""
    key = {"project": project, "name": name}
    with engine.reader() as client:
        found = _facts(client, key, _selected(client, key, selector))
        return next((ObjectVersion(**facts) for facts in found), None)


def get_content(engine: Engine, project: str, name: str, selector: str) -> ObjectContent | None:
    """The same with its content."""
    key = {"project": project, "name": name}
    with engine.reader() as client:
        for facts in _facts(client, key, _selected(client, key, selector)):
            parameters = {**key, "digest": facts["digest"]}
            text = client.query(_VALUE, parameters=parameters).result_rows[0][0]
            return ObjectContent(**facts, value=orjson.Fragment(text))
    return None


def was_deleted(engine: Engine, project: str, name: str, selector: str) -> bool:
    """Whether a version that is not there once was."""
    key = {"project": project, "name": name}
    with engine.reader() as client:
        return any(row["is_deleted"] for row in _query_selected(client, key, selector))


def all_digests(engine: Engine, project: str, name: str) -> list[str]:
    """The digests of every version of an object."""
    parameters = {"project": project, "name": name}
    with engine.reader() as client:
        return [
            str(row[0]) for row in client.query(_ALL_DIGESTS, parameters=parameters).result_rows
        ]


def list_rows(
    engine: Engine, project: str, version: ObjectVersion, offset: int, limit: int
) -> DatasetRowPage:
    """A page of a dataset's rows; versions never change, so that offsets stay right."""
    total = version.row_count or 0
    with engine.reader() as client:
        parameters = {"project": project, "name": version.name, "digest": version.digest}
        chunks = _chunks(*client.query(_CHUNKS, parameters=parameters).result_rows[0])
        rows = _rows(client, project, chunks, offset, min(offset + limit, total))
    end = offset + len(rows)
    return DatasetRowPage(rows, total, next_offset=end if rows and end < total else None)


def _selected(client: Client, key: dict[str, str], selector: str) -> list[dict[str, Any]]:
    return [row for row in _query_selected(client, key, selector) if not row["is_deleted"]]


def _query_selected(client: Client, key: dict[str, str], selector: str) -> list[dict[str, Any]]:
    number = number_in(selector)
    parameters: dict[str, Any] = {**key, "selector": selector if number is None else number}
    if selector == LATEST:
        sql = _NEWEST
    elif number is not None:
        sql = _BY_NUMBER
    else:
        sql = _BY_DIGEST if is_digest(selector) else _BY_ALIAS
    return list(client.query(sql, parameters=parameters).named_results())


def _facts(
    client: Client, key: dict[str, str], rows: Sequence[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    if not rows:
        return
    aliases, tags = _labels(client, _ALIASES, key), _labels(client, _TAGS, key)
    newest = next(iter(client.query(_NEWEST, parameters=key).named_results()))["digest"]
    for row in rows:
        digest = row["digest"]
        yield {
            **{name: row[name] for name in _SAME},
            "version": f"v{row['number']}",
            "is_latest": digest == newest,
            "aliases": aliases.get(digest, []),
            "tags": tags.get(digest, []),
            "published_time": rfc3339(row["published"]),
        }


_SAME = ("name", "digest", "kind", "class_name", "description", "row_count")


def _labels(client: Client, sql: str, key: dict[str, str]) -> dict[str, list[str]]:
    labels: dict[str, list[str]] = {}
    for digest, label in client.query(sql, parameters=key).result_rows:
        labels.setdefault(digest, []).append(label)
    return labels


def _summary(row: dict[str, Any]) -> ObjectSummary:
    first, last = row.pop("first_published"), row.pop("last_published")
    return ObjectSummary(
        **row, first_published_time=rfc3339(first), last_published_time=rfc3339(last)
    )


def _chunks(digests: Sequence[str], row_counts: Sequence[int]) -> list[Chunk]:
    chunks, first_index = [], 0
    for digest, row_count in zip(digests, row_counts, strict=True):
        chunks.append(Chunk(digest, first_index, row_count))
        first_index += row_count
    return chunks


def _rows(
    client: Client, project: str, chunks: Sequence[Chunk], start: int, end: int
) -> list[DatasetRow]:
    rows: list[DatasetRow] = []
    size_bytes = 0
    for chunk in chunks:
        low, high = max(start, chunk.first_index), min(end, chunk.first_index + chunk.row_count)
        if low >= high:
            continue
        for row in _rows_of_chunk(client, project, chunk, low, high):
            size_bytes += len(row.text)
            if rows and size_bytes > PAGE_MAX_BYTES:
                return rows
            rows.append(DatasetRow(row.place, row.digest, orjson.Fragment(row.text)))
    return rows


def _rows_of_chunk(
    client: Client, project: str, chunk: Chunk, low: int, high: int
) -> Iterator[_Row]:
    # As much as came in one request: no more than that is ever read at once.
    place = {
        "project": project,
        "chunk": chunk.digest,
        "low": low - chunk.first_index,
        "high": high - chunk.first_index,
    }
    for position, digest, text in client.query(_PAGE, parameters=place).result_rows:
        yield _Row(chunk.first_index + position, digest, text)


_PAGE = """
SELECT position, digest, value FROM dataset_rows FINAL
WHERE project = {project:String} AND chunk = {chunk:String}
  AND position >= {low:UInt32} AND position < {high:UInt32}
ORDER BY position
"""
