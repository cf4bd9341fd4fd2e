"""The way of one request, whatever its transport: decode, validate, make durable."""

import time
from concurrent.futures import Future
from typing import NamedTuple, Protocol

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanloom_collector.pipeline.decode import Encoding, decoded
from spanloom_collector.pipeline.validate import validated


class Sink(Protocol):
    """Where requests become durable, see :class:`spanloom_collector.delivery.spool.Spool`."""

    def submit(self, body: bytes, received_unix_nano: int, project: str | None) -> Future[None]:
        """Accept a request; the future is done when it is durable."""
        ...


class Accepted(NamedTuple):
    """An answer that may be given once ``durable`` is done."""

    response: ExportTraceServiceResponse
    durable: Future[None]


def accept(body: bytes, encoding: Encoding, project: str | None, sink: Sink) -> Accepted:
    """Take in one decompressed request body.

    Raises:
        MalformedRequestError: the body cannot be parsed.
        RetryLaterError: the sink is full.
    """
    received_unix_nano = time.time_ns()
    request = validated(decoded(body, encoding))
    if not request.span_count:
        return Accepted(request.response, _done())
    if encoding is Encoding.JSON or request.rejected_by_reason:
        body = request.request.SerializeToString()
    return Accepted(request.response, sink.submit(body, received_unix_nano, project))


def _done() -> Future[None]:
    done: Future[None] = Future()
    done.set_result(None)
    return done
