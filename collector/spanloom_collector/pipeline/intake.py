"""The way of one request, whatever its transport: decode, validate, lay out, make durable."""

import time
from concurrent.futures import Future
from typing import NamedTuple, Protocol

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanloom_collector.pipeline.columns import rows_of
from spanloom_collector.pipeline.decode import Encoding, decoded
from spanloom_collector.pipeline.validate import validated
from spanloom_collector.storage.rows import SpanRow


class Sink(Protocol):
    """Where rows become durable, see :class:`spanloom_collector.delivery.loader.Loader`."""

    def submit(self, rows: list[SpanRow], size_bytes: int) -> Future[None]:
        """Queue rows; the future is done when they are durable."""
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
    rows = list(rows_of(request.request, project, received_unix_nano))
    return Accepted(request.response, sink.submit(rows, len(body)))
