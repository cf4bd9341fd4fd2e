import logging
import multiprocessing.util
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult
from opentelemetry.trace import SpanContext, TraceFlags, Tracer

from spanloom import _export, _otlp
from spanloom._export import WORKER_EXIT_PRIORITY, Exporter, end_with_the_worker
from spanloom._otlp import Body, Outcome, Sender
from spanloom._protobuf import Encoder
from spanloom._queue import SpanQueue, weigh
from spanloom._settings import Settings
from spanloom._spool import Segment, open_spool
from spanloom.conventions import DROPPED_SPANS
from tests.unit.sdk.sink import Answer, Sink, attributes_of, partial_success

MakeExporter = Callable[..., Exporter]


RESOURCE = Resource({"service.name": "tests"})


def make_span(number: int = 1, name: str = "span") -> ReadableSpan:
    context = SpanContext(number, number, False, TraceFlags(TraceFlags.SAMPLED))
    return ReadableSpan(
        f"{name} {number}",
        context,
        resource=RESOURCE,
        attributes={"text": "x" * 100},
        start_time=1,
        end_time=2,
    )


class RecordOnly(Sampler):
    def should_sample(self, *arguments: Any, **named: Any) -> SamplingResult:
        return SamplingResult(Decision.RECORD_ONLY)

    def get_description(self) -> str:
        return "records, and samples nothing"


def unencodable(number: int = 1) -> ReadableSpan:
    context = SpanContext(number, number, False, TraceFlags(TraceFlags.SAMPLED))
    return ReadableSpan("no kind", context, resource=RESOURCE, kind=None)  # type: ignore[arg-type]


