"""The collector as one service: wire the parts, start, drain, stop."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import uvicorn
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_collector.delivery.backlog import backlog_of
from spanloom_collector.delivery.backpressure import InFlightBytes
from spanloom_collector.delivery.journal import JournalLimits
from spanloom_collector.delivery.records import Record
from spanloom_collector.delivery.spool import Spool
from spanloom_collector.metrics import DeliveryGauges, Meter, Metrics
from spanloom_collector.pipeline.columns import rows_of
from spanloom_collector.pipeline.intake import LOGS, TRACES, Intake, Intakes
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


@dataclass(frozen=True)
class Ports:
    """Where the collector listens."""

    otlp_grpc: int
    otlp_http: int


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
        self._settings = settings
        metrics = metrics or Metrics()
        self.spool, self.log_spool = _spools(settings, engine, metrics)
        intakes = Intakes(Intake(TRACES, self.spool), Intake(LOGS, self.log_spool))
        in_flight = InFlightBytes(settings.max_in_flight_bytes)
        http_app = OtlpHttpApp(settings, intakes, in_flight, Meter(metrics, "http"))
        self.otlp_http_app = MeteredApp(http_app, metrics)
        self._grpc = OtlpGrpcServer(settings, intakes, in_flight, Meter(metrics, "grpc"))
        metrics.watch(_gauges(self.spools, in_flight))
        listener = bound_socket(settings.host, settings.otlp_http_port)
        self._http = HttpServer(self.otlp_http_app, listener)

    def start(self) -> Ports:
        """Listen on both ports.

        Raises:
            OSError: a port is taken.
        """
        for spool in self.spools:
            spool.start()
        return Ports(otlp_grpc=self._grpc.start(), otlp_http=self._http.start())

    def stop(self) -> None:
        """Answer what is under way, make it durable, end."""
        self._grpc.stop(self._settings.drain_timeout_s)
        self._http.stop()
        for spool in self.spools:
            spool.stop()

    @property
    def spools(self) -> tuple[Spool, ...]:
        """One for each signal that is stored."""
        return (self.spool, self.log_spool)

    def catch_up(self, timeout_s: float) -> bool:
        """Bring everything that was accepted so far into the tables, if that is possible in time.

        Returns:
            Whether it is all there.
        """
        deadline = time.monotonic() + timeout_s
        return all(spool.catch_up(max(0.0, deadline - time.monotonic())) for spool in self.spools)


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


def _gauges(spools: Sequence[Spool], in_flight: InFlightBytes) -> DeliveryGauges:
    return DeliveryGauges(
        waiting_bytes=lambda: sum(spool.waiting_bytes for spool in spools),
        segments=lambda: sum(backlog_of(spool.folder).segment_count for spool in spools),
        oldest_age_s=lambda: max(backlog_of(spool.folder).oldest_age_s for spool in spools),
        quarantined=lambda: sum(spool.quarantine.count for spool in spools),
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


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        OSError: the port is taken; the text names it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from None
    listener.listen(128)
    return listener
