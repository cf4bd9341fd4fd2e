"""The way of one request, whatever its transport: decode, validate, make durable."""

import time
from concurrent.futures import Future
from typing import NamedTuple, Protocol

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from spanloom_collector.metrics import Meter
from spanloom_collector.pipeline.decode import Encoding, decoded
from spanloom_collector.pipeline.projects import resource_project
from spanloom_collector.pipeline.validate import validated
from spanloom_collector.storage.attributes import compact


class Sink(Protocol):
    """Where requests become durable, see :class:`spanloom_collector.delivery.spool.Spool`."""

    def submit(self, body: bytes, received_unix_nano: int, project: str | None) -> Future[None]:
        """Accept a request; the future is done when it is durable."""
        ...


class Accepted(NamedTuple):
    """An answer that may be given once ``durable`` is done."""

    response: ExportTraceServiceResponse
    durable: Future[None]


def accept(
    body: bytes, encoding: Encoding, project: str | None, sink: Sink, meter: Meter | None = None
) -> Accepted:
    """Take in one decompressed request body.

    Raises:
        MalformedRequestError: the body cannot be parsed.
        RetryLaterError: the sink is full.
    """
    received_unix_nano = time.time_ns()
    size_bytes = len(body)
    request = validated(decoded(body, encoding))
    if meter is not None:
        meter.metrics.rejected(request.rejected_by_reason)
    if not request.span_count:
        return Accepted(request.response, _done())
    if encoding is Encoding.JSON or request.rejected_by_reason:
        body = request.request.SerializeToString()
    home = project or common_project(request.request)
    durable = sink.submit(body, received_unix_nano, home)
    if meter is not None:
        meter.follow(durable, encoding.name.lower(), request.span_count, size_bytes)
    return Accepted(request.response, durable)


def common_project(request: ExportTraceServiceRequest) -> str | None:
    """The project that all resources of a request name, or None when they differ."""
    names = {
        resource_project(compact(resource_spans.resource.attributes).strings)
        for resource_spans in request.resource_spans
    }
    return names.pop() if len(names) == 1 else None


def _done() -> Future[None]:
    done: Future[None] = Future()
    done.set_result(None)
    return done
