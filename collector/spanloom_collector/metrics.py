"""What one server process counts and measures, for Prometheus.

The registry is made by whoever starts the process and passed in: two servers in one process keep
apart, and nothing is counted in the library's global registry.
"""

import platform
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from enum import Enum
from importlib.metadata import version
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

_SYNC_BUCKETS_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_LOAD_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
_MAX_REASONS = 32
_OTHER_REASON = "other"


class Items(Enum):
    """What requests carry, by the name that it has in metrics."""

    SPANS = "spans"
    LOG_RECORDS = "log_records"


_WORDS = {Items.SPANS: "Spans", Items.LOG_RECORDS: "Log records of spans"}


class DeliveryGauges(NamedTuple):
    """What is asked for at each scrape, because something else keeps the count."""

    waiting_bytes: Callable[[], float]
    segments: Callable[[], float]
    oldest_age_s: Callable[[], float]
    in_flight_bytes: Callable[[], float]
    quarantined: Callable[[], float] | None = None
    """None where nothing is loaded."""

    deduplicated: Callable[[], float] | None = None
    """None where nothing is loaded."""


class Metrics:
    """All metrics of one server.

    Args:
        registry: where they are collected; by default one that nobody reads.

    Example:
        >>> metrics = Metrics()
        >>> metrics.accepted("http", "json", count=2, size_bytes=300)
        >>> labels = {"transport": "http", "encoding": "json"}
        >>> metrics.registry.get_sample_value("spanloom_received_spans_total", labels)
        2.0
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        # Each counter would have a twin that says when it was made.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry if registry is not None else CollectorRegistry()
        self._reasons: set[str] = set()
        self._add_intake()
        self._add_delivery()
        ProcessCollector(registry=self.registry)
        build = Info("spanloom_build", "Versions of this server.", registry=self.registry)
        build.info({"version": version("spanloom"), "python": platform.python_version()})

    def _add_intake(self) -> None:
        way = ("transport", "encoding")
        self._received = {
            items: self._counter(
                f"spanloom_received_{items.value}", f"{_WORDS[items]} that were acknowledged.", way
            )
            for items in Items
        }
        self._received_bytes = self._counter(
            "spanloom_received_bytes",
            "Bytes of acknowledged requests, after decompression.",
            way,
        )
        self._requests = self._counter(
            "spanloom_requests",
            "Export requests that were answered, by HTTP status or name of gRPC's code.",
            ("transport", "status"),
        )
        self._rejected = {
            items: self._counter(
                f"spanloom_rejected_{items.value}",
                f"{_WORDS[items]} that were refused, each told to its sender as a partial success.",
                ("reason",),
            )
            for items in Items
        }

    def _add_delivery(self) -> None:
        self.sync_seconds = Histogram(
            "spanloom_sync_seconds",
            "Time of one fdatasync of the journal.",
            buckets=_SYNC_BUCKETS_S,
            registry=self.registry,
        )
        self.load_seconds = Histogram(
            "spanloom_load_seconds",
            "Time from a segment's turn to its rows being in the table, waiting included.",
            buckets=_LOAD_BUCKETS_S,
            registry=self.registry,
        )
        self.loaded_bytes = self._counter(
            "spanloom_loaded_bytes", "Bytes of the journal that reached the table, or quarantine."
        )
        self.replayed_segments = self._counter(
            "spanloom_replayed_segments", "Segments that an earlier process left behind."
        )
        self.front_end_segments = self._counter(
            "spanloom_front_end_segments",
            "Segments of other processes, or given up by this one, that were found while it ran.",
        )
        self.insert_retries = self._counter(
            "spanloom_insert_retries", "Inserts that the engine did not take and that wait."
        )

    def _counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def watch(self, gauges: DeliveryGauges) -> None:
        """Show these values, asked for anew at each scrape. To be called once."""
        for name, text, ask in (
            ("journal_waiting_bytes", "Accepted bytes not in the table yet.", gauges.waiting_bytes),
            ("journal_segments", "Segments not in the table yet.", gauges.segments),
            (
                "journal_oldest_record_age_seconds",
                "Age of the oldest accepted record that is not in the table; 0 when all are.",
                gauges.oldest_age_s,
            ),
            ("in_flight_bytes", "Bytes of requests being answered.", gauges.in_flight_bytes),
        ):
            self._gauge(name, text, ask)
        if gauges.quarantined is not None:
            text = "Records that the engine refused."
            self._gauge("quarantined_records", text, gauges.quarantined)
        if gauges.deduplicated is not None:
            text = "Blocks of rows that the engine knew already, since it started."
            self._gauge("deduplicated_blocks", text, gauges.deduplicated)

    def _gauge(self, name: str, text: str, ask: Callable[[], float]) -> None:
        Gauge(f"spanloom_{name}", text, registry=self.registry).set_function(ask)

    def accepted(
        self,
        transport: str,
        encoding: str,
        count: int,
        size_bytes: int,
        items: Items = Items.SPANS,
    ) -> None:
        """Count one acknowledged request."""
        self._received[items].labels(transport, encoding).inc(count)
        self._received_bytes.labels(transport, encoding).inc(size_bytes)

    def rejected(self, count_by_reason: Mapping[str, int], items: Items = Items.SPANS) -> None:
        """Count what was refused by the reason that its sender was told."""
        for reason, count in count_by_reason.items():
            self._rejected[items].labels(self._bounded(reason_label(reason))).inc(count)

    def answered(self, transport: str, status: str | int) -> None:
        """Count one answer."""
        self._requests.labels(transport, str(status)).inc()

    def _bounded(self, label: str) -> str:
        # Each value of a label is a series that Prometheus keeps.
        if label not in self._reasons and len(self._reasons) >= _MAX_REASONS:
            return _OTHER_REASON
        self._reasons.add(label)
        return label


class Meter(NamedTuple):
    """Counts what comes in by one transport."""

    metrics: Metrics
    transport: str

    def follow(
        self,
        durable: Future[None],
        encoding: str,
        count: int,
        size_bytes: int,
        items: Items = Items.SPANS,
    ) -> None:
        """Count a request as accepted once it is durable, and not at all when it fails."""

        def add(done: Future[None]) -> None:
            if not done.cancelled() and done.exception() is None:
                self.metrics.accepted(self.transport, encoding, count, size_bytes, items)

        durable.add_done_callback(add)


def reason_label(reason: str) -> str:
    """A reason's first clause as a label value.

    Example:
        >>> reason_label("span without ids (are these logs?)")
        'span_without_ids'
    """
    clause = re.split(r"[(,:;]", reason, maxsplit=1)[0]
    return re.sub(r"[^a-z0-9]+", "_", clause.lower()).strip("_") or _OTHER_REASON
