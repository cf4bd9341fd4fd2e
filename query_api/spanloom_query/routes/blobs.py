"""``/projects/{project}/blobs/{digest}``: large or binary content, put and got by its digest."""

import asyncio
import errno
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from spanloom_collector.storage.blobs import (
    DIGEST_PREFIX,
    Blob,
    BlobStore,
    BlobTooLargeError,
    BlobWriter,
    DigestMismatchError,
    parsed_digest,
)
from spanloom_query.problems import ProblemError
from spanloom_query.reads.media import media_kind
from spanloom_query.routes.context import CurrentServer, Server, granted_project

router = APIRouter(
    prefix="/projects/{project:project}/blobs",
    tags=["blobs"],
    dependencies=[Depends(granted_project)],
)

_WRITE_STEP_BYTES = 1024**2
_PART_TIMEOUT_S = 30.0
_FULL = (errno.ENOSPC, errno.EDQUOT)

# Whatever somebody has stored, nothing of it may run with the rights of this page.
_HARMLESS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, max-age=31536000, immutable",
}


@dataclass(frozen=True)
class StoredBlob:
    """Content that is now on disk."""

    digest: str
    size_bytes: int


@router.put("/{digest}")
async def put_blob(
    request: Request, server: CurrentServer, project: str, digest: str
) -> StoredBlob:
    """Store the body, whose SHA-256 must be the digest; it is on disk when this answers."""
    digits = _digits(digest)
    store = _store(server)
    _refuse_announced(request, store)
    with _translated_errors(), store.writer(project, digits) as writer:
        await _take(request, writer)
        await run_in_threadpool(writer.commit)
        return StoredBlob(DIGEST_PREFIX + digits, writer.size_bytes)


@router.get("/{digest}", response_class=FileResponse)
def get_blob(server: CurrentServer, project: str, digest: str) -> FileResponse:
    """The content, or the part of it that the Range header asks for."""
    return _answer(_found(server, project, digest), digest)


@router.head("/{digest}", response_class=FileResponse)
def head_blob(server: CurrentServer, project: str, digest: str) -> FileResponse:
    """Whether the content is there, and how long it is."""
    return _answer(_found(server, project, digest), digest)


def _answer(blob: Blob, digest: str) -> FileResponse:
    kind = media_kind(blob.head())
    return FileResponse(
        blob.path,
        headers=_HARMLESS,
        media_type=kind.media_type,
        filename=parsed_digest(digest),
        content_disposition_type="inline" if kind.is_shown else "attachment",
    )


async def _take(request: Request, writer: BlobWriter) -> None:
    """Write the body in steps, so that memory holds no more than one of them."""
    held = bytearray()
    async for part in _parts(request):
        held += part
        if len(held) >= _WRITE_STEP_BYTES:
            await run_in_threadpool(writer.write, bytes(held))
            held.clear()
    await run_in_threadpool(writer.write, bytes(held))


async def _parts(request: Request) -> AsyncIterator[bytes]:
    parts = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(_PART_TIMEOUT_S):
                part = await anext(parts)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise ProblemError(408, f"nothing has arrived for {_PART_TIMEOUT_S:g} s") from None
        yield part


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except DigestMismatchError as error:
        raise ProblemError(422, str(error)) from error
    except BlobTooLargeError as error:
        raise ProblemError(413, str(error)) from error
    except ClientDisconnect as error:
        raise ProblemError(400, "the client went away before the content was complete") from error
    except OSError as error:
        what = "the disk is full" if error.errno in _FULL else f"cannot store it: {error.strerror}"
        raise ProblemError(503, what, headers={"retry-after": "10"}) from error


def _refuse_announced(request: Request, store: BlobStore) -> None:
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > store.max_bytes:
        raise ProblemError(413, f"the content exceeds {store.max_bytes} bytes")


def _found(server: Server, project: str, digest: str) -> Blob:
    blob = _store(server).find(project, _digits(digest))
    if blob is None:
        raise ProblemError(404, f"project {project!r} has no blob {digest}")
    return blob


def _digits(digest: str) -> str:
    digits = parsed_digest(digest)
    if digits is None:
        raise ProblemError(
            400, f"a digest looks like {DIGEST_PREFIX}<64 hexadecimal digits>, not {digest!r}"
        )
    return digits


def _store(server: Server) -> BlobStore:
    if server.blobs is None:
        raise ProblemError(503, "this server keeps no blobs: it has no data folder")
    return server.blobs
