"""What every route needs: the engine, the caller's rights, bounds of parameters."""

import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, Protocol, cast

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from prometheus_client import CollectorRegistry
from starlette.convertors import Convertor, register_url_convertor

from spanloom_collector.storage.blobs import BlobStore
from spanloom_collector.storage.connect import Engine
from spanloom_query.auth import check_access
from spanloom_query.filters.errors import FilterError
from spanloom_query.filters.fields import Catalogue
from spanloom_query.filters.sql import Condition, compile_filter
from spanloom_query.filters.syntax import parse
from spanloom_query.problems import ProblemError
from spanloom_query.settings import QuerySettings

_HEX = re.compile(r"[0-9a-f]+")


class ProjectConvertor(Convertor[str]):
    """A project in a path: one slash at most, written as ``/`` or ``%2F``."""

    regex = "[^/]+(?:/[^/]+)?"

    def convert(self, value: str) -> str:
        """From the path to the name."""
        return value

    def to_string(self, value: str) -> str:
        """From the name to the path."""
        return value


register_url_convertor("project", ProjectConvertor())


_CATCH_UP_TIMEOUT_S = 2.0
_CATCH_UP_MAX_S = 30.0
_WAIT = re.compile(r"(?<![\w-])wait=(\d{1,9})(?!\d)")

SMALL_BODY_BYTES = 512 << 10
"""Enough for the longest texts that feedback may have, every character escaped."""


def _nothing_to_catch_up(_timeout_s: float) -> bool:
    return True


class Finding(NamedTuple):
    """What a look at one part of the server found."""

    name: str
    ok: bool
    detail: str
    is_vital: bool = True
    """Whether the server cannot do its work when this is not ok."""


def _nothing_to_look_at() -> Sequence[Finding]:
    return ()


class Process(Protocol):
    """What a process has that serves at least its health and its metrics."""

    @property
    def settings(self) -> QuerySettings:
        """How it is served."""
        ...

    @property
    def look(self) -> Callable[[], Sequence[Finding]]:
        """Looks at its parts."""
        ...

    @property
    def registry(self) -> CollectorRegistry:
        """Its metrics."""
        ...


@dataclass(frozen=True)
class Server:
    """What the routes work on, a process with an engine."""

    engine: Engine
    settings: QuerySettings
    catch_up: Callable[[float], bool] = _nothing_to_catch_up
    """Brings what this process has accepted into the table; says whether that was done in time."""
    look: Callable[[], Sequence[Finding]] = _nothing_to_look_at
    """Looks at the parts: engine, journal, loader, quarantine."""
    blobs: BlobStore | None = None
    """Large or binary content; None where this process has no folder for it."""
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    """The metrics of this server."""


def server_of(request: Request) -> Server:
    """The server that the request came to."""
    return cast(Server, request.app.state.server)


def process_of(request: Request) -> Process:
    """The process that the request came to; it need not have an engine."""
    return cast(Process, request.app.state.server)


# Declared so that the API's description and its page know of tokens; checked by our own rules.
_BEARER = HTTPBearer(auto_error=False, description="A token, where the server demands one.")


def granted_project(request: Request, _: Annotated[object, Depends(_BEARER)]) -> str | None:
    """Check the caller's token against the path's project.

    Returns:
        The only project that the caller may see, or None for all.
    """
    tokens = process_of(request).settings.tokens
    project = request.path_params.get("project")
    return check_access(tokens, request.headers.get("authorization", ""), project)


class SmallBodyRoute(APIRoute):
    """A route that refuses a body which is too long for it before any of it is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        answer = super().get_route_handler()

        async def answer_if_small(request: Request) -> Response:
            length = request.headers.get("content-length", "0")
            untold = "transfer-encoding" in request.headers
            if untold or int(length) > SMALL_BODY_BYTES:
                raise ProblemError(
                    413, f"the body must say its length, and be at most {SMALL_BODY_BYTES} bytes"
                )
            return await answer(request)

        return answer_if_small


def caught_up(request: Request) -> None:
    """Let a reader see what it, or anyone, was told is stored: wait for the table, but not long.

    A reader that would rather wait longer says so with ``Prefer: wait=<seconds>`` (RFC 7240). The
    later pages of a list do not wait: the first has.
    """
    if "cursor" not in request.query_params:
        server_of(request).catch_up(_patience_s(request.headers.get("prefer", "")))


def _patience_s(preferences: str) -> float:
    wait = _WAIT.search(preferences)
    return min(float(wait[1]), _CATCH_UP_MAX_S) if wait else _CATCH_UP_TIMEOUT_S


TRACE_ID_DIGITS, SPAN_ID_DIGITS = 32, 16

CurrentServer = Annotated[Server, Depends(server_of)]
CurrentProcess = Annotated[Process, Depends(process_of)]
GrantedProject = Annotated[str | None, Depends(granted_project)]


def checked_id(name: str, text: str, digits: int) -> str:
    """An id from a path, in lower case.

    Raises:
        ProblemError: it is not that many hexadecimal digits.
    """
    lowered = text.lower()
    if len(lowered) != digits or not _HEX.fullmatch(lowered):
        raise ProblemError(400, f"{name} must be {digits} hexadecimal digits, not {text!r}")
    return lowered


def checked_span_ids(trace_id: str, span_id: str) -> tuple[str, str]:
    """The two ids of a span from a path, in lower case.

    Raises:
        ProblemError: one of them is none.
    """
    return (
        checked_id("trace_id", trace_id, TRACE_ID_DIGITS),
        checked_id("span_id", span_id, SPAN_ID_DIGITS),
    )


def condition_of(where: str | None, catalogue: Catalogue) -> Condition | None:
    """A filter from a query string, compiled; None when there is none.

    Raises:
        ProblemError: it is no filter over these fields; points at what is wrong.
    """
    if not where or not where.strip():
        return None
    try:
        return compile_filter(parse(where), catalogue)
    except FilterError as error:
        place = {"position": error.position, "length": error.length}
        members = {**place, "suggestions": list(error.suggestions)}
        raise ProblemError(400, f"where: {error.message}", members) from error
