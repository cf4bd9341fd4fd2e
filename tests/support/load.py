"""Senders that keep a ledger of what was acknowledged, and the check that it is all there once."""

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import grpc

from tests.support.otlp import request, span
from tests.support.server import Server

_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_TIMEOUT_S = 10.0
_PAUSE_AFTER_REFUSAL_S = 0.02
_PAGE_SIZE = 500
_OK = "ok"


class Trace(NamedTuple):
    """One request that is one trace."""

    trace_id: str
    span_count: int
    body: bytes


def made_trace(chance: random.Random) -> Trace:
    """A trace of one to twenty spans; most are small, some take hundreds of kilobytes."""
    trace_id, span_count = chance.randbytes(16), chance.randint(1, 20)
    size_bytes = chance.choice((0, 100, 1_000, 1_000, 4_000, 20_000))
    spans = [
        span(f"span-{number}", trace_id=trace_id, attrs={"text": "x" * size_bytes})
        for number in range(span_count)
    ]
    return Trace(trace_id.hex(), span_count, request(*spans).SerializeToString())


def small_trace(_chance: random.Random) -> Trace:
    """A trace of one span, and a pause: from each sender a hundred a second at most."""
    time.sleep(0.01)
    only = span()
    return Trace(only.trace_id.hex(), 1, request(only).SerializeToString())


@dataclass
class Ledger:
    """What was sent to one project, and which of it the server promised to keep."""

    project: str
    sent: dict[str, Trace] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def unclear(self) -> list[Trace]:
        """Sent, but not acknowledged: a client would send these again."""
        return [trace for name, trace in self.sent.items() if name not in self.acknowledged]


class Sender(Protocol):
    """One connection of one client."""

    def send(self, body: bytes) -> str:
        """Send a request: "ok", or the name of the refusal."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


class HttpSender:
    """OTLP/HTTP on a connection that is kept open."""

    def __init__(self, endpoint: str, project: str) -> None:
        self._connection = http.client.HTTPConnection(
            endpoint.removeprefix("http://"), timeout=_TIMEOUT_S
        )
        self._headers = {"content-type": "application/x-protobuf", "x-spanloom-project": project}

    def send(self, body: bytes) -> str:
        """Send a request."""
        try:
            self._connection.request("POST", "/v1/traces", body, self._headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return f"http {type(error).__name__}"
        return _OK if answer.status == 200 else f"http {answer.status}"

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


class GrpcSender:
    """OTLP/gRPC on a channel of its own."""

    def __init__(self, address: str, project: str) -> None:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        self._channel = grpc.insecure_channel(address, options)
        self._export = self._channel.unary_unary(_EXPORT)
        self._metadata = (("x-spanloom-project", project),)

    def send(self, body: bytes) -> str:
        """Send a request."""
        try:
            self._export(body, timeout=_TIMEOUT_S, metadata=self._metadata)
        except grpc.RpcError as error:
            return f"grpc {error.code().name}"  # type: ignore[attr-defined]
        return _OK

    def close(self) -> None:
        """End the connection."""
        self._channel.close()


def senders_to(server: Server, project: str, count: int = 4) -> list[Sender]:
    """Connections of both kinds, in turn."""
    return [
        HttpSender(server.otlp_http, project)
        if number % 2
        else GrpcSender(server.otlp_grpc, project)
        for number in range(count)
    ]


@contextmanager
def load_on(
    server: Server,
    ledger: Ledger,
    chance: random.Random,
    *,
    sender_count: int = 4,
    make: Callable[[random.Random], Trace] = made_trace,
) -> Iterator[None]:
    """Send from several threads, as fast as the answers come, until the block is left."""
    stopped = threading.Event()
    senders = senders_to(server, ledger.project, sender_count)
    threads = [
        threading.Thread(
            target=_send_until, args=(stopped, sender, ledger, random.Random(chance.random()), make)
        )
        for sender in senders
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
        for sender in senders:
            sender.close()


def _send_until(
    stopped: threading.Event,
    sender: Sender,
    ledger: Ledger,
    chance: random.Random,
    make: Callable[[random.Random], Trace],
) -> None:
    while not stopped.is_set():
        trace = make(chance)
        ledger.sent[trace.trace_id] = trace
        outcome = sender.send(trace.body)
        ledger.outcomes[outcome] += 1
        if outcome == _OK:
            ledger.acknowledged.add(trace.trace_id)
        else:
            stopped.wait(_PAUSE_AFTER_REFUSAL_S)


def send_again(server: Server, ledger: Ledger) -> None:
    """Send what was not acknowledged once more, as a client would, until it is acknowledged."""
    sender = GrpcSender(server.otlp_grpc, ledger.project)
    for trace in ledger.unclear:
        while (outcome := sender.send(trace.body)) != _OK:
            assert outcome == "grpc UNAVAILABLE"
            time.sleep(_PAUSE_AFTER_REFUSAL_S)
        ledger.acknowledged.add(trace.trace_id)
    sender.close()


def assert_kept(server: Server, ledger: Ledger, timeout_s: float = 60) -> None:
    """Everything acknowledged is shown, nothing twice, and what is shown is shown whole.

    Args:
        server: where to look.
        ledger: what was sent.
        timeout_s: how long the table may take to catch up with a backlog.
    """
    deadline = time.monotonic() + timeout_s
    shown = _shown(server, ledger.project)
    while ledger.acknowledged - shown.keys() and time.monotonic() < deadline:
        time.sleep(0.2)
        shown = _shown(server, ledger.project)
    lost = ledger.acknowledged - shown.keys()
    assert not lost, f"{len(lost)} of {len(ledger.acknowledged)} acknowledged traces are lost"
    wrong = {
        name: (count, ledger.sent[name].span_count)
        for name, count in shown.items()
        if count != ledger.sent[name].span_count
    }
    assert not wrong, f"spans shown against spans sent: {wrong}"


def _shown(server: Server, project: str) -> dict[str, int]:
    """Span counts by trace; no trace may come twice."""
    counts: dict[str, int] = {}
    cursor = None
    while True:
        parameters = {"limit": _PAGE_SIZE} | ({"cursor": cursor} if cursor else {})
        page = server.get(f"/projects/{project}/traces", **parameters)
        for trace in page["traces"]:
            assert trace["trace_id"] not in counts, f"{trace['trace_id']} is shown twice"
            counts[trace["trace_id"]] = trace["span_count"]
        cursor = page["next_cursor"]
        if cursor is None:
            return counts
