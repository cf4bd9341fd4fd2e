"""Spans as OTLP over HTTP: encoded, compressed, posted; imported by the delivery thread only."""

import enum
import http.client
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.sdk.trace import ReadableSpan

from spanloom._settings import Settings
from spanloom.conventions import PROJECT_HEADER

Redact = Callable[[str], str]

TRACES_PATH: Final = "/v1/traces"
_RETRYABLE_CLIENT_ERRORS: Final = frozenset({408, 425, 429})
_GZIP_WINDOW_BITS: Final = 31
_RESPONSE_MAX_BYTES: Final = 64 << 10
_VISIBLE_ASCII: Final = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


class Body(NamedTuple):
    """One request's body."""

    content: bytes
    """A gzipped ExportTraceServiceRequest."""
    span_count: int
    lost_count: int
    """Spans left out because they cannot be encoded."""


class Outcome(enum.Enum):
    """What became of a request."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """The server will never take this body."""
    BUSY = "busy"
    """The server asks to try later."""
    UNREACHABLE = "unreachable"
    """Nobody answered."""

    @property
    def is_success(self) -> bool:
        """Whether the spans arrived."""
        return self is Outcome.DELIVERED

    @property
    def is_final(self) -> bool:
        """Whether sending the same body again would change nothing."""
        return self in (Outcome.DELIVERED, Outcome.REFUSED)

    @property
    def is_silence(self) -> bool:
        """Whether there seems to be no server at all."""
        return self is Outcome.UNREACHABLE


class Delivery(NamedTuple):
    """The outcome of one request and what the server said about it."""

    outcome: Outcome
    reason: str = ""
    retry_after_s: float | None = None


def encode(spans: Sequence[ReadableSpan], redact: Redact | None = None) -> Body:
    """Encode spans; one that cannot be encoded is left out and counted, the others go on.

    Args:
        spans: finished spans.
        redact: applied to the text of every attribute.
    """
    try:
        content = _encoded(spans, redact)
    except Exception:  # noqa: BLE001  # whatever a span of a foreign library holds
        return _encode_one_by_one(spans, redact)
    return Body(_gzip(content), len(spans), 0)


def _encode_one_by_one(spans: Sequence[ReadableSpan], redact: Redact | None) -> Body:
    # Protobuf messages concatenate: joined requests are one request with all their spans.
    parts = []
    for span in spans:
        try:
            parts.append(_encoded([span], redact))
        except Exception:  # noqa: BLE001  # counted as lost
            continue
    return Body(_gzip(b"".join(parts)), len(parts), len(spans) - len(parts))


def _encoded(spans: Sequence[ReadableSpan], redact: Redact | None) -> bytes:
    request = encode_spans(spans)
    if redact is None:
        return request.SerializeToString()
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                _redact_attributes(span.attributes, redact)
                for event in span.events:
                    _redact_attributes(event.attributes, redact)
    return request.SerializeToString()


def _redact_attributes(attributes: Iterable[KeyValue], redact: Redact) -> None:
    for attribute in attributes:
        if attribute.value.HasField("string_value"):
            text = attribute.value.string_value
            redacted = redact(text)
            if redacted is not text:
                attribute.value.string_value = redacted


def _gzip(content: bytes) -> bytes:
    packer = zlib.compressobj(level=1, wbits=_GZIP_WINDOW_BITS)
    return packer.compress(content) + packer.flush()


class Sender:
    """A keep-alive connection to the server's OTLP endpoint. Not thread-safe."""

    def __init__(self, settings: Settings) -> None:
        parts = urlsplit(settings.endpoint)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port
        self._path = parts.path + TRACES_PATH
        self._timeout_s = settings.request_timeout_s
        self._headers = _headers(settings)
        self._connection: http.client.HTTPConnection | None = None

    def send(self, content: bytes) -> Delivery:
        """Post one body; never raises."""
        reused = self._connection is not None
        try:
            return self._post(content)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            # A server may close an idle connection at any time, which only the next write shows.
            if reused and isinstance(error, http.client.BadStatusLine | ConnectionError):
                return self.send(content)
            return Delivery(Outcome.UNREACHABLE, f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Close the connection; the next send opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, content: bytes) -> Delivery:
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            self._connection = kind(self._host, self._port, timeout=self._timeout_s)
        self._connection.request("POST", self._path, body=content, headers=self._headers)
        response = self._connection.getresponse()
        answer = response.read(_RESPONSE_MAX_BYTES)
        if response.will_close or not response.isclosed():
            self.close()
        return _judge(response, answer)


def _headers(settings: Settings) -> dict[str, str]:
    headers = {
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "gzip",
        "User-Agent": "spanloom-python",
        PROJECT_HEADER: quote(settings.project, safe=_VISIBLE_ASCII),
    }
    if settings.api_key:
        headers["Authorization"] = f"Bearer {settings.api_key}"
    return headers


def _judge(response: http.client.HTTPResponse, answer: bytes) -> Delivery:
    if 200 <= response.status < 300:
        return Delivery(Outcome.DELIVERED, _partial_success(answer))
    reason = f"{response.status} {response.reason}: {answer[:200].decode(errors='replace')}"
    if response.status >= 500 or response.status in _RETRYABLE_CLIENT_ERRORS:
        return Delivery(Outcome.BUSY, reason, _seconds(response.getheader("Retry-After")))
    return Delivery(Outcome.REFUSED, reason)


def _partial_success(answer: bytes) -> str:
    try:
        partial = ExportTraceServiceResponse.FromString(answer).partial_success
    except Exception:  # noqa: BLE001  # a proxy's idea of an answer; the spans are delivered
        return ""
    if not partial.rejected_spans and not partial.error_message:
        return ""
    return f"{partial.rejected_spans} spans rejected: {partial.error_message}"


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header or ""))
    except ValueError:
        return None
