"""Objects: versions known by their content, numbered once; names, tags and rows beside them.

Each change is on disk when its function returns, and made again it changes nothing. ClickHouse has
no transactions: a number is given by inserting its version under a deduplication token that names
the number, which the engine takes once; whoever comes second reads who was first, and goes on.
"""

import hashlib
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from clickhouse_connect.driver.client import Client

from spanloom import conventions
from spanloom_collector.storage.connect import Engine, EngineUnavailableError

LATEST: Final = "latest"
"""The alias that every object has: the version with the highest number that is not deleted."""

NAME_MAX_CHARS: Final = 128
_NUMBER: Final = re.compile(r"v(\d{1,9})")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_RACES_MAX: Final = 100
_MODEL_MEMBERS: Final = {"fields", "name"}
_FORBIDDEN_SIGNS: Final = frozenset("/:?#%\\")
# A project may hold one slash, so that a path could be read in two ways.
_FORBIDDEN_NAMES: Final = (".", "..", "objects")


class ObjectError(ValueError):
    """What was to be stored cannot be; the text says why, and what would do."""


class NewVersion(NamedTuple):
    """Content to publish under a name."""

    project: str
    name: str
    kind: str
    value: Any
    """Plain JSON data; of a dataset None."""
    class_name: str = ""
    description: str = ""
    chunk_digests: Sequence[str] = ()
    """Of a dataset: its rows."""
    tags: Sequence[str] = ()
    aliases: Sequence[str] = ()


class Version(NamedTuple):
    """One version of an object."""

    name: str
    digest: str
    number: int
    is_new: bool = False
    """Whether this content was not yet there, under this name."""


class Chunk(NamedTuple):
    """Rows that were stored: their digests in order, and the digest of these."""

    digest: str
    row_digests: list[str]


class _Content(NamedTuple):
    digest: str
    value: str
    chunk_row_counts: list[int]


class _Known(NamedTuple):
    number: int
    revision: int
    is_deleted: bool


def canonical(value: Any) -> bytes:
    """JSON with sorted keys: equal data gives equal bytes, the same ones as in the SDK.

    Raises:
        ObjectError: there is something in it that JSON in UTF-8 cannot hold.
    """
    try:
        return msgspec.json.encode(value, order="sorted")
    except (ValueError, RecursionError, TypeError) as error:
        raise ObjectError(f"the value cannot be stored as JSON: {error}") from error


def digest_of(kind: str, value: Any) -> str:
    """The identity of content that is no dataset, 64 hex digits.

    A model is known by the digest that its evaluations name it by.
    """
    identity = value if kind == conventions.MODEL_OBJECT else {"kind": kind, "value": value}
    return hashlib.sha256(canonical(identity)).hexdigest()


def checked_name(what: str, name: str) -> str:
    """A name as it was given.

    Raises:
        ObjectError: it could not stand in an address.
    """
    if (
        0 < len(name) <= NAME_MAX_CHARS
        and name == name.strip()
        and name.isprintable()
        and not _FORBIDDEN_SIGNS & {*name}
        and name not in _FORBIDDEN_NAMES
    ):
        return name
    raise ObjectError(
        f"{name!r} cannot name {what}: use 1 to {NAME_MAX_CHARS} printable characters,"
        " none of / : ? # % and backslash, no space at either end"
    )


def checked_alias(alias: str) -> str:
    """An alias as it was given.

    Raises:
        ObjectError: it is no name, or says what only the content or the order can say.
    """
    if alias == LATEST or _NUMBER.fullmatch(alias) or _DIGEST.fullmatch(alias):
        raise ObjectError(f"{alias!r} cannot be set as an alias: it follows from the content")
    return checked_name("an alias", alias)


def number_in(selector: str) -> int | None:
    """The number in ``v3``; None for a digest or an alias."""
    found = _NUMBER.fullmatch(selector)
    return int(found[1]) if found else None


def is_digest(selector: str) -> bool:
    """Whether it is the whole digest of a version."""
    return _DIGEST.fullmatch(selector) is not None


def insert_chunk(engine: Engine, project: str, rows: Sequence[Mapping[str, Any]]) -> Chunk:
    """Store rows of a dataset to come.

    Raises:
        ObjectError: a row cannot be written as JSON.
    """
    texts = [canonical(row) for row in rows]
    digests = [hashlib.sha256(text).hexdigest() for text in texts]
    chunk = Chunk(_joined_digest(digests), digests)
    stored = [
        [project, chunk.digest, position, digest, text.decode()]
        for position, (digest, text) in enumerate(zip(digests, texts, strict=True))
    ]
    with engine.writer() as client:
        _insert(client, "dataset_rows", _ROW_COLUMNS, stored)
    return chunk


