"""A process that serves: everything in one here, its parts in :mod:`.parts`; started, and stopped."""

import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import NamedTuple

from prometheus_client import CollectorRegistry

from spanloom_collector.delivery.inbox import FolderTakenError
from spanloom_collector.metrics import Metrics
from spanloom_collector.service import Collector, HttpServer, Ports, bound_socket
from spanloom_collector.settings import (
    DEFAULT_JOURNAL_QUOTA_BYTES,
    CollectorSettings,
    StorageSettings,
)
from spanloom_collector.storage.blobs import BlobStore
from spanloom_collector.storage.connect import Engine, EngineUnavailableError, open_engine
from spanloom_collector.storage.migrate import MigrationError
from spanloom_query.app import create_app
from spanloom_query.presence import announced
from spanloom_query.readiness import engine_findings, findings
from spanloom_query.routes.context import Finding, Server
from spanloom_query.settings import QuerySettings

_LOG = logging.getLogger(__name__)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SIGNAL_CHECK_S = 1.0
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class ServingError(Exception):
    """The server cannot start; the text says why and what to do."""


@dataclass(frozen=True)
class ServeOptions:
    """What the command line and the environment ask for."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 4319
    otlp_grpc_port: int = 4317
    otlp_http_port: int = 4318
    insecure: bool = False
    clickhouse_url: str | None = None
    tokens: Mapping[str, str | None] | None = None
    cors_origins: tuple[str, ...] = ()
    otlp_path_prefix: str = ""
    journal_quota_bytes: int = DEFAULT_JOURNAL_QUOTA_BYTES
    shares_ports: bool = False

    @property
    def journal_dir(self) -> Path:
        """Where accepted requests wait for the engine."""
        return self.data_dir / "journal"


@dataclass(frozen=True)
class Addresses:
    """Where a process is reached."""

    endpoint: str
    """Its main port: page and API, or health and metrics alone."""

    otlp_grpc: str = ""
    otlp_http: str = ""
    has_page: bool = True

    @property
    def ready_line(self) -> str:
        """The line that says that the server is ready, for people and for scripts."""
        parts = {"ui": self.endpoint, "api": f"{self.endpoint}/api/v1"}
        if not self.has_page:
            parts = {"status": self.endpoint}
        parts |= {"otlp_grpc": self.otlp_grpc, "otlp_http": self.otlp_http}
        return " ".join(["spanloom ready", *(f"{key}={at}" for key, at in parts.items() if at)])


Start = Callable[[ServeOptions, ExitStack], Addresses]
"""Starts the parts of a process, and pushes what stops each."""


class RunningServer:
    """A server that answers. Stop it exactly once.

    Raises:
        ServingError: it cannot start.
    """

    def __init__(self, options: ServeOptions, start: Start) -> None:
        _refuse_open_door(options)
        with ExitStack() as started:
            try:
                self.addresses = start(options, started)
            except (EngineUnavailableError, FolderTakenError, MigrationError, OSError) as error:
                raise ServingError(str(error)) from error
            self._stops = started.pop_all()

    def stop(self) -> None:
        """Answer what is under way, make it durable, close the engine."""
        self._stops.close()


def serve_until_stopped(
    options: ServeOptions,
    on_ready: Callable[[Addresses], None],
    start: Start,
    *,
    once: bool = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C; with ``once`` only until ``on_ready`` returns.

    Raises:
        ServingError: the server cannot start.
    """
    # Not an Event: its lock is held for moments by the thread that waits, which is also the one
    # that a signal interrupts, and a handler that wanted the lock then would wait for ever.
    stopped: SimpleQueue[int] = SimpleQueue()

    def stop(number: int, _frame: FrameType | None) -> None:
        stopped.put(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl-C ends at once

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server = RunningServer(options, start)
    try:
        _LOG.info("%s pid=%d data=%s", server.addresses.ready_line, os.getpid(), options.data_dir)
        on_ready(server.addresses)
        if not once:
            _wait_for(stopped)
    finally:
        _LOG.info("stopping: answering what is under way, making it durable")
        server.stop()
        _LOG.info("stopped")


def _wait_for(stopped: SimpleQueue[int]) -> None:
    while True:
        try:
            stopped.get(timeout=_SIGNAL_CHECK_S)
        except Empty:  # a signal that comes just before this thread falls asleep does not wake it
            continue
        return


class _Parts(NamedTuple):
    """What was started, in order."""

    listener: socket.socket
    engine: Engine
    collector: Collector
    ports: Ports
    registry: CollectorRegistry
    blobs: BlobStore


def start_everything(options: ServeOptions, started: ExitStack) -> Addresses:
    """Start engine, collector, API and page."""
    parts = _started_parts(options, started)
    addresses = addresses_of(options.host, parts.listener, parts.ports)
    app = create_app(_server(options, parts, addresses), parts.collector.otlp_http_app)
    serve_app(app, parts.listener, started)
    started.enter_context(
        announced(options.data_dir, addresses.endpoint, addresses.otlp_grpc, addresses.otlp_http)
    )
    return addresses


def _started_parts(options: ServeOptions, started: ExitStack) -> _Parts:
    listener = main_listener(options, started)
    engine = opened_engine(options, started)
    registry = CollectorRegistry()
    collector = Collector(collector_settings(options), engine, Metrics(registry))
    started.callback(collector.stop)
    blobs = opened_blobs(options)
    return _Parts(listener, engine, collector, collector.start(), registry, blobs)


def main_listener(options: ServeOptions, started: ExitStack) -> socket.socket:
    """Take the main port."""
    listener = bound_socket(options.host, options.port)
    started.callback(listener.close)
    return listener


def opened_engine(options: ServeOptions, started: ExitStack) -> Engine:
    """Open the engine that the options name."""
    engine = open_engine(StorageSettings(options.data_dir, clickhouse_url=options.clickhouse_url))
    started.callback(engine.close)
    return engine


def opened_blobs(options: ServeOptions) -> BlobStore:
    """Open the folder of content; several processes may."""
    blobs = BlobStore(options.data_dir / "blobs")
    blobs.clear_incoming()
    return blobs


def serve_app(app: object, listener: socket.socket, started: ExitStack) -> None:
    """Answer on the main port."""
    web = HttpServer(app, listener)
    web.start()
    started.callback(web.stop)


def collector_settings(options: ServeOptions) -> CollectorSettings:
    """How spans are received."""
    return CollectorSettings(
        journal_dir=options.journal_dir,
        host=options.host,
        otlp_grpc_port=options.otlp_grpc_port,
        otlp_http_port=options.otlp_http_port,
        cors_origins=options.cors_origins,
        otlp_path_prefix=options.otlp_path_prefix,
        tokens=options.tokens or {},
        journal_quota_bytes=options.journal_quota_bytes,
        shares_ports=options.shares_ports,
    )


def addresses_of(
    host: str, listener: socket.socket, ports: Ports | None = None, *, has_page: bool = True
) -> Addresses:
    """Where a process is reached that listens there."""
    reached = _ANY_ADDRESS.get(host, host)
    name = f"[{reached}]" if ":" in reached else reached
    return Addresses(
        endpoint=f"http://{name}:{listener.getsockname()[1]}",
        otlp_grpc=f"{name}:{ports.otlp_grpc}" if ports else "",
        otlp_http=f"http://{name}:{ports.otlp_http}" if ports else "",
        has_page=has_page,
    )


def query_settings(options: ServeOptions, addresses: Addresses) -> QuerySettings:
    """How the main port is served."""
    return QuerySettings(
        host=options.host,
        port=options.port,
        endpoint=addresses.endpoint,
        otlp_http=addresses.otlp_http,
        otlp_grpc=addresses.otlp_grpc,
        tokens=options.tokens or {},
    )


def everything_findings(
    engine: Engine, collector: Collector, options: ServeOptions
) -> list[Finding]:
    """Look at engine and collector."""
    delivery = findings(collector.spools, options.journal_quota_bytes)
    return [*engine_findings(engine), *delivery]


def _server(options: ServeOptions, parts: _Parts, addresses: Addresses) -> Server:
    return Server(
        parts.engine,
        query_settings(options, addresses),
        parts.collector.catch_up,
        look=lambda: everything_findings(parts.engine, parts.collector, options),
        blobs=parts.blobs,
        registry=parts.registry,
    )


def _refuse_open_door(options: ServeOptions) -> None:
    if options.host in LOOPBACK or options.tokens or options.insecure:
        return
    raise ServingError(
        f"listening on {options.host} without tokens would let anyone who reaches it read and "
        "write: set SPANLOOM_TOKENS, or pass --insecure if that is meant"
    )
