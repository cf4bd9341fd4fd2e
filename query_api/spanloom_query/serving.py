"""Everything in one process: engine, collector, API and page; started, and stopped in order."""

import logging
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from spanloom_collector.service import Collector, HttpServer, bound_socket
from spanloom_collector.settings import CollectorSettings, StorageSettings
from spanloom_collector.storage.connect import EngineUnavailableError, open_engine
from spanloom_collector.storage.migrate import MigrationError
from spanloom_query.app import create_app
from spanloom_query.routes.context import Server
from spanloom_query.settings import QuerySettings

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
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
        on_ready(server.addresses)
        if not once:
            stopped.wait()
    finally:
        server.stop()


def _start(options: ServeOptions, started: ExitStack) -> Addresses:
    _refuse_open_door(options)
    tokens = options.tokens or {}
    try:
        listener = bound_socket(options.host, options.port)
        started.callback(listener.close)
        engine = open_engine(
            StorageSettings(options.data_dir, clickhouse_url=options.clickhouse_url)
        )
        started.callback(engine.close)
        collector_settings = CollectorSettings(
            journal_dir=options.data_dir / "journal",
            host=options.host,
            otlp_grpc_port=options.otlp_grpc_port,
            otlp_http_port=options.otlp_http_port,
            tokens=tokens,
        )
        collector = Collector(collector_settings, engine)
        started.callback(collector.stop)
        ports = collector.start()
    except (EngineUnavailableError, MigrationError, OSError) as error:
        raise ServingError(str(error)) from error
    host = _ANY_ADDRESS.get(options.host, options.host)
    name = f"[{host}]" if ":" in host else host
    addresses = Addresses(
        endpoint=f"http://{name}:{listener.getsockname()[1]}",
        otlp_grpc=f"{name}:{ports.otlp_grpc}",
        otlp_http=f"http://{name}:{ports.otlp_http}",
    )
    query_settings = QuerySettings(
        host=options.host,
        port=options.port,
        endpoint=addresses.endpoint,
        otlp_http=addresses.otlp_http,
        otlp_grpc=addresses.otlp_grpc,
        tokens=tokens,
    )
    server = Server(engine, query_settings, collector.spool.catch_up)
    web = HttpServer(create_app(server, collector.otlp_http_app), listener)
    web.start()
    started.callback(web.stop)
    return addresses


def _refuse_open_door(options: ServeOptions) -> None:
    if options.host in _LOOPBACK or options.tokens or options.insecure:
        return
    raise ServingError(
        f"listening on {options.host} without tokens would let anyone who reaches it read and "
        "write: set SPANLOOM_TOKENS, or pass --insecure if that is meant"
    )


def log_to_stderr() -> None:
    """Let warnings of the server be seen."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