def publish(engine: Engine, new: NewVersion) -> Version:
    """Store content as a version; the same content under the same name is the same version.

    Content that was deleted comes back under its old number.

    Raises:
        ObjectError: a name, the kind or the value cannot be stored, or a chunk is missing.
    """
    _check(new)
    with engine.writer() as client:
        content = _content(client, new)
        version = _published(client, new, content)
        for alias in new.aliases:
            _set_alias(client, new.project, new.name, alias, version.digest)
        for tag in new.tags:
            _set_tag(client, new.project, new.name, tag, version.digest)
    return version


def set_alias(engine: Engine, project: str, name: str, alias: str, digest: str) -> None:
    """Let an alias mean this version from now on."""
    with engine.writer() as client:
        _set_alias(client, project, name, checked_alias(alias), digest)


def delete_alias(engine: Engine, project: str, name: str, alias: str) -> None:
    """Let an alias mean nothing."""
    with engine.writer() as client:
        _set_alias(client, project, name, alias, "", is_deleted=True)


def set_tag(engine: Engine, project: str, name: str, tag: str, digest: str) -> None:
    """Put a tag on a version."""
    with engine.writer() as client:
        _set_tag(client, project, name, checked_name("a tag", tag), digest)


def delete_tag(engine: Engine, project: str, name: str, tag: str, digest: str) -> None:
    """Take a tag off a version."""
    with engine.writer() as client:
        _set_tag(client, project, name, tag, digest, is_deleted=True)


def delete_versions(engine: Engine, project: str, name: str, digests: Sequence[str]) -> None:
    """Delete versions: their content, their tags and the aliases that mean them.

    Rows of datasets stay: other versions may hold them.
    """
    with engine.writer() as client:
        for digest in digests:
            _delete_version(client, project, name, digest)


def _check(new: NewVersion) -> None:
    checked_name("an object", new.name)
    for alias in new.aliases:
        checked_alias(alias)
    for tag in new.tags:
        checked_name("a tag", tag)
    if new.kind not in conventions.OBJECT_KINDS:
        known = ", ".join(conventions.OBJECT_KINDS)
        raise ObjectError(f"there is no kind {new.kind!r}: use one of {known}")
    if new.kind == conventions.MODEL_OBJECT and not _is_model(new.value):
        raise ObjectError("a model's value is an object with just 'name' and 'fields'")
    if new.chunk_digests and new.kind != conventions.DATASET_OBJECT:
        raise ObjectError("only a dataset has chunks of rows")