@pytest.fixture
def make_exporter() -> Iterator[MakeExporter]:
    made: list[Exporter] = []

    def make(endpoint: str, **settings: object) -> Exporter:
        fast = {"batch_delay_s": 0.01, "retry_initial_s": 0.02, "retry_max_s": 0.1}
        fast |= {"exit_timeout_s": 1.0, "spool_max_bytes": 0, **settings}  # type: ignore[dict-item]
        made.append(Exporter(Settings(endpoint=endpoint, **fast)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for exporter in made:
        exporter.shutdown()


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "spanloom"]


def test_spans_leave_in_order_and_batches_stay_within_their_bounds(
    sink: Sink, make_exporter: MakeExporter
) -> None:
    exporter = make_exporter(sink.url, batch_max_spans=10, batch_delay_s=30.0)

    for number in range(1, 26):
        exporter.on_end(make_span(number))

    assert exporter.flush(10)
    assert sink.names() == [f"span {number}" for number in range(1, 26)]
    assert [len(request.spans()) for request in sink.requests] == [10, 10, 5]
    assert sink.connection_count == 1


def test_a_span_waits_for_company_no_longer_than_the_delay(
    sink: Sink, make_exporter: MakeExporter
) -> None:
    exporter = make_exporter(sink.url, batch_delay_s=0.05)

    exporter.on_end(make_span())

    assert len(sink.await_spans(1, timeout_s=5)) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_busy_server_is_tried_again(sink: Sink, make_exporter: MakeExporter, status: int) -> None:
    sink.answers = [Answer(status), Answer(status)]
    exporter = make_exporter(sink.url)

    exporter.on_end(make_span())

    assert exporter.flush(10)
    assert sink.names() == ["span 1"]
    assert exporter.dropped_count == 0


def test_the_server_says_how_long_to_wait(sink: Sink, make_exporter: MakeExporter) -> None:
    sink.answers = [Answer(503, headers=(("Retry-After", "0.3"),))]
    exporter = make_exporter(sink.url, retry_max_s=5.0, retry_initial_s=5.0)
    started = time.monotonic()

    exporter.on_end(make_span())

    assert exporter.flush(4)
    assert 0.3 <= time.monotonic() - started < 3


def test_what_the_server_refuses_is_dropped_and_told_of_once(
    sink: Sink, make_exporter: MakeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    sink.answers = [Answer(401, b"no such key"), Answer(401, b"no such key")]
    exporter = make_exporter(sink.url)

    for number in (1, 2):
        exporter.on_end(make_span(number))
        assert not exporter.flush(10)
    exporter.on_end(make_span(3))

    assert exporter.flush(10)
    assert sink.names() == ["span 3"]
    assert exporter.dropped_count == 2
    (message,) = said(caplog)
    assert "refuses spans, they are dropped (401 Unauthorized: no such key)" in message


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_request_that_is_too_large_is_sent_in_parts(
    sink: Sink, make_exporter: MakeExporter, caplog: pytest.LogCaptureFixture, compression: str
) -> None:
    sink.max_bytes = 1200
    exporter = make_exporter(sink.url, batch_delay_s=30.0, compression=compression)
    for number in range(1, 101):
        exporter.on_end(make_span(number, name="x" * 200 if number == 50 else "span"))
    huge = make_span(101)
    huge._attributes = {"huge": random.Random(0).randbytes(5000)}
    exporter.on_end(huge)

    assert not exporter.flush(10)
    assert len(sink.spans()) == 100
    assert exporter.dropped_count == 1
    assert exporter._queue.held_bytes == 0
    (message,) = said(caplog)
    assert "refuses spans, they are dropped (413" in message


def test_what_the_server_says_about_a_part_is_told_once(
    sink: Sink, make_exporter: MakeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    body = partial_success(2, "too long")
    sink.answers = [Answer(200, body), Answer(200, body), Answer(200, b"\xff not protobuf")]
    exporter = make_exporter(sink.url)

    for number in (1, 2, 3):
        exporter.on_end(make_span(number))
        assert exporter.flush(10)

    (message,) = said(caplog)
    assert message.endswith("took spans only in part: 2 spans rejected: too long")


def test_one_span_that_cannot_be_encoded_does_not_stop_the_others(
    sink: Sink, make_exporter: MakeExporter
) -> None:
    exporter = make_exporter(sink.url, batch_delay_s=30.0)
    broken = ReadableSpan("broken", None)

    for span in (make_span(1), unencodable(2), make_span(3)):
        exporter.on_end(span)
    exporter.on_end(broken)

    assert not exporter.flush(10)
    assert sink.names() == ["span 1", "span 3"]
    assert exporter.dropped_count == 1


def test_nothing_is_sent_when_no_span_can_be_encoded(
    sink: Sink, make_exporter: MakeExporter
) -> None:
    exporter = make_exporter(sink.url)

    exporter.on_end(unencodable())

    assert not exporter.flush(10)
    assert sink.requests == []


def test_a_full_queue_drops_the_newest_and_tells_how_many(
    sink: Sink, make_exporter: MakeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    port = sink.port
    sink.stop()
    room = {"batch_delay_s": 30.0, "backpressure_s": 0.0}
    exporter = make_exporter(
        f"http://127.0.0.1:{port}", **room, queue_max_bytes=5 * weigh(make_span())
    )

    for number in range(1, 9):
        exporter.on_end(make_span(number))
    assert exporter.dropped_count == 3
    assert not exporter.flush(0.1)
    sink.start(port)

    assert exporter.flush(10)
    assert sink.names() == [f"span {number}" for number in range(1, 6)]
    kept, back = said(caplog)
    assert "are kept" in kept
    assert back.endswith("works again; 3 were dropped meanwhile.")


def test_memory_stays_within_its_bound_while_the_server_is_down(
    dead_url: str, make_exporter: MakeExporter
) -> None:
    exporter = make_exporter(dead_url, queue_max_bytes=100_000, backpressure_s=0.0)

    for number in range(1, 1001):
        exporter.on_end(make_span(number))
        queue = exporter._queue
        assert queue.size_bytes + queue.held_bytes <= 100_000

    assert exporter.dropped_count > 0


def test_spans_that_wait_take_up_no_more_than_their_compressed_size(
    dead_url: str, make_exporter: MakeExporter
) -> None:
    exporter = make_exporter(dead_url, batch_max_spans=100, queue_max_bytes=1_000_000)

    for number in range(1, 1001):
        exporter.on_end(make_span(number))
        time.sleep(0.0005)
    exporter.flush(0.5)

    assert exporter.dropped_count == 0
    assert weigh(make_span()) * 1000 > 1_000_000
    assert exporter._queue.held_bytes < 100_000


def test_a_burst_waits_for_room_while_the_server_takes_spans(
    sink: Sink, make_exporter: MakeExporter
) -> None:
    room_bytes = 50 * weigh(make_span())
    exporter = make_exporter(
        sink.url, queue_max_bytes=room_bytes, batch_max_spans=25, backpressure_s=5.0
    )

    for number in range(1, 1001):
        exporter.on_end(make_span(number))

    assert exporter.flush(10)
    assert len(sink.spans()) == 1000


def test_waiting_in_vain_is_not_repeated(
    sink: Sink, make_exporter: MakeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    sink.delay_s = 0.5
    exporter = make_exporter(
        sink.url, queue_max_bytes=weigh(make_span()), backpressure_s=0.1, batch_delay_s=0.0
    )
    started = time.monotonic()

    for number in range(1, 101):
        exporter.on_end(make_span(number))
    elapsed_s = time.monotonic() - started
    exporter.flush(5)

    assert elapsed_s < 0.4
    assert exporter.dropped_count > 90
    assert f"faster than they can be sent: {exporter.dropped_count} dropped" in said(caplog)[0]


@pytest.mark.parametrize(
    "answer", [Answer(200, hangs_up=True), Answer(200, headers=(("Connection", "close"),))], ids=str
)
def test_a_connection_that_the_server_has_closed_is_opened_again(
    sink: Sink, make_exporter: MakeExporter, answer: Answer
) -> None:
    sink.answers = [answer]
    exporter = make_exporter(sink.url, retry_initial_s=30.0, retry_max_s=30.0)

    for number in (1, 2, 3):
        exporter.on_end(make_span(number))
        assert exporter.flush(10)
        time.sleep(0.05)

    assert sink.names() == ["span 1", "span 2", "span 3"]
    assert sink.connection_count == 2


def test_closing_delivers_the_rest_and_takes_no_more(
    sink: Sink, make_exporter: MakeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = make_exporter(sink.url, batch_delay_s=30.0)
    exporter.on_end(make_span(1))

    exporter.shutdown()
    exporter.on_end(make_span(2))
    exporter.shutdown()

    assert sink.names() == ["span 1"]
    assert exporter.dropped_count == 1
    assert said(caplog) == []


def test_closing_gives_up_soon_when_nobody_answers(
    dead_url: str, make_exporter: MakeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = make_exporter(dead_url, exit_timeout_s=30.0)
    exporter.on_end(make_span(1))
    started = time.monotonic()

    exporter.shutdown()

    assert time.monotonic() - started < 2
    assert said(caplog)[-1] == f"1 spans did not reach {dead_url}."


def test_closing_knocks_once_more_at_a_door_known_to_be_closed(
    dead_url: str, make_exporter: MakeExporter
) -> None:
    exporter = make_exporter(dead_url, exit_timeout_s=30.0, retry_initial_s=20.0, retry_max_s=20.0)
    exporter.on_end(make_span(1))
    assert not exporter.flush(0.5)
    started = time.monotonic()

    exporter.shutdown()

    assert time.monotonic() - started < 5


def test_a_busy_server_gets_the_whole_exit_time(sink: Sink, make_exporter: MakeExporter) -> None:
    sink.answers = [Answer(503)] * 5
    exporter = make_exporter(sink.url, exit_timeout_s=5.0)
    exporter.on_end(make_span(1))

    exporter.shutdown()

    assert sink.names() == ["span 1"]


def test_unsampled_spans_stay_here(sink: Sink, make_exporter: MakeExporter) -> None:
    exporter = make_exporter(sink.url)
    provider = TracerProvider(sampler=ALWAYS_OFF)
    provider.add_span_processor(exporter)
    unsampled = ReadableSpan("unsampled", SpanContext(1, 1, False, TraceFlags(0)))

    provider.get_tracer("t").start_span("off").end()
    exporter.on_end(unsampled)

    assert exporter.force_flush(1000)
    assert sink.requests == []


def test_the_thread_outlives_a_fault_of_its_own(
    sink: Sink,
    make_exporter: MakeExporter,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exporter = make_exporter(sink.url)

    def fail(*arguments: object) -> None:
        raise MemoryError("no memory")

    with monkeypatch.context() as patch:
        patch.setattr(_otlp, "encode", fail)
        exporter.on_end(make_span(1))
        assert not exporter.flush(10)
    exporter.on_end(make_span(2))

    assert exporter.flush(10)
    assert sink.names() == ["span 2"]
    (message,) = said(caplog)
    assert "delivery of spans failed: MemoryError('no memory')" in message
    assert caplog.records[0].levelno == logging.WARNING


def test_a_thread_that_cannot_start_is_no_reason_to_raise(
    sink: Sink, make_exporter: MakeExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = make_exporter(sink.url)

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    first, second = make_span(1), make_span(2)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        exporter.on_end(first)
    exporter.on_end(second)

    assert exporter.flush(10)
    assert sink.names() == ["span 1", "span 2"]


def test_a_batch_holds_at_least_one_span_however_large() -> None:
    queue = SpanQueue(Settings(batch_max_bytes=10))
    queue.put(make_span(1), 100)
    queue.put(make_span(2), 100)

    assert [len(queue.take().spans), len(queue.take().spans), len(queue.take().spans)] == [1, 1, 0]
    assert queue.size_bytes == 0


def test_an_event_counts_by_what_it_carries() -> None:
    with TracerProvider().get_tracer("t").start_as_current_span("s") as span:
        plain = weigh(span)  # type: ignore[arg-type]
        span.add_event("exception", {"exception.stacktrace": "x" * 5000})

    assert weigh(span) >= plain + 5000  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "extra_bytes"),
    [
        (None, 0),
        (True, 0),
        ("short", 0),
        ("x" * 1000, 1000),
        (b"x" * 1000, 1000),
        (("x" * 1000,) * 3, 3000),
        ({"deep": ["x" * 1000]}, 1000),
    ],
)
def test_a_span_weighs_what_its_values_do(value: object, extra_bytes: int) -> None:
    plain, loaded = make_span(), make_span()
    loaded._attributes = {**(loaded.attributes or {}), "value": value}  # type: ignore[dict-item]

    assert extra_bytes <= weigh(loaded) - weigh(plain) <= extra_bytes * 1.2 + 10


def test_a_light_span_counts_as_light(sink: Sink, make_exporter: MakeExporter) -> None:
    whole, light = make_span(), make_span()
    light.span_id, light.trace_id, light.flags = 7, 8, 1  # type: ignore[attr-defined]
    light.trace_state, light._context = None, None  # type: ignore[attr-defined]
    exporter = make_exporter(sink.url)

    exporter.on_start(light)  # type: ignore[arg-type]
    exporter.on_end(light)

    assert exporter.flush(10)
    assert weigh(light) < weigh(whole) / 2
    assert [span.span_id for span in sink.spans()] == [(7).to_bytes(8, "big")]


def test_https_and_path_prefixes_are_kept() -> None:
    sender = Sender(Settings(endpoint="https://host/prefix"))

    assert (sender._secure, sender._path) == (True, "/prefix/v1/traces")
    sender.close()


def test_a_header_that_cannot_be_sent_is_a_failure_and_no_exception(dead_url: str) -> None:
    sender = Sender(Settings(endpoint=dead_url, api_key="line\nbreak"))

    assert sender.send(Body(b"", 0)).outcome is Outcome.UNREACHABLE


def test_a_process_without_time_to_exit_sends_nothing(
    sink: Sink, make_exporter: MakeExporter
) -> None:
    exporter = make_exporter(sink.url, exit_timeout_s=0.0, batch_delay_s=30.0)
    exporter.on_end(make_span(1))
    thread = exporter._thread
    assert thread is not None

    exporter.close()
    thread.join(5)

    assert not thread.is_alive()
    assert sink.requests == []


def test_after_a_fork_the_child_starts_afresh(sink: Sink, make_exporter: MakeExporter) -> None:
    exporter = make_exporter(sink.url, batch_delay_s=30.0)
    exporter.on_end(make_span(1))
    exporter.shutdown()

    exporter.before_fork()
    exporter.after_fork_in_parent()
    exporter.after_fork_in_parent()
    exporter.after_fork_in_child()
    exporter.on_end(make_span(2))

    assert exporter.flush(10)
    assert sink.names()[-1] == "span 2"
    assert exporter.dropped_count == 0


def test_a_fork_without_multiprocessing_needs_none_of_it(
    sink: Sink, make_exporter: MakeExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = make_exporter(sink.url)
    monkeypatch.delitem(sys.modules, "multiprocessing.util")

    exporter.after_fork_in_child()
    exporter.on_end(make_span(1))

    assert exporter.flush(10)


def test_a_worker_of_multiprocessing_delivers_at_its_end(
    sink: Sink, make_exporter: MakeExporter
) -> None:
    exporter = make_exporter(sink.url, batch_delay_s=30.0)
    exporter.on_end(make_span(1))

    end_with_the_worker(exporter)
    multiprocessing.util._run_finalizers(WORKER_EXIT_PRIORITY)  # type: ignore[attr-defined]

    assert sink.names() == ["span 1"]


@pytest.fixture
def make_provider(make_exporter: MakeExporter) -> Callable[..., tuple[Exporter, Tracer]]:
    def make(endpoint: str, **settings: object) -> tuple[Exporter, Tracer]:
        exporter = make_exporter(endpoint, **settings)
        provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
        provider.add_span_processor(exporter)
        return exporter, provider.get_tracer("tests")

    return make


MakeTracer = Callable[..., tuple[Exporter, Tracer]]


def test_a_span_that_runs_for_long_is_told_of_once_and_ends_with_the_same_start(
    sink: Sink, make_provider: MakeTracer
) -> None:
    exporter, tracer = make_provider(sink.url, running_after_s=0.05)

    with tracer.start_as_current_span("long", attributes={"n": 1}):
        sink.await_spans(1)
        time.sleep(0.1)
    assert exporter.flush(10)

    running, ended = sink.spans()
    assert (running.end_time_unix_nano, ended.end_time_unix_nano > 0) == (0, True)
    assert running.start_time_unix_nano == ended.start_time_unix_nano
    assert (running.span_id, running.attributes) == (ended.span_id, ended.attributes)


@pytest.mark.parametrize("settings", [{"running_after_s": 0.0}, {}], ids=["off", "too short"])
def test_a_span_that_does_not_run_for_long_is_told_of_at_its_end_alone(
    sink: Sink, make_provider: MakeTracer, settings: dict[str, object]
) -> None:
    exporter, tracer = make_provider(sink.url, **settings)

    with tracer.start_as_current_span("short"):
        time.sleep(0.1)

    assert exporter.flush(10)
    assert len(sink.spans()) == 1


def test_running_spans_are_told_of_when_the_server_is_back(
    sink: Sink, make_provider: MakeTracer
) -> None:
    port = sink.port
    sink.stop()
    exporter, tracer = make_provider(f"http://127.0.0.1:{port}", running_after_s=0.01)
    tracer.start_span("ended").end()
    assert not exporter.flush(0.1)

    with tracer.start_as_current_span("long"):
        time.sleep(0.2)
        sink.start(port)
        spans = sink.await_spans(2)

    assert [(span.name, span.end_time_unix_nano > 0) for span in spans] == [
        ("ended", True),
        ("long", False),
    ]
    assert exporter.flush(10)


def test_unsampled_spans_do_not_show_as_running(sink: Sink, make_provider: MakeTracer) -> None:
    exporter, _ = make_provider(sink.url, running_after_s=0.01)
    recorder = TracerProvider(sampler=RecordOnly(), shutdown_on_exit=False)
    recorder.add_span_processor(exporter)

    with recorder.get_tracer("t").start_as_current_span("recorded, not sampled"):
        time.sleep(0.1)

    assert exporter.flush(10)
    assert sink.requests == []


def test_no_more_running_spans_are_watched_than_there_is_room_for(
    sink: Sink, make_provider: MakeTracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_export, "OPEN_MAX_COUNT", 10)
    exporter, tracer = make_provider(sink.url)

    spans = [tracer.start_span("s") for _ in range(50)]
    assert len(exporter._open) == 10
    for span in spans:
        span.end()

    assert len(exporter._open) == 0
    assert exporter.flush(10)
    assert len(sink.spans()) == 50


def test_the_server_learns_how_many_spans_were_dropped(
    sink: Sink, make_exporter: MakeExporter
) -> None:
    room_bytes = 5 * weigh(make_span())
    exporter = make_exporter(
        sink.url, queue_max_bytes=room_bytes, batch_delay_s=30.0, backpressure_s=0.0
    )

    for number in range(1, 9):
        exporter.on_end(make_span(number))
    exporter.flush(10)
    exporter.on_end(make_span(9))

    assert exporter.flush(10)
    told = [attributes_of(span).get(DROPPED_SPANS) for span in sink.spans()]
    assert told == [3, None, None, None, None, None]


def test_an_outage_goes_to_disk_and_its_end_brings_everything(
    sink: Sink, make_exporter: MakeExporter, tmp_path: Path
) -> None:
    port = sink.port
    sink.stop()
    spool = {"spool_dir": str(tmp_path), "spool_max_bytes": 1 << 20}
    exporter = make_exporter(f"http://127.0.0.1:{port}", **spool)
    for number in range(1, 301):
        exporter.on_end(make_span(number))
        time.sleep(0.001)
    assert not exporter.flush(0.5)
    assert exporter._queue.size_bytes + exporter._queue.held_bytes == 0
    sink.start(port)

    assert exporter.flush(10)
    assert sorted(span.name for span in sink.spans()) == sorted(
        f"span {number}" for number in range(1, 301)
    )
    assert exporter.dropped_count == 0


def leave_behind(spool_dir: Path, url: str, count: int) -> None:
    """Write what a program leaves that has not reached its server."""
    settings = Settings(endpoint=url, project="left", spool_dir=str(spool_dir))
    spool = open_spool(settings)
    spans = [make_span(number, "left") for number in range(1, count + 1)]
    assert spool.append(_otlp.encode(Encoder(), spans))
    spool.close()


def test_what_ended_programs_left_follows_ones_own(
    sink: Sink, make_exporter: MakeExporter, tmp_path: Path
) -> None:
    for count in (1, 2, 3):
        leave_behind(tmp_path, sink.url, count)
    exporter = make_exporter(sink.url, spool_dir=str(tmp_path), spool_max_bytes=1 << 20)

    exporter.on_end(make_span(9))

    assert len(sink.await_spans(7)) == 7
    assert sink.names()[0] == "span 9"
    projects = [request.headers["x-spanloom-project"] for request in sink.requests]
    assert projects == ["default", "left", "left", "left"]


def test_what_the_server_refuses_of_others_stays_on_disk_and_is_no_loss_of_ones_own(
    sink: Sink, make_exporter: MakeExporter, tmp_path: Path
) -> None:
    leave_behind(tmp_path, sink.url, 2)
    exporter = make_exporter(sink.url, spool_dir=str(tmp_path), spool_max_bytes=1 << 20)
    sink.answers = [Answer(200), Answer(403)]

    exporter.on_end(make_span(1))
    assert exporter.flush(10)
    while sink.answers:
        time.sleep(0.01)
    exporter.on_end(make_span(2))

    assert exporter.flush(10)
    assert sink.names() == ["span 1", "span 2"]
    assert exporter.dropped_count == 0
    assert len(list(tmp_path.rglob("*.spool"))) == 1


def test_closing_puts_on_disk_what_a_hanging_request_holds_up(
    sink: Sink, make_exporter: MakeExporter, tmp_path: Path
) -> None:
    sink.delay_s = 3.0
    spool = {"spool_dir": str(tmp_path), "spool_max_bytes": 1 << 20}
    exporter = make_exporter(sink.url, **spool, batch_max_spans=2, exit_timeout_s=1.0)
    for number in range(1, 8):
        exporter.on_end(make_span(number))
    time.sleep(0.1)
    started = time.monotonic()

    exporter.shutdown()

    assert time.monotonic() - started < 2.5
    (path,) = tmp_path.rglob("*.spool")
    segment = Segment.open(path)
    assert segment is not None
    spooled_count = 0
    while (body := segment.peek()) is not None:
        spooled_count += body.span_count
        segment.advance()
    segment.close()
    assert spooled_count == 7


def test_offline_too_it_is_said_how_many_were_dropped(
    make_exporter: MakeExporter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = {"spool_dir": str(tmp_path), "spool_max_bytes": 1 << 20, "offline": True}
    room_bytes = 5 * weigh(make_span())
    exporter = make_exporter(
        "http://127.0.0.1:1", **spool, queue_max_bytes=room_bytes, batch_delay_s=30.0
    )
    for number in range(1, 9):
        exporter.on_end(make_span(number))

    assert exporter.flush(10)
    exporter.shutdown()

    assert said(caplog) == ["3 spans did not reach http://127.0.0.1:1."]


def test_what_finds_no_room_on_disk_stays_in_memory(
    sink: Sink, make_exporter: MakeExporter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = sink.port
    sink.stop()
    spool = {"spool_dir": str(tmp_path), "spool_max_bytes": 600}
    exporter = make_exporter(f"http://127.0.0.1:{port}", **spool, batch_max_spans=10)
    for number in range(1, 101):
        exporter.on_end(make_span(number))
    assert not exporter.flush(0.5)
    sink.start(port)

    assert exporter.flush(10)
    assert len(sink.spans()) == 100
    assert any("cannot be put on disk" in message for message in said(caplog))


def test_a_server_on_another_machine_gets_compressed_bodies() -> None:
    assert Sender(Settings(endpoint="http://spanloom.example"))._compresses
    assert not Sender(Settings(endpoint="http://localhost:1"))._compresses
    assert not Sender(Settings(endpoint="http://h", compression="none"))._compresses


@pytest.mark.parametrize(("compression", "encoding"), [("gzip", "gzip"), ("auto", None)])
def test_compression_is_a_setting(
    sink: Sink, make_exporter: MakeExporter, compression: str, encoding: str | None
) -> None:
    exporter = make_exporter(sink.url, compression=compression)
    for number in range(1, 21):
        exporter.on_end(make_span(number))

    assert exporter.flush(10)
    assert sink.requests[-1].headers.get("Content-Encoding") == encoding
    assert len(sink.spans()) == 20


def test_a_server_may_name_the_moment_to_try_again() -> None:
    later = datetime.now(UTC) + timedelta(seconds=100)

    assert 90 < (_otlp._seconds(format_datetime(later)) or 0) <= 100
    assert _otlp._seconds(format_datetime(later - timedelta(days=1))) == 0
    assert _otlp._seconds("soon") is None
