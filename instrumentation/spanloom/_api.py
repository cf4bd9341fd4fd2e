"""HTTP client of the query API: what asks the server goes through here.

It keeps connections open, may be used by any number of threads, and survives a fork. A request
that may be repeated (GET, PUT, DELETE, or any that says so) is sent a second time, once, when the
connection breaks; the bodies of answers come compressed. Everything that goes wrong is an
``ApiError``; nothing of :mod:`http.client` gets out.
"""

import functools
import http.client
import io
import os
import select
import threading
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.message import Message
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from spanloom._settings import Settings
from spanloom.errors import AccessError, NotFoundError, ServerError, UnreachableError

API_PREFIX: Final = "/api/v1"
JSON_MEDIA_TYPE: Final = "application/json"
BYTES_MEDIA_TYPE: Final = "application/octet-stream"
ARROW_MEDIA_TYPE: Final = "application/vnd.apache.arrow.stream"
NEXT_CURSOR_HEADER: Final = "x-spanloom-next-cursor"
CHUNK_BYTES: Final = 1 << 20

_IDEMPOTENT_METHODS: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_IDLE_MAX_COUNT: Final = 16
_GZIP_WINDOW_BITS: Final = 31
_PATIENCE_MAX_S: Final = 30.0
_DETAIL_MAX_CHARS: Final = 2_000
_BROKEN: Final = (ConnectionError, http.client.BadStatusLine, http.client.IncompleteRead)
_FAILED: Final = (OSError, http.client.HTTPException)

T = TypeVar("T")
Parameters = Mapping[str, object]
"""Of a query: None is left out, a list or tuple is repeated, a truth is ``true`` or ``false``."""

Content = bytes | Iterable[bytes]
"""A body: all of it, or its parts, which are sent as they come (a binary file is such parts)."""


