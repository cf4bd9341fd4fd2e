"""Everything in one process: engine, collector, API and page; started, and stopped in order."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from prometheus_client import CollectorRegistry

from spanloom_collector.metrics import Metrics
from spanloom_collector.service import Collector, HttpServer, Ports, bound_socket
from spanloom_collector.settings import (
    DEFAULT_JOURNAL_QUOTA_BYTES,
    CollectorSettings,
    StorageSettings,
)
from spanloom_collector.storage.connect import Engine, EngineUnavailableError, open_engine
from spanloom_collector.storage.migrate import MigrationError
from spanloom_query.app import create_app
from spanloom_query.presence import announced
from spanloom_query.readiness import findings
from spanloom_query.routes.context import Server
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

    @property
    def journal_dir(self) -> Path:
        """Where accepted requests wait for the engine."""
        return self.data_dir / "journal"


class RunningServer:
    """A server that answers. Stop it exactly once."""

    def __init__(self, options: ServeOptions) -> None:
        with ExitStack() as started:
            self.addresses = _start(options, started)
            self._stops = started.pop_all()

    def stop(self) -> None:
        """Answer what is under way, make it durable, close the engine."""
        self._stops.close()


@dataclass(frozen=True)
class Addresses:
    """Where a server is reached."""

    endpoint: str
    otlp_grpc: str
    otlp_http: str

    @property
    def ready_line(self) -> str:
        """The line that says that the server is ready, for people and for scripts."""
        return (
            f"spanloom ready ui={self.endpoint} api={self.endpoint}/api/v1 "
            f"otlp_grpc={self.otlp_grpc} otlp_http={self.otlp_http}"
        )


def serve_until_stopped(
    options: ServeOptions, on_ready: Callable[[Addresses], None], *, once: bool = False
) -> None:
    """Serve until SIGTERM or Ctrl-C; with ``once`` only until ``on_ready`` returns.

    Raises:
        ServingError: the server cannot start.
    """
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl-C ends at once

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server = RunningServer(options)
    try:
        _LOG.info("%s pid=%d data=%s", server.addresses.ready_line, os.getpid(), options.data_dir)
        on_ready(server.addresses)
        if not once:
            # A signal that comes just before this thread falls asleep does not wake it.
            while not stopped.wait(_SIGNAL_CHECK_S):
                pass
    finally:
        _LOG.info("stopping: answering what is under way, making it durable")
        server.stop()
        _LOG.info("stopped")


class _Parts(NamedTuple):
    """What was started, in order."""

    listener: socket.socket
    engine: Engine
    collector: Collector
    ports: Ports
    registry: CollectorRegistry


def _start(options: ServeOptions, started: ExitStack) -> Addresses:
    _refuse_open_door(options)
    try:
        parts = _started_parts(options, started)
    except (EngineUnavailableError, MigrationError, OSError) as error:
        raise ServingError(str(error)) from error
    addresses = _addresses(options, parts)
    app = create_app(_server(options, parts, addresses), parts.collector.otlp_http_app)
    web = HttpServer(app, parts.listener)
    web.start()
    started.callback(web.stop)
    started.enter_context(
        announced(options.data_dir, addresses.endpoint, addresses.otlp_grpc, addresses.otlp_http)
    )
    return addresses


def _started_parts(options: ServeOptions, started: ExitStack) -> _Parts:
    listener = bound_socket(options.host, options.port)
    started.callback(listener.close)
    engine = open_engine(StorageSettings(options.data_dir, clickhouse_url=options.clickhouse_url))
    started.callback(engine.close)
    registry = CollectorRegistry()
    collector = Collector(_collector_settings(options), engine, Metrics(registry))
    started.callback(collector.stop)
    return _Parts(listener, engine, collector, collector.start(), registry)


def _collector_settings(options: ServeOptions) -> CollectorSettings:
    return CollectorSettings(
        journal_dir=options.journal_dir,
        host=options.host,
        otlp_grpc_port=options.otlp_grpc_port,
        otlp_http_port=options.otlp_http_port,
        cors_origins=options.cors_origins,
        otlp_path_prefix=options.otlp_path_prefix,
        tokens=options.tokens or {},
        journal_quota_bytes=options.journal_quota_bytes,
    )


def _addresses(options: ServeOptions, parts: _Parts) -> Addresses:
    host = _ANY_ADDRESS.get(options.host, options.host)
    name = f"[{host}]" if ":" in host else host
    return Addresses(
        endpoint=f"http://{name}:{parts.listener.getsockname()[1]}",
        otlp_grpc=f"{name}:{parts.ports.otlp_grpc}",
        otlp_http=f"http://{name}:{parts.ports.otlp_http}",
    )


def _server(options: ServeOptions, parts: _Parts, addresses: Addresses) -> Server:
    collector = parts.collector
    settings = QuerySettings(
        host=options.host,
        port=options.port,
        endpoint=addresses.endpoint,
        otlp_http=addresses.otlp_http,
        otlp_grpc=addresses.otlp_grpc,
        tokens=options.tokens or {},
    )
    return Server(
        parts.engine,
        settings,
        collector.catch_up,
        look=lambda: findings(collector.spools, options.journal_quota_bytes),
        registry=parts.registry,
    )


def _refuse_open_door(options: ServeOptions) -> None:
    if options.host in LOOPBACK or options.tokens or options.insecure:
        return
    raise ServingError(
        f"listening on {options.host} without tokens would let anyone who reaches it read and "
        "write: set SPANLOOM_TOKENS, or pass --insecure if that is meant"
    )
