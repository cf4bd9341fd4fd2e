"""More than the collector can hold: it says so, shortly, and recovers.

The collector runs in this process, so that its bounds can be small; its sockets are real.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from prometheus_client import CollectorRegistry

from spanloom_collector.metrics import Metrics
from spanloom_collector.service import Collector
from spanloom_collector.settings import CollectorSettings
from spanloom_collector.storage.connect import Engine
from tests.e2e.conformance.clients import (
    TRACES,
    Failure,
    body,
    connected,
    export,
    failure,
    head,
    read_answer,
)
from tests.e2e.conformance.http2 import RST_STREAM, Http2Connection
from tests.support.server import Answer

_IN_FLIGHT_BYTES = 1_000_000
_BODY_TIMEOUT_S = 1.5


class _Running(NamedTuple):
    http: str
    grpc: str
    metrics: Metrics

    @property
    def in_flight_bytes(self) -> float:
        """Bytes that are held at the moment."""
        return self.metrics.registry.get_sample_value("spanloom_in_flight_bytes") or 0.0


@pytest.fixture
def start(embedded_engine: Engine, tmp_path: Path) -> Iterator[Callable[..., _Running]]:
    """Starts one collector with special settings."""
    collectors = []

    def begin(**special: float) -> _Running:
        settings = CollectorSettings(
            journal_dir=tmp_path, otlp_grpc_port=0, otlp_http_port=0, **special
        )
        metrics = Metrics(CollectorRegistry())
        collectors.append(Collector(settings, embedded_engine, metrics))
        ports = collectors[0].start()
        host = "127.0.0.1"
        return _Running(f"{host}:{ports.otlp_http}", f"{host}:{ports.otlp_grpc}", metrics)

    yield begin
    collectors[0].stop()


def _posted(collector: _Running, content: bytes) -> Answer:
    with connected(collector.http) as raw:
        raw.sendall(head(len(content)) + content)
        return read_answer(raw)


def _assert_retried_soon(posted: Answer, called: Failure) -> None:
    assert (posted.status, posted.headers["retry-after"]) == (503, "1")
    assert Status.FromString(posted.body).code == called.code.value[0]
    assert called.code == grpc.StatusCode.UNAVAILABLE
    direct = RetryInfo.FromString(called.trailers["google.rpc.retryinfo-bin"])
    status = Status.FromString(called.trailers["grpc-status-details-bin"])
    within = RetryInfo()
    assert status.details[0].Unpack(within)
    assert (status.code, status.message) == (14, called.details)
    assert direct.retry_delay.seconds == within.retry_delay.seconds == 1


def test_case_16_31_too_many_bytes_in_flight_are_refused_for_a_moment(
    start: Callable[..., _Running],
) -> None:
    collector = start(max_in_flight_bytes=_IN_FLIGHT_BYTES)
    content = body(attrs={"long": "x" * 200_000})
    slow = body(attrs={"long": "x" * (_IN_FLIGHT_BYTES - 50_000)})
    with connected(collector.http) as raw:
        raw.sendall(head(len(slow)) + slow[:-1])
        while collector.in_flight_bytes < _IN_FLIGHT_BYTES - 200_000:
            time.sleep(0.01)
        refused = _posted(collector, content)
        called = failure(collector.grpc, content)
        raw.sendall(slow[-1:])
        finished = read_answer(raw)

    _assert_retried_soon(refused, called)
    assert finished.status == 200
    assert _posted(collector, content).status == 200
    assert export(collector.grpc, content) == b""


def test_case_16_31_a_full_journal_is_refused_for_a_moment(
    start: Callable[..., _Running],
) -> None:
    collector = start(journal_quota_bytes=100)
    content = body(attrs={"long": "x" * 1000})

    _assert_retried_soon(_posted(collector, content), failure(collector.grpc, content))


def test_a_body_that_does_not_arrive_in_time_is_given_up(
    start: Callable[..., _Running],
) -> None:
    collector = start(body_timeout_s=_BODY_TIMEOUT_S)
    with connected(collector.http) as raw:
        began = time.monotonic()
        raw.sendall(head(100) + b"x")
        answer = read_answer(raw)
        rest = raw.recv(1)

    assert (answer.status, Status.FromString(answer.body).code, rest) == (408, 4, b"")
    assert _BODY_TIMEOUT_S <= time.monotonic() - began < _BODY_TIMEOUT_S + 2


def test_a_message_that_does_not_arrive_in_time_is_given_up(
    start: Callable[..., _Running],
) -> None:
    collector = start(body_timeout_s=_BODY_TIMEOUT_S)
    with connected(collector.grpc) as raw:
        connection = Http2Connection(raw)
        began = time.monotonic()
        stream = connection.begin(TRACES)
        end = connection.wait_for_end(stream)[-1]

    assert end.kind == RST_STREAM or b"grpc-status" in end.payload
    assert _BODY_TIMEOUT_S <= time.monotonic() - began < _BODY_TIMEOUT_S + 3
