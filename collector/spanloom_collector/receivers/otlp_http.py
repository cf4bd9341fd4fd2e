"""OTLP over HTTP, as a bare ASGI application: protobuf and JSON, gzip and deflate.

Every error is a ``google.rpc.Status`` in the encoding of the request, as OTLP asks.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc import code_pb2

from spanloom_collector.delivery.backpressure import InFlightBytes
from spanloom_collector.metrics import Meter
from spanloom_collector.pipeline.decode import Encoding, decompressed
from spanloom_collector.pipeline.intake import Accepted, Intake, Intakes, accept
from spanloom_collector.receivers.access import granted_project
from spanloom_collector.receivers.bodies import Incoming, Receive, held_body
from spanloom_collector.receivers.cors import CrossOrigin, Headers
from spanloom_collector.receivers.other_signals import METRICS_RESPONSE
from spanloom_collector.receivers.refusals import (
    REFUSED_ERRORS,
    RETRY_AFTER_S,
    refusal,
    status,
)
from spanloom_collector.settings import CollectorSettings

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TRACES_PATH = "/v1/traces"
LOGS_PATH = "/v1/logs"
_NOT_STORED = {"/v1/metrics": METRICS_RESPONSE}
PATHS = (TRACES_PATH, LOGS_PATH, *_NOT_STORED)

_LOG = logging.getLogger(__name__)
_CLOSE = (b"connection", b"close")
_HEADERS_BY_STATUS: dict[int, Headers] = {
    401: ((b"www-authenticate", b"Bearer"),),
    503: ((b"retry-after", str(RETRY_AFTER_S).encode()),),
}


class _Answer(NamedTuple):
    status: int
    message: Message | None
    headers: Headers = ()


class OtlpHttpApp:
    """The ASGI application; may be mounted at the root of a port of its own or beside others."""

    def __init__(
        self,
        settings: CollectorSettings,
        intakes: Intakes,
        in_flight: InFlightBytes,
        meter: Meter,
    ) -> None:
        self._settings = settings
        self._meter = meter
        self._intakes = {TRACES_PATH: intakes.traces, LOGS_PATH: intakes.logs}
        self._in_flight = in_flight
        self._cross_origin = CrossOrigin(settings.cors_origins)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"only HTTP is served here, not {scope['type']}")
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        encoding = _encoding(headers)
        incoming = Incoming(receive)
        answer = await self._answer(scope, headers, encoding, incoming)
        closes = _closes(answer, headers)
        extra = (*self._cross_origin.allowed(headers), *((_CLOSE,) if closes else ()))
        answer = answer._replace(headers=(*answer.headers, *extra))
        await _send(send, answer, encoding or Encoding.JSON, scope["method"] == "HEAD")
        if not closes:
            await incoming.pass_over(self._settings.body_timeout_s)
        await send({"type": "http.response.body"})

    async def _answer(
        self,
        scope: MutableMapping[str, Any],
        headers: dict[str, str],
        encoding: Encoding | None,
        receive: Receive,
    ) -> _Answer:
        path = scope["path"].removeprefix(self._settings.otlp_path_prefix)
        if path not in PATHS:
            text = f"no such path; send spans to {TRACES_PATH}"
            return _refused(404, code_pb2.NOT_FOUND, text)
        if scope["method"] == "OPTIONS" and (allowed := self._cross_origin.preflight(headers)):
            return _Answer(204, None, allowed)
        if scope["method"] != "POST":
            answer = _refused(405, code_pb2.UNIMPLEMENTED, "only POST is allowed")
            return answer._replace(headers=((b"allow", b"POST"),))
        if encoding is None:
            kinds = " or ".join(kind.value for kind in Encoding)
            text = f"content-type must be {kinds}"
            return _refused(415, code_pb2.INVALID_ARGUMENT, text)
        return await self._posted(path, headers, encoding, receive)

    async def _posted(
        self, path: str, headers: dict[str, str], encoding: Encoding, receive: Receive
    ) -> _Answer:
        try:
            return await self._exported(path, headers, encoding, receive)
        except REFUSED_ERRORS as error:
            refused = refusal(error)
            extra = _HEADERS_BY_STATUS.get(refused.http_status, ())
            return _Answer(refused.http_status, refused.status, extra)
        except Exception:  # noqa: BLE001 - logged, and the client gets a Status
            _LOG.exception("a request could not be answered")
            return _refused(500, code_pb2.INTERNAL, "the collector failed; its log says why")

    async def _exported(
        self, path: str, headers: dict[str, str], encoding: Encoding, receive: Receive
    ) -> _Answer:
        project = granted_project(self._settings.tokens, headers)
        compression = headers.get("content-encoding", "")
        async with held_body(headers, receive, self._settings, self._in_flight) as body:
            if path in _NOT_STORED:
                return _Answer(200, _NOT_STORED[path])
            intake = self._intakes[path]
            accepted = await asyncio.to_thread(
                self._accept, intake, body, compression, encoding, project
            )
            async with asyncio.timeout(self._settings.durable_timeout_s):
                await asyncio.wrap_future(accepted.durable)
        return _Answer(200, accepted.response)

    def _accept(
        self,
        intake: Intake,
        body: bytes,
        compression: str,
        encoding: Encoding,
        project: str | None,
    ) -> Accepted:
        plain = decompressed(body, compression, self._settings.max_request_bytes)
        with self._in_flight.held(0 if plain is body else len(plain)):
            return accept(plain, encoding, project, intake, self._meter)


def _encoding(headers: dict[str, str]) -> Encoding | None:
    content_type = headers.get("content-type", "").split(";")[0].strip().lower()
    return next((kind for kind in Encoding if kind.value == content_type), None)


def _refused(http_status: int, code: int, text: str) -> _Answer:
    return _Answer(http_status, status(code, text))


def _closes(answer: _Answer, headers: dict[str, str]) -> bool:
    # One client has had its time, another waits to be asked for its body and may never send it.
    asked_first = headers.get("expect", "").lower() == "100-continue"
    return answer.status == 408 or (answer.status >= 400 and asked_first)


async def _send(send: Send, answer: _Answer, encoding: Encoding, head_only: bool) -> None:
    headers = list(answer.headers)
    body = b""
    if answer.message is not None:
        body = _written(answer.message, encoding)
        headers.append((b"content-type", encoding.value.encode()))
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if head_only else body
    await send({"type": "http.response.body", "body": body, "more_body": True})


def _written(message: Message, encoding: Encoding) -> bytes:
    if encoding is Encoding.JSON:
        return json.dumps(MessageToDict(message)).encode()
    return message.SerializeToString()
