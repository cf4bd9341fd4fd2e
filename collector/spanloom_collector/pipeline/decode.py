"""From the bytes of a request body to an OTLP message, within bounds."""

import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum
from typing import TypeVar

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_collector.pipeline.otlp_json import logs_request_from_json, request_from_json

_Request = TypeVar("_Request")

_GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS
_DEFLATE_WINDOW_BITS = zlib.MAX_WBITS
_GZIP_SIZE_BYTES = 4
_GZIP_MAGIC = b"\x1f\x8b"
_ZLIB_MAGIC = b"\x78"

_READ_BYTES = 64 * 1024
_WRITE_BYTES = 256 * 1024
# Tools that compress in blocks make one member of each 64 KiB or more. Many small ones inflate to
# little, but each costs as much as a whole body.
_MAX_MEMBERS = 4096


class MalformedRequestError(ValueError):
    """The body is not what its headers say; sending it again will not help."""


class RequestTooLargeError(ValueError):
    """The body, possibly after decompression, exceeds the limit."""


class UnsupportedEncodingError(ValueError):
    """The body's compression is not understood."""


class Encoding(Enum):
    """How an OTLP message is written."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


def decompressed(body: bytes, content_encoding: str, max_bytes: int) -> bytes:
    """Undo the content encoding without ever holding more than ``max_bytes``.

    Raises:
        UnsupportedEncodingError: neither identity, gzip nor deflate.
        MalformedRequestError: truncated or corrupt.
        RequestTooLargeError: it inflates beyond the limit.
    """
    match content_encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            if int.from_bytes(body[-_GZIP_SIZE_BYTES:], "little") > max_bytes:
                # It says that it is too large: believe it only after a look, but keep nothing.
                deque(_inflated(body, _GZIP_WINDOW_BITS, max_bytes), maxlen=0)
            return b"".join(_inflated(body, _GZIP_WINDOW_BITS, max_bytes))
        case "deflate":
            return b"".join(_inflated(body, _DEFLATE_WINDOW_BITS, max_bytes))
    raise UnsupportedEncodingError(
        f"content-encoding {content_encoding!r} is not supported: send gzip, deflate or none"
    )


def expanded(message: bytes, max_bytes: int) -> bytes:
    """Undo gRPC's compression of one message, of which nothing but its bytes is known.

    No protobuf message begins like gzip, and none that begins like zlib is valid zlib as well.

    Raises:
        MalformedRequestError: truncated or corrupt gzip.
        RequestTooLargeError: it inflates beyond the limit.
    """
    if message.startswith(_GZIP_MAGIC):
        return decompressed(message, "gzip", max_bytes)
    if message.startswith(_ZLIB_MAGIC):
        with suppress(MalformedRequestError):
            return decompressed(message, "deflate", max_bytes)
    return message


def _inflated(body: bytes, window_bits: int, max_bytes: int) -> Iterator[bytes]:
    left_bytes = max_bytes
    members = 0
    inflater = None
    for start in range(0, len(body), _READ_BYTES):
        rest = body[start : start + _READ_BYTES]
        while rest:
            if inflater is None:  # gzip allows several members in a row
                members += 1
                inflater = zlib.decompressobj(window_bits)
            part = _inflated_part(inflater, rest, min(left_bytes + 1, _WRITE_BYTES))
            left_bytes -= len(part)
            if left_bytes < 0 or members > _MAX_MEMBERS:
                raise RequestTooLargeError(
                    f"the body inflates to more than {max_bytes} bytes or has more than "
                    f"{_MAX_MEMBERS} members"
                )
            yield part
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            inflater = None if inflater.eof else inflater
    if inflater is not None:
        raise MalformedRequestError("the compressed body is cut short")


def _inflated_part(inflater: "zlib._Decompress", data: bytes, max_bytes: int) -> bytes:
    try:
        return inflater.decompress(data, max_bytes)
    except zlib.error as error:
        raise MalformedRequestError(f"the body is not valid gzip or deflate: {error}") from None


def decoded(body: bytes, encoding: Encoding) -> ExportTraceServiceRequest:
    """Parse an ``ExportTraceServiceRequest``.

    Raises:
        MalformedRequestError: the body is not one.
    """
    if encoding is Encoding.JSON:
        return _from_json(body, request_from_json)
    try:
        return ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise _malformed(error, "logs, not traces" if _is_logs(body) else None) from None


def decoded_logs(body: bytes, encoding: Encoding) -> ExportLogsServiceRequest:
    """Parse an ``ExportLogsServiceRequest``; otherwise as :func:`decoded`."""
    if encoding is Encoding.JSON:
        return _from_json(body, logs_request_from_json)
    try:
        return ExportLogsServiceRequest.FromString(body)
    except DecodeError as error:
        raise _malformed(error, "traces, not logs" if _is_traces(body) else None) from None


def _from_json(body: bytes, parse: Callable[[bytes], _Request]) -> _Request:
    try:
        return parse(body)
    except ValueError as error:
        raise MalformedRequestError(f"the body is not valid OTLP/JSON: {error}") from error


def _malformed(error: DecodeError, mistaken: str | None) -> MalformedRequestError:
    if mistaken is None:
        return MalformedRequestError(f"the body is not valid OTLP protobuf: {error}")
    path = f"/v1/{mistaken.partition(',')[0]}"
    return MalformedRequestError(f"these are {mistaken}: send them to {path} ({error})")


def _is_logs(body: bytes) -> bool:
    try:
        logs = ExportLogsServiceRequest.FromString(body)
    except DecodeError:
        return False
    return any(scope.log_records for entry in logs.resource_logs for scope in entry.scope_logs)


def _is_traces(body: bytes) -> bool:
    try:
        traces = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        return False
    return any(scope.spans for entry in traces.resource_spans for scope in entry.scope_spans)
