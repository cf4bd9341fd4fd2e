"""From the bytes of a request body to an OTLP message, within bounds."""

import zlib
from enum import Enum

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_collector.pipeline.otlp_json import request_from_json

_GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS
_DEFLATE_WINDOW_BITS = zlib.MAX_WBITS


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
            return _inflated(body, _GZIP_WINDOW_BITS, max_bytes)
        case "deflate":
            return _inflated(body, _DEFLATE_WINDOW_BITS, max_bytes)
    raise UnsupportedEncodingError(
        f"content-encoding {content_encoding!r} is not supported: send gzip, deflate or none"
    )


def _inflated(body: bytes, window_bits: int, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    left = max_bytes
    while body:  # gzip allows several members in a row
        inflater = zlib.decompressobj(window_bits)
        try:
            part = inflater.decompress(body, left + 1)
        except zlib.error as error:
            raise MalformedRequestError(f"the body is not valid gzip or deflate: {error}") from None
        left -= len(part)
        if left < 0:
            raise RequestTooLargeError(f"the body inflates to more than {max_bytes} bytes")
        if not inflater.eof:
            raise MalformedRequestError("the compressed body is cut short")
        parts.append(part)
        body = inflater.unused_data
    return b"".join(parts)


def decoded(body: bytes, encoding: Encoding) -> ExportTraceServiceRequest:
    """Parse an ``ExportTraceServiceRequest``.

    Raises:
        MalformedRequestError: the body is not one.
    """
    if encoding is Encoding.JSON:
        try:
            return request_from_json(body)
        except ValueError as error:
            raise MalformedRequestError(f"the body is not valid OTLP/JSON: {error}") from error
    try:
        return ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise MalformedRequestError(f"the body is not valid OTLP protobuf: {error}") from None
