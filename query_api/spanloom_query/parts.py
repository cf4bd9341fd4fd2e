"""The parts of a server in processes of their own: front end, collector, query API."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector

from spanloom_collector.metrics import Metrics
from spanloom_collector.service import Collector, FrontEnd
from spanloom_query.app import create_app, create_status_app
from spanloom_query.readiness import engine_findings, front_end_findings
from spanloom_query.routes.context import Finding, Server
from spanloom_query.serving import (
    Addresses,
    ServeOptions,
    ServingError,
    addresses_of,
    collector_settings,
    everything_findings,
    main_listener,
    opened_blobs,
    opened_engine,
    query_settings,
    serve_app,
)
from spanloom_query.settings import QuerySettings


@dataclass(frozen=True)
class _Process:
    settings: QuerySettings
    look: Callable[[], Sequence[Finding]]
    registry: CollectorRegistry


def start_front_end(options: ServeOptions, started: ExitStack) -> Addresses:
    """Start what takes spans into the journal, and leaves loading them to another process."""
    listener = main_listener(options, started)
    registry = CollectorRegistry()
    front_end = FrontEnd(collector_settings(options), Metrics(registry))
    process = _Process(
        QuerySettings(tokens=options.tokens or {}),
        lambda: front_end_findings(front_end.outboxes, options.journal_quota_bytes),
        registry,
    )
    app = create_status_app(process, front_end.otlp_http_app)
    ports = front_end.start(app)
    started.callback(front_end.stop)
    serve_app(app, listener, started)
    return addresses_of(options.host, listener, ports, has_page=False)


def start_collector(options: ServeOptions, started: ExitStack) -> Addresses:
    """Start what takes spans and writes them into a ClickHouse server.

    Raises:
        ServingError: none is named.
    """
    _demand_server(options)
    listener = main_listener(options, started)
    engine = opened_engine(options, started)
    registry = CollectorRegistry()
    collector = Collector(collector_settings(options), engine, Metrics(registry))
    ports = collector.start()
    started.callback(collector.stop)
    process = _Process(
        QuerySettings(tokens=options.tokens or {}),
        lambda: everything_findings(engine, collector, options),
        registry,
    )
    serve_app(create_status_app(process, collector.otlp_http_app), listener, started)
    return addresses_of(options.host, listener, ports, has_page=False)


def start_query(options: ServeOptions, started: ExitStack) -> Addresses:
    """Start API and page on a ClickHouse server.

    Raises:
        ServingError: none is named.
    """
    _demand_server(options)
    listener = main_listener(options, started)
    engine = opened_engine(options, started)
    addresses = addresses_of(options.host, listener)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    server = Server(
        engine,
        query_settings(options, addresses),
        look=lambda: engine_findings(engine),
        blobs=opened_blobs(options),
        registry=registry,
    )
    serve_app(create_app(server, otlp_app=None), listener, started)
    return addresses


def _demand_server(options: ServeOptions) -> None:
    if not options.clickhouse_url:
        raise ServingError(
            "SPANLOOM_CLICKHOUSE_URL is not set: the embedded engine belongs to one process alone. "
            "Name a ClickHouse server, or run 'spanloom serve', with 'spanloom receive' beside it"
        )
