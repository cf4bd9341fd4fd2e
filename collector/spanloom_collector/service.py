"""The collector as one service, and its front end alone: wire the parts, start, drain, stop."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import uvicorn
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_collector.delivery.backlog import backlog_of
from spanloom_collector.delivery.backpressure import InFlightBytes
from spanloom_collector.delivery.journal import JournalLimits
from spanloom_collector.delivery.outbox import Outbox
from spanloom_collector.delivery.records import Record
from spanloom_collector.delivery.spool import Spool
from spanloom_collector.metrics import DeliveryGauges, Meter, Metrics
from spanloom_collector.pipeline.columns import rows_of
from spanloom_collector.pipeline.intake import LOGS, TRACES, Intake, Intakes, Sink
from spanloom_collector.pipeline.log_columns import log_rows_of
from spanloom_collector.pipeline.segments import SEGMENT_FORMAT
from spanloom_collector.receivers.connections import BoundedHttpProtocol
from spanloom_collector.receivers.metering import MeteredApp
from spanloom_collector.receivers.otlp_grpc import OtlpGrpcServer
from spanloom_collector.receivers.otlp_http import OtlpHttpApp
from spanloom_collector.settings import CollectorSettings
from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.log_rows import LogRow, insert_logs
from spanloom_collector.storage.rows import SpanRow
from spanloom_collector.storage.segments import deduplicated_blocks


@dataclass(frozen=True)
class Ports:
    """Where the collector listens."""

    otlp_grpc: int
    otlp_http: int


class _Delivery(Sink, Protocol):
    """What becomes of one signal's requests: a spool, or in a front end an outbox."""

    @property
    def folder(self) -> Path: ...

    @property
    def waiting_bytes(self) -> int: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


class _Receivers:
    """Both ways in, in front of a delivery each for spans and logs. Making them takes the HTTP port, if that is free."""

    def __init__(
        self,
        settings: CollectorSettings,
        deliveries: tuple[_Delivery, _Delivery],
        metrics: Metrics,
        in_flight: InFlightBytes,
    ) -> None:
        self._settings = settings
        self._deliveries = deliveries
        spans, logs = deliveries
        intakes = Intakes(Intake(TRACES, spans), Intake(LOGS, logs))
        http_app = OtlpHttpApp(settings, intakes, in_flight, Meter(metrics, "http"))
        self.otlp_http_app = MeteredApp(http_app, metrics)
        self._grpc = OtlpGrpcServer(settings, intakes, in_flight, Meter(metrics, "grpc"))
        self._listener = bound_socket(
            settings.host, settings.otlp_http_port, is_shared=settings.shares_ports
        )
        self._started = ExitStack()

    def start(self, http_app: object) -> Ports:
        """Start delivery, then listen on both ports; what fails is undone."""
        with ExitStack() as started:
            started.callback(self._listener.close)
            for delivery in self._deliveries:
                delivery.start()
                started.callback(delivery.stop)
            http = HttpServer(http_app, self._listener)
            http_port = http.start()
            started.callback(http.stop)
            grpc_port = self._grpc.start()
            started.callback(self._grpc.stop, self._settings.drain_timeout_s)
            self._started = started.pop_all()
        return Ports(otlp_grpc=grpc_port, otlp_http=http_port)

    def stop(self) -> None:
        """Answer what is under way, make it durable, end."""
        self._started.close()


class Collector:
    """Receivers in front of the spools. Making one takes its HTTP port, if that is free.

    Raises:
        OSError: the port is taken.

    Example:
        >>> collector = Collector(CollectorSettings(), engine)  # doctest: +SKIP
        >>> ports = collector.start()  # doctest: +SKIP
        >>> collector.stop()  # doctest: +SKIP
    """

    def __init__(
        self, settings: CollectorSettings, engine: Engine, metrics: Metrics | None = None
    ) -> None:
        metrics = metrics or Metrics()
        self.spool, self.log_spool = _spools(settings, engine, metrics)
        in_flight = InFlightBytes(settings.max_in_flight_bytes)
        self._receivers = _Receivers(settings, self.spools, metrics, in_flight)
        self.otlp_http_app = self._receivers.otlp_http_app
        metrics.watch(
            _gauges(self.spools, in_flight)._replace(
                quarantined=lambda: sum(spool.quarantine.count for spool in self.spools),
                deduplicated=lambda: deduplicated_blocks(engine),
            )
        )

    def start(self) -> Ports:
        """Listen on both ports.

        Raises:
            OSError: a port is taken.
            FolderTakenError: another process loads from the journal's folder.
        """
        return self._receivers.start(self.otlp_http_app)

    def stop(self) -> None:
        """Answer what is under way, make it durable, end."""
        self._receivers.stop()

    @property
    def spools(self) -> tuple[Spool, Spool]:
        """One for each signal that is stored: spans, and log records."""
        return (self.spool, self.log_spool)

    def catch_up(self, timeout_s: float) -> bool:
        """Bring everything that was accepted so far into the tables, if that is possible in time.

        Returns:
            Whether it is all there.
        """
        deadline = time.monotonic() + timeout_s
        return all(spool.catch_up(max(0.0, deadline - time.monotonic())) for spool in self.spools)


