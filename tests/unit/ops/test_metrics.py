"""What is counted, and that a count cannot grow without bounds or leak into another server's."""

from concurrent.futures import Future

from prometheus_client import CollectorRegistry

from spanloom_collector.metrics import DeliveryGauges, Meter, Metrics, reason_label

_LABELS = {"transport": "http", "encoding": "json"}


def _received(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("spanloom_received_spans_total", _LABELS)


def test_two_servers_in_one_process_count_apart() -> None:
    one, other = Metrics(CollectorRegistry()), Metrics(CollectorRegistry())
    one.accepted("http", "json", 3, 100)

    assert (_received(one), _received(other)) == (3, None)


def test_a_request_counts_once_it_is_durable() -> None:
    metrics, durable = Metrics(), Future[None]()
    Meter(metrics, "http").follow(durable, "json", 3, 100)
    before = _received(metrics)
    durable.set_result(None)

    assert (before, _received(metrics)) == (None, 3)


def test_a_request_that_the_disk_refused_does_not_count() -> None:
    metrics, durable = Metrics(), Future[None]()
    Meter(metrics, "http").follow(durable, "json", 3, 100)
    durable.set_exception(OSError("full"))

    assert _received(metrics) is None


def test_reasons_beyond_a_bound_are_counted_together() -> None:
    metrics = Metrics()
    for number in range(100):
        metrics.rejected({f"reason {number}": 1})
    (family,) = (f for f in metrics.registry.collect() if f.name == "spanloom_rejected_spans")
    counts = {sample.labels["reason"]: sample.value for sample in family.samples}

    assert (len(counts), counts["other"], sum(counts.values())) == (33, 68, 100)


def test_a_reason_is_its_first_clause() -> None:
    assert reason_label("span without ids (are these logs?)") == "span_without_ids"
    assert reason_label("trace_id is not 16 bytes, one not zero") == "trace_id_is_not_16_bytes"
    assert reason_label("…") == "other"


def test_gauges_are_asked_anew_at_each_scrape() -> None:
    metrics, waiting = Metrics(), [7.0]
    nothing = lambda: 0.0  # noqa: E731
    metrics.watch(DeliveryGauges(lambda: waiting[0], nothing, nothing, nothing, nothing))
    first = metrics.registry.get_sample_value("spanloom_journal_waiting_bytes")
    waiting[0] = 8.0

    assert first == 7
    assert metrics.registry.get_sample_value("spanloom_journal_waiting_bytes") == 8


def test_the_process_is_measured() -> None:
    registry = Metrics().registry

    for name in ("resident_memory_bytes", "cpu_seconds_total", "open_fds"):
        assert (registry.get_sample_value(f"process_{name}") or 0) > 0