class Api:
    """The query API of one server, for one project.

    Paths begin with a slash and are below ``/api/v1``; :meth:`path` makes those of the project.

    Args:
        settings: which server, which project, which token, how long to wait.

    Example:
        >>> api = Api(Settings(project="my-team/my-project"))
        >>> api.path("traces", "4bf92f3577b34da6a3ce929d0e0e4736")
        '/projects/my-team%2Fmy-project/traces/4bf92f3577b34da6a3ce929d0e0e4736'
        >>> api.get(api.path("traces"), {"limit": 5})  # doctest: +SKIP
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._base_path = urlsplit(settings.endpoint).path + API_PREFIX
        self._connections = _Connections(settings)

    def path(self, *parts: str) -> str:
        """Return the path of something of the project, its parts quoted."""
        return project_path(self._settings.project, *parts)

    def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """Read JSON.

        Raises:
            NotFoundError: there is no such thing.
            ServerError: the server refused or failed.
            UnreachableError: nobody answered in time.
        """
        return self.request("GET", path, parameters)

    def post(self, path: str, body: object, *, idempotent: bool = False) -> Any:
        """Send JSON and return the JSON of the answer; for what is raised see :meth:`get`.

        Args:
            path: where to.
            body: anything that msgspec can write as JSON.
            idempotent: whether sending it twice does no more than sending it once.
        """
        return self.request("POST", path, body=body, idempotent=idempotent)

    def put(self, path: str, body: object) -> Any:
        """Like :meth:`post`; may be sent twice."""
        return self.request("PUT", path, body=body)

    def patch(self, path: str, body: object, *, idempotent: bool = False) -> Any:
        """Like :meth:`post`."""
        return self.request("PATCH", path, body=body, idempotent=idempotent)

    def delete(self, path: str, parameters: Parameters | None = None) -> Any:
        """Delete something and return the JSON of the answer, if there is any; see :meth:`get`."""
        return self.request("DELETE", path, parameters)

    def request(
        self,
        method: str,
        path: str,
        parameters: Parameters | None = None,
        *,
        body: object = None,
        idempotent: bool = False,
    ) -> Any:
        """Send JSON (or nothing, when ``body`` is None) and return that of the answer, or None."""
        content = None if body is None else msgspec.json.encode(body)
        headers = {"Accept": JSON_MEDIA_TYPE, "Accept-Encoding": "gzip"}
        if content is not None:
            headers["Content-Type"] = JSON_MEDIA_TYPE
        request = self._request(method, path, parameters, content, headers)
        return self._read(request, idempotent or method in _IDEMPOTENT_METHODS)

    def upload(
        self,
        method: str,
        path: str,
        content: Content,
        *,
        parameters: Parameters | None = None,
        media_type: str = BYTES_MEDIA_TYPE,
    ) -> Any:
        """Send bytes, as they come and never all in memory, and return the JSON of the answer.

        When the connection breaks, only whole ``bytes`` are sent again, and only by PUT.
        """
        headers = {"Accept": JSON_MEDIA_TYPE, "Content-Type": media_type}
        request = self._request(method, path, parameters, content, headers)
        return self._read(request, method in _IDEMPOTENT_METHODS and isinstance(content, bytes))

    @contextmanager
    def download(
        self, path: str, parameters: Parameters | None = None, *, media_type: str = "*/*"
    ) -> Iterator["Download"]:
        """Open the bytes of something, read from the network as they are wanted.

        Args:
            path: of what.
            parameters: of the query.
            media_type: in what form.

        Raises:
            NotFoundError: there is no such thing.
            ServerError: the server refused or failed.
            UnreachableError: nobody answered; from ``read``: the connection broke half-way.

        Example:
            >>> api = Api(Settings())
            >>> with api.download("/blobs/1f3a") as blob:  # doctest: +SKIP
            ...     first_bytes = blob.read(16)
        """
        headers = {"Accept": media_type, "Accept-Encoding": "identity"}
        request = self._request("GET", path, parameters, None, headers)
        connection, response = self._tried(lambda: self._exchange(request), repeatable=True)
        try:
            yield Download(_Body(response, self._settings.endpoint), response.headers)
        finally:
            self._connections.give_back(connection, response)

    def close(self) -> None:
        """Close the connections that nobody uses; the next request opens another."""
        self._connections.close()

    def _request(
        self,
        method: str,
        path: str,
        parameters: Parameters | None,
        content: Content | None,
        headers: Mapping[str, str],
    ) -> "_Request":
        target = self._base_path + path + _query(parameters)
        return _Request(method, target, content, {**_headers(self._settings), **headers})

    def _read(self, request: "_Request", repeatable: bool) -> Any:
        return self._tried(lambda: self._read_once(request), repeatable)

    def _read_once(self, request: "_Request") -> Any:
        connection, response = self._exchange(request)
        try:
            return _json(response)
        finally:
            self._connections.give_back(connection, response)

    def _exchange(self, request: "_Request") -> "_Exchange":
        connection, response = self._connections.exchange(request)
        if response.status < 300:
            return _Exchange(connection, response)
        try:
            raise _problem(response)
        finally:
            self._connections.give_back(connection, response)

    def _tried(self, attempt: Callable[[], T], repeatable: bool) -> T:
        try:
            try:
                return attempt()
            except _BROKEN:
                if not repeatable:
                    raise
                return attempt()
        except _FAILED as error:
            raise _unreachable(self._settings.endpoint, error) from error


def project_path(project: str, *parts: str) -> str:
    """Return the path of something of a project, below ``/api/v1``, its parts quoted."""
    return "/".join(["/projects", *(quote(part, safe="") for part in (project, *parts))])


@functools.lru_cache(maxsize=8)
def shared_api(settings: Settings) -> Api:
    """Return the process's client for these settings, the same each time."""
    return Api(settings)


class _Request(NamedTuple):
    method: str
    target: str
    content: Content | None
    headers: Mapping[str, str]


class _Exchange(NamedTuple):
    connection: http.client.HTTPConnection
    response: http.client.HTTPResponse


class _Connections:
    """Open connections to one server, each used by one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        parts = urlsplit(settings.endpoint)
        self._kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._host, self._port = parts.hostname or "", parts.port
        self._connect_timeout_s = settings.request_timeout_s
        self._read_timeout_s = settings.read_timeout_s
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows cannot fork
            _all_connections.add(self)

    def __del__(self) -> None:
        self.close()

    def exchange(self, request: _Request) -> _Exchange:
        """Send a request and return the answer's head; on an error the connection is closed."""
        connection = self._take()
        try:
            _send(connection, request)
            return _Exchange(connection, connection.getresponse())
        except BaseException:
            connection.close()
            raise

    def give_back(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse
    ) -> None:
        """Keep a connection for later, unless something of the answer is left unread in it."""
        with self._lock:
            if response.isclosed() and connection.sock and len(self._idle) < _IDLE_MAX_COUNT:
                self._idle.append(connection)
                return
        response.close()
        connection.close()

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def after_fork_in_child(self) -> None:
        """Leave the connections to the parent, which may be using them."""
        self._lock = threading.Lock()
        self._idle = []

    def _take(self) -> http.client.HTTPConnection:
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if _is_open(connection):
                    return connection
                connection.close()
        connection = self._kind(self._host, self._port, timeout=self._connect_timeout_s)
        connection.connect()
        connection.sock.settimeout(self._read_timeout_s)
        return connection


