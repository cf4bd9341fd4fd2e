"""What a client is told when its request is not taken in: one table for both transports."""

from typing import NamedTuple

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status

from spanloom_collector.delivery.backpressure import RetryLaterError
from spanloom_collector.pipeline.decode import (
    MalformedRequestError,
    RequestTooLargeError,
    UnsupportedEncodingError,
)
from spanloom_collector.pipeline.projects import ProjectNameError
from spanloom_collector.receivers.access import ForbiddenError, UnauthenticatedError

RETRY_AFTER_S = 1
"""Exporters give a batch up when this exceeds what is left of their ten seconds."""

# gRPC sends the text percent-encoded in a header, and clients take headers of 8 KiB.
_MAX_TEXT_CHARS = 300


class ClientTooSlowError(Exception):
    """The request did not arrive in time."""


class Refusal(NamedTuple):
    """An answer that is no success."""

    http_status: int
    status: Status
    retry_info: RetryInfo | None = None


class _Kind(NamedTuple):
    http_status: int
    code: int


_KINDS: dict[type[Exception], _Kind] = {
    MalformedRequestError: _Kind(400, code_pb2.INVALID_ARGUMENT),
    ProjectNameError: _Kind(400, code_pb2.INVALID_ARGUMENT),
    UnauthenticatedError: _Kind(401, code_pb2.UNAUTHENTICATED),
    ForbiddenError: _Kind(403, code_pb2.PERMISSION_DENIED),
    ClientTooSlowError: _Kind(408, code_pb2.DEADLINE_EXCEEDED),
    RequestTooLargeError: _Kind(413, code_pb2.RESOURCE_EXHAUSTED),
    UnsupportedEncodingError: _Kind(415, code_pb2.UNIMPLEMENTED),
    RetryLaterError: _Kind(503, code_pb2.UNAVAILABLE),
    TimeoutError: _Kind(503, code_pb2.UNAVAILABLE),  # the disk's: the journal's future is late
}
REFUSED_ERRORS = tuple(_KINDS)
"""The errors that :func:`refusal` translates; any other one is a defect of ours."""


def refusal(error: Exception) -> Refusal:
    """What a client is told about one of :data:`REFUSED_ERRORS`."""
    kind = next(kind for error_type, kind in _KINDS.items() if isinstance(error, error_type))
    text = str(error)
    if kind.code == code_pb2.UNAVAILABLE:
        text = f"try again shortly: {text or 'the disk takes too long'}"
        retry_info = RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_S))
        return Refusal(kind.http_status, status(kind.code, text, retry_info), retry_info)
    if kind.code == code_pb2.INVALID_ARGUMENT:
        violation = BadRequest.FieldViolation(description=text[:_MAX_TEXT_CHARS])
        detail = BadRequest(field_violations=[violation])
        return Refusal(kind.http_status, status(kind.code, text, detail))
    return Refusal(kind.http_status, status(kind.code, text))


def status(code: int, text: str, *details: Message) -> Status:
    """A ``google.rpc.Status`` with a text of bounded length."""
    packed = [Any() for _ in details]
    for one, detail in zip(packed, details, strict=True):
        one.Pack(detail)
    return Status(code=code, message=text[:_MAX_TEXT_CHARS], details=packed)