def _is_model(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == _MODEL_MEMBERS


def _content(client: Client, new: NewVersion) -> _Content:
    if new.kind != conventions.DATASET_OBJECT:
        return _Content(digest_of(new.kind, new.value), canonical(new.value).decode(), [])
    chunks = {digest: _row_digests(client, new.project, digest) for digest in new.chunk_digests}
    if not chunks:
        raise ObjectError("a dataset has at least one chunk of rows")
    for chunk_digest, row_digests in chunks.items():
        if _joined_digest(row_digests) != chunk_digest:
            raise ObjectError(f"the rows of chunk {chunk_digest} are not stored: send them first")
    in_order = [chunks[digest] for digest in new.chunk_digests]
    digest = _joined_digest([row for rows in in_order for row in rows])
    return _Content(digest, "null", [len(rows) for rows in in_order])


def _joined_digest(digests: Sequence[str]) -> str:
    return hashlib.sha256("".join(digests).encode()).hexdigest()


_ROW_DIGESTS = """
SELECT digest FROM dataset_rows FINAL
WHERE project = {project:String} AND chunk = {chunk:String} ORDER BY position
"""


def _row_digests(client: Client, project: str, chunk: str) -> list[str]:
    parameters = {"project": project, "chunk": chunk}
    return [str(row[0]) for row in client.query(_ROW_DIGESTS, parameters=parameters).result_rows]


def _published(client: Client, new: NewVersion, content: _Content) -> Version:
    revision = None
    for _ in range(_RACES_MAX):
        # The number comes first: were the same content published in between, it would get another.
        number = _next_number(client, new.project, new.name)
        known = _known(client, new.project, new.name, content.digest)
        if known is None:
            # Nothing is inserted when another server has given this number meanwhile.
            revision = _insert_version(client, new, content, number, 0, token=_token(new, number))
        elif known.is_deleted:
            revision = _insert_version(client, new, content, known.number, known.revision)
        else:
            is_new = known.revision == revision
            return Version(new.name, content.digest, known.number, is_new)
    raise EngineUnavailableError(f"{new.name!r} gets no number: {_RACES_MAX} others came first")


def _token(new: NewVersion, number: int) -> str:
    return _joined_digest([new.project, "\0", new.name, "\0", str(number)])


_KNOWN = """
SELECT number, revision, is_deleted FROM object_versions FINAL
WHERE project = {project:String} AND name = {name:String} AND digest = {digest:String}
"""

_NEXT_NUMBER = """
SELECT if(count() = 0, 0, max(number) + 1) FROM object_versions
WHERE project = {project:String} AND name = {name:String}
"""


def _known(client: Client, project: str, name: str, digest: str) -> _Known | None:
    parameters = {"project": project, "name": name, "digest": digest}
    rows = client.query(_KNOWN, parameters=parameters).result_rows
    return _Known(*rows[0]) if rows else None


def _next_number(client: Client, project: str, name: str) -> int:
    parameters = {"project": project, "name": name}
    return int(client.query(_NEXT_NUMBER, parameters=parameters).result_rows[0][0])


_ROW_COLUMNS = ("project", "chunk", "position", "digest", "value")

_VERSION_COLUMNS = (
    "project", "name", "digest", "number", "kind", "class_name", "description", "value",
    "chunk_digests", "chunk_row_counts", "published_time", "revision", "is_deleted",
)  # fmt: skip


def _insert_version(
    client: Client,
    new: NewVersion,
    content: _Content,
    number: int,
    last_revision: int,
    token: str | None = None,
) -> int:
    now = time.time_ns()
    revision = max(now, last_revision + 1)
    row = [
        new.project, new.name, content.digest, number, new.kind, new.class_name, new.description,
        content.value, list(new.chunk_digests), content.chunk_row_counts, now, revision, False,
    ]  # fmt: skip
    _insert(client, "object_versions", _VERSION_COLUMNS, [row], token)
    return revision


def _delete_version(client: Client, project: str, name: str, digest: str) -> None:
    known = _known(client, project, name, digest)
    if known is None or known.is_deleted:
        return
    now = time.time_ns()
    row = [
        project, name, digest, known.number, "", "", "", "", [], [], now,
        max(now, known.revision + 1), True,
    ]  # fmt: skip
    _insert(client, "object_versions", _VERSION_COLUMNS, [row])
    parameters = {"project": project, "name": name, "digest": digest}
    for (alias,) in client.query(_ALIASES_OF, parameters=parameters).result_rows:
        _set_alias(client, project, name, alias, "", is_deleted=True)
    for (tag,) in client.query(_TAGS_OF, parameters=parameters).result_rows:
        _set_tag(client, project, name, tag, digest, is_deleted=True)


_ALIASES_OF = """
SELECT alias FROM object_aliases FINAL
WHERE project = {project:String} AND name = {name:String} AND digest = {digest:String}
"""

_TAGS_OF = """
SELECT tag FROM object_tags FINAL
WHERE project = {project:String} AND name = {name:String} AND digest = {digest:String}
"""

# The last change wins also when the clock goes back between two of them.
_ALIAS_REVISION = """
SELECT max(revision) FROM object_aliases
WHERE project = {project:String} AND name = {name:String} AND alias = {alias:String}
"""

_TAG_REVISION = """
SELECT max(revision) FROM object_tags
WHERE project = {project:String} AND name = {name:String} AND digest = {digest:String}
  AND tag = {tag:String}
"""


def _set_alias(
    client: Client, project: str, name: str, alias: str, digest: str, *, is_deleted: bool = False
) -> None:
    key = {"project": project, "name": name, "alias": alias}
    revision = _next_revision(client, _ALIAS_REVISION, key)
    columns = [*key, "digest", "revision", "is_deleted"]
    _insert(client, "object_aliases", columns, [[*key.values(), digest, revision, is_deleted]])


def _set_tag(
    client: Client, project: str, name: str, tag: str, digest: str, *, is_deleted: bool = False
) -> None:
    key = {"project": project, "name": name, "digest": digest, "tag": tag}
    revision = _next_revision(client, _TAG_REVISION, key)
    columns = [*key, "revision", "is_deleted"]
    _insert(client, "object_tags", columns, [[*key.values(), revision, is_deleted]])


def _next_revision(client: Client, sql: str, parameters: dict[str, str]) -> int:
    last = client.query(sql, parameters=parameters).result_rows[0][0]
    return max(time.time_ns(), int(last) + 1)


def _insert(
    client: Client,
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    token: str | None = None,
) -> None:
    # Without a token the engine would take the same rows once only, also when they are sent again
    # because the first ones were lost.
    settings = {"async_insert": 0, "insert_deduplication_token": token or uuid.uuid4().hex}
    client.insert(table, rows, column_names=list(columns), settings=settings)
