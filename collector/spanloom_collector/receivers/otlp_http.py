"""OTLP over HTTP, as a bare ASGI application: protobuf and JSON, gzip and deflate.

Every error is a ``google.rpc.Status`` in the encoding of the request, as OTLP asks.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse,
)

from spanloom_collector.delivery.backpressure import InFlightBytes, RetryLaterError
from spanloom_collector.pipeline.decode import (
    Encoding,
    MalformedRequestError,
    RequestTooLargeError,
    UnsupportedEncodingError,
    decompressed,
)
from spanloom_collector.pipeline.intake import Accepted, Sink, accept
from spanloom_collector.pipeline.projects import ProjectNameError
from spanloom_collector.receivers.access import (
    ForbiddenError,
    UnauthenticatedError,
    granted_project,
)
from spanloom_collector.settings import CollectorSettings

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TRACES_PATH = "/v1/traces"
PATHS = (TRACES_PATH, "/v1/logs", "/v1/metrics")

# Not kept, but answered: SDKs given one endpoint send these too, and would log an error each time.
_NOT_STORED: dict[str, Message] = {
    "/v1/logs": ExportLogsServiceResponse(
        partial_success=ExportLogsPartialSuccess(error_message="logs are not stored")
    ),
    "/v1/metrics": ExportMetricsServiceResponse(
        partial_success=ExportMetricsPartialSuccess(error_message="metrics are not stored")
    ),
}

# google.rpc.Code
_INVALID_ARGUMENT, _NOT_FOUND, _PERMISSION_DENIED, _RESOURCE_EXHAUSTED = 3, 5, 7, 8
_UNIMPLEMENTED, _INTERNAL, _UNAVAILABLE, _UNAUTHENTICATED = 12, 13, 14, 16

_RETRY_AFTER_S = 1


class _Answer(NamedTuple):
    status: int
    message: Message
    headers: tuple[tuple[bytes, bytes], ...] = ()


class _Refusal(NamedTuple):
    status: int
    code: int


_REFUSALS: dict[type[Exception], _Refusal] = {
    MalformedRequestError: _Refusal(400, _INVALID_ARGUMENT),
    ProjectNameError: _Refusal(400, _INVALID_ARGUMENT),
    UnauthenticatedError: _Refusal(401, _UNAUTHENTICATED),
    ForbiddenError: _Refusal(403, _PERMISSION_DENIED),
    RequestTooLargeError: _Refusal(413, _RESOURCE_EXHAUSTED),
    UnsupportedEncodingError: _Refusal(415, _UNIMPLEMENTED),
    RetryLaterError: _Refusal(503, _UNAVAILABLE),
    TimeoutError: _Refusal(503, _UNAVAILABLE),
}


class OtlpHttpApp:
    """The ASGI application; may be mounted at the root of a port of its own or beside others."""

    def __init__(self, settings: CollectorSettings, sink: Sink, in_flight: InFlightBytes) -> None:
        self._settings = settings
        self._sink = sink
        self._in_flight = in_flight

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"only HTTP is served here, not {scope['type']}")
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        encoding = _encoding(headers)
        answer = await self._answer(scope, headers, encoding, receive)
        await _send(send, answer, encoding or Encoding.JSON, scope["method"] == "HEAD")

    async def _answer(
        self,
        scope: MutableMapping[str, Any],
        headers: dict[str, str],
        encoding: Encoding | None,
        receive: Receive,
    ) -> _Answer:
        if scope["path"] not in PATHS:
            return _refused(404, _NOT_FOUND, f"no such path; send spans to {TRACES_PATH}")
        if scope["method"] != "POST":
            return _refused(405, _UNIMPLEMENTED, "only POST is allowed", ((b"allow", b"POST"),))
        if encoding is None:
            kinds = " or ".join(kind.value for kind in Encoding)
            return _refused(415, _INVALID_ARGUMENT, f"content-type must be {kinds}")
        try:
            return await self._exported(scope["path"], headers, encoding, receive)
        except tuple(_REFUSALS) as error:
            return _translated(error)

    async def _exported(
        self, path: str, headers: dict[str, str], encoding: Encoding, receive: Receive
    ) -> _Answer:
        project = granted_project(self._settings.tokens, headers)
        body = await _read(headers, receive, self._settings.max_request_bytes)
        if path in _NOT_STORED:
            return _Answer(200, _NOT_STORED[path])
        content_encoding = headers.get("content-encoding", "")
        accepted = await asyncio.to_thread(self._accept, body, content_encoding, encoding, project)
        async with asyncio.timeout(self._settings.durable_timeout_s):
            await asyncio.wrap_future(accepted.durable)
        return _Answer(200, accepted.response)

    def _accept(
        self, body: bytes, content_encoding: str, encoding: Encoding, project: str | None
    ) -> Accepted:
        plain = decompressed(body, content_encoding, self._settings.max_request_bytes)
        return accept(plain, encoding, project, self._sink)


def _encoding(headers: dict[str, str]) -> Encoding | None:
    content_type = headers.get("content-type", "").split(";")[0].strip().lower()
    return next((kind for kind in Encoding if kind.value == content_type), None)


async def _read(headers: dict[str, str], receive: Receive, max_bytes: int) -> bytes:
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > max_bytes:
        raise RequestTooLargeError(f"the body exceeds {max_bytes} bytes")
    parts: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise MalformedRequestError("the client went away before the body was complete")
        parts.append(event.get("body", b""))
        size += len(parts[-1])
        if size > max_bytes:
            raise RequestTooLargeError(f"the body exceeds {max_bytes} bytes")
        if not event.get("more_body"):
            return b"".join(parts)


def _translated(error: Exception) -> _Answer:
    refusal = next(refusal for kind, refusal in _REFUSALS.items() if isinstance(error, kind))
    text = str(error) or "the disk takes too long"
    if refusal.status == 503:
        after = ((b"retry-after", str(_RETRY_AFTER_S).encode()),)
        return _refused(refusal.status, refusal.code, f"try again shortly: {text}", after)
    if refusal.status == 401:
        challenge = ((b"www-authenticate", b"Bearer"),)
        return _refused(refusal.status, refusal.code, text, challenge)
    return _refused(refusal.status, refusal.code, text)


def _refused(
    status: int, code: int, text: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> _Answer:
    return _Answer(status, Status(code=code, message=text), headers)


async def _send(send: Send, answer: _Answer, encoding: Encoding, head_only: bool) -> None:
    body = (
        json.dumps(MessageToDict(answer.message)).encode()
        if encoding is Encoding.JSON
        else answer.message.SerializeToString()
    )
    headers = [
        (b"content-type", encoding.value.encode()),
        (b"content-length", str(len(body)).encode()),
        *answer.headers,
    ]
    if answer.status >= 400:
        headers.append((b"connection", b"close"))  # the body may not have been read
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head_only else body})
