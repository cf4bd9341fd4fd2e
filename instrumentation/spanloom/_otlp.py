"""Spans as OTLP over HTTP: encoded, compressed, posted; imported by the delivery thread only."""

import email.utils
import encodings.idna  # noqa: F401  # else the first connection loads it, perhaps during a fork
import enum
import http.client
import time
import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

from opentelemetry.sdk.trace import ReadableSpan

from spanloom._protobuf import Encoder, encode_attribute, halves, read_fields
from spanloom._settings import Settings
from spanloom.conventions import DROPPED_SPANS, PROJECT_HEADER

TRACES_PATH: Final = "/v1/traces"
_RETRYABLE_CLIENT_ERRORS: Final = frozenset({408, 425, 429})
_DIVISIBLE_REFUSALS: Final = frozenset({400, 413, 422})
_GZIP_WINDOW_BITS: Final = 31
_RESPONSE_MAX_BYTES: Final = 64 << 10
COMPRESSION_MIN_BYTES: Final = 1024
"""Shorter bodies gain nothing."""
_VISIBLE_ASCII: Final = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


class Body(NamedTuple):
    """One request's body, an ExportTraceServiceRequest."""

    content: bytes
    span_count: int
    """Finished spans in it."""
    lost_count: int = 0
    """Spans left out because they cannot be encoded."""
    is_gzipped: bool = False
    project: str | None = None
    """Where the spans go; None: to the project of the settings."""

    def gzipped(self) -> "Body":
        """Return the same, compressed."""
        if self.is_gzipped:
            return self
        packer = zlib.compressobj(level=1, wbits=_GZIP_WINDOW_BITS)
        content = packer.compress(self.content) + packer.flush()
        return self._replace(content=content, is_gzipped=True)

    def halves(self) -> tuple["Body", "Body"] | None:
        """Return two bodies with half of the spans each; None when there is nothing to divide."""
        if self.span_count < 2:
            return None
        is_gzipped = self.is_gzipped
        content = zlib.decompress(self.content, _GZIP_WINDOW_BITS) if is_gzipped else self.content
        first, second = (Body(*part, project=self.project) for part in halves(content))
        return (first.gzipped(), second.gzipped()) if is_gzipped else (first, second)


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
    may_pass_in_parts: bool = False
    """Whether a refusal may be about the size of the body, or about one of its spans."""


def encode(encoder: Encoder, spans: Sequence[ReadableSpan], dropped_count: int = 0) -> Body:
    """Encode spans; one that cannot be encoded is left out and counted, the others go on.

    Args:
        encoder: the process's one.
        spans: finished ones, or running ones, whose end is None.
        dropped_count: how many spans were dropped before these; the first one tells the server.
    """
    extra = encode_attribute(DROPPED_SPANS, dropped_count) if dropped_count else b""
    return Body(*encoder.request(spans, extra))


class Sender:
    """A keep-alive connection to the server's OTLP endpoint. Not thread-safe."""

    def __init__(self, settings: Settings) -> None:
        parts = urlsplit(settings.endpoint)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port
        self._path = parts.path + TRACES_PATH
        self._timeout_s = settings.request_timeout_s
        self._compresses = settings.compression == "gzip" or (
            settings.compression == "auto" and not is_loopback(self._host)
        )
        self._project = settings.project
        self._api_key = settings.api_key
        self._connection: http.client.HTTPConnection | None = None

    def send(self, body: Body) -> Delivery:
        """Post one body; never raises."""
        if self._compresses and len(body.content) >= COMPRESSION_MIN_BYTES:
            body = body.gzipped()
        reused = self._connection is not None
        try:
            return self._post(body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            # A server may close an idle connection at any time, which only the next write shows.
            if reused and isinstance(error, http.client.BadStatusLine | ConnectionError):
                return self.send(body)
            return Delivery(Outcome.UNREACHABLE, f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Close the connection; the next send opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, body: Body) -> Delivery:
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            self._connection = kind(self._host, self._port, timeout=self._timeout_s)
        headers = self._headers(body)
        self._connection.request("POST", self._path, body=body.content, headers=headers)
        response = self._connection.getresponse()
        answer = response.read(_RESPONSE_MAX_BYTES)
        if response.will_close or not response.isclosed():
            self.close()
        return _judge(response, answer)

    def _headers(self, body: Body) -> dict[str, str]:
        headers = {
            "Content-Type": "application/x-protobuf",
            "User-Agent": "spanloom-python",
            PROJECT_HEADER: quote(body.project or self._project, safe=_VISIBLE_ASCII),
        }
        if body.is_gzipped:
            headers["Content-Encoding"] = "gzip"
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        return headers


def is_loopback(host: str) -> bool:
    """Whether a host's name says that it is this machine, to which bytes cost nothing.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("spanloom.example.org")
        (True, False)
    """
    return host in ("localhost", "::1") or host.startswith("127.")


def _judge(response: http.client.HTTPResponse, answer: bytes) -> Delivery:
    if 200 <= response.status < 300:
        return Delivery(Outcome.DELIVERED, _partial_success(answer))
    reason = f"{response.status} {response.reason}: {answer[:200].decode(errors='replace')}"
    if response.status >= 500 or response.status in _RETRYABLE_CLIENT_ERRORS:
        return Delivery(Outcome.BUSY, reason, _seconds(response.getheader("Retry-After")))
    in_parts = response.status in _DIVISIBLE_REFUSALS
    return Delivery(Outcome.REFUSED, reason, may_pass_in_parts=in_parts)


def _partial_success(answer: bytes) -> str:
    try:
        partial = dict(read_fields(bytes(dict(read_fields(answer)).get(1, b""))))
        rejected_count, message = int(partial.get(1, 0)), bytes(partial.get(2, b"")).decode()
    except (IndexError, TypeError, ValueError):
        return ""  # a proxy's idea of an answer; the spans are delivered
    if not rejected_count and not message:
        return ""
    return f"{rejected_count} spans rejected: {message}"


def _seconds(header: str | None) -> float | None:
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None