class FrontEnd:
    """Receivers in front of journals that another process loads. No engine is opened.

    Raises:
        OSError: the HTTP port is taken.
    """

    def __init__(self, settings: CollectorSettings, metrics: Metrics) -> None:
        self.outboxes = _outboxes(settings, metrics)
        in_flight = InFlightBytes(settings.max_in_flight_bytes)
        self._receivers = _Receivers(settings, self.outboxes, metrics, in_flight)
        self.otlp_http_app = self._receivers.otlp_http_app
        metrics.watch(_gauges(self.outboxes, in_flight))

    def start(self, http_app: object) -> Ports:
        """Listen on both ports.

        Args:
            http_app: what answers on the port for OTLP/HTTP; it passes OTLP on.

        Raises:
            OSError: a port is taken, or the journal's folder cannot be made.
        """
        return self._receivers.start(http_app)

    def stop(self) -> None:
        """Answer what is under way, make it durable, end."""
        self._receivers.stop()


def _spools(settings: CollectorSettings, engine: Engine, metrics: Metrics) -> tuple[Spool, Spool]:
    """For spans, and for log records: one kind of record a segment. They share one quota."""
    limits = JournalLimits(quota_bytes=settings.journal_quota_bytes)
    spans = Spool(
        engine,
        settings.journal_dir,
        _rows_of,
        limits,
        SEGMENT_FORMAT,
        metrics,
        waiting_elsewhere=lambda: logs.waiting_bytes,
    )
    logs = Spool(
        engine,
        settings.log_journal_dir,
        _log_rows_of,
        limits,
        metrics=metrics,
        insert=insert_logs,
        waiting_elsewhere=lambda: spans.waiting_bytes,
    )
    return spans, logs


def _outboxes(settings: CollectorSettings, metrics: Metrics) -> tuple[Outbox, Outbox]:
    """For spans, and for log records. They share one quota."""
    limits = JournalLimits(quota_bytes=settings.journal_quota_bytes)
    spans = Outbox(settings.journal_dir, limits, metrics, lambda: logs.waiting_bytes)
    logs = Outbox(settings.log_journal_dir, limits, metrics, lambda: spans.waiting_bytes)
    return spans, logs


def _gauges(deliveries: Sequence[_Delivery], in_flight: InFlightBytes) -> DeliveryGauges:
    return DeliveryGauges(
        waiting_bytes=lambda: sum(delivery.waiting_bytes for delivery in deliveries),
        segments=lambda: sum(backlog_of(delivery.folder).segment_count for delivery in deliveries),
        oldest_age_s=lambda: max(
            backlog_of(delivery.folder).oldest_age_s for delivery in deliveries
        ),
        in_flight_bytes=lambda: in_flight.value,
    )


def _log_rows_of(record: Record) -> Iterator[LogRow]:
    request = ExportLogsServiceRequest.FromString(record.body)
    return log_rows_of(request, record.project or None, record.received_unix_nano)


def _rows_of(record: Record) -> Iterator[SpanRow]:
    request = ExportTraceServiceRequest.FromString(record.body)
    return rows_of(request, record.project or None, record.received_unix_nano)


class HttpServer:
    """An ASGI application served on a listening socket by a thread of its own."""

    def __init__(self, app: object, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,  # type: ignore[arg-type]
            http=BoundedHttpProtocol,
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=10,
            timeout_keep_alive=60,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="spanloom-http"
        )
        self.port = int(listener.getsockname()[1])

    def start(self) -> int:
        """Serve.

        Returns:
            The port.
        """
        self._thread.start()
        return self.port

    def stop(self) -> None:
        """Answer what is under way, end."""
        self._server.should_exit = True
        self._thread.join()


def bound_socket(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    """A listening socket; others that are shared may listen on the same port.

    Raises:
        OSError: the port is taken; the text names it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from None
    listener.listen(128)
    return listener