_all_connections: Final[weakref.WeakSet[_Connections]] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for connections in list(_all_connections):
        connections.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows cannot fork
    os.register_at_fork(after_in_child=_after_fork_in_child)


class Download(io.BufferedReader):
    """The bytes of something, as a binary file that reads from the network."""

    def __init__(self, body: "_Body", headers: Message) -> None:
        super().__init__(body, CHUNK_BYTES)
        self.headers: Final = headers
        """What the server says about them, by name of header in any case."""


class _Body(io.RawIOBase):
    """The bytes of an answer, with errors that say what happened."""

    def __init__(self, response: http.client.HTTPResponse, endpoint: str) -> None:
        self._response = response
        self._endpoint = endpoint

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        try:
            count = self._response.readinto(buffer)
            if count == 0 and self._response.length:  # http.client itself takes that for the end
                raise http.client.IncompleteRead(b"", self._response.length)
        except _FAILED as error:
            raise _unreachable(self._endpoint, error) from error
        return count


def _send(connection: http.client.HTTPConnection, request: _Request) -> None:
    chunked = request.content is not None and not isinstance(request.content, bytes)
    headers = {**request.headers, **({"Transfer-Encoding": "chunked"} if chunked else {})}
    # A server that refuses a long body answers and hangs up before it has read all of it.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.request(
            request.method, request.target, request.content, headers, encode_chunked=chunked
        )


def _is_open(connection: http.client.HTTPConnection) -> bool:
    # An idle connection has nothing to read but its end.
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(connection.sock, select.POLLIN)
        return not poll.poll(0)
    return not select.select([connection.sock], [], [], 0)[0]  # pragma: no cover  # Windows


def _headers(settings: Settings) -> dict[str, str]:
    # What was flushed before is to be seen, also when the server is busy storing it.
    patience_s = int(min(_PATIENCE_MAX_S, settings.read_timeout_s / 2))
    headers = {"User-Agent": "spanloom-python", "Prefer": f"wait={patience_s}"}
    if settings.api_key:
        headers["Authorization"] = f"Bearer {settings.api_key}"
    return headers


def _query(parameters: Parameters | None) -> str:
    given = {name: value for name, value in (parameters or {}).items() if value is not None}
    texts = {name: _query_value(value) for name, value in given.items()}
    return f"?{urlencode(texts, doseq=True)}" if texts else ""


def _query_value(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, list | tuple) else str(value)


def _json(response: http.client.HTTPResponse) -> Any:
    content = _whole(response)
    if not content:
        return None
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise http.client.HTTPException(f"its answer is no JSON but {content[:60]!r}") from error


def _whole(response: http.client.HTTPResponse) -> bytes:
    content = response.read()
    if response.getheader("Content-Encoding") != "gzip":
        return content
    try:
        return zlib.decompress(content, _GZIP_WINDOW_BITS)
    except zlib.error as error:
        raise http.client.HTTPException(f"its answer is damaged: {error}") from error


def _problem(response: http.client.HTTPResponse) -> ServerError:
    content = _whole(response)
    try:
        problem = msgspec.json.decode(content)
    except msgspec.DecodeError:
        problem = None
    if not isinstance(problem, dict):  # a proxy's page
        problem = {"detail": content.decode(errors="replace").strip()}
    title = str(problem.get("title") or response.reason)
    kind = _PROBLEM_KINDS.get(response.status, ServerError)
    return kind(response.status, title, str(problem.get("detail", ""))[:_DETAIL_MAX_CHARS])


_PROBLEM_KINDS: Final = {401: AccessError, 403: AccessError, 404: NotFoundError}


def _unreachable(endpoint: str, error: BaseException) -> UnreachableError:
    return UnreachableError(f"{endpoint} did not answer: {str(error) or type(error).__name__}")
