"""What it costs to take spans in: rate, CPU, latency, memory and disk, of Spanloom and of peers.

    make bench NAME=ingest                                   every transport, 20 s each
    make bench NAME=ingest ARGS="--seconds 60 --transports grpc"
    make bench NAME=ingest ARGS="--peers --seconds 20"       with Phoenix and MLflow, from PyPI

Run it with nothing else running: server and load generator share the machine, and both are busy.

Each measurement starts a server of its own on an empty folder, with its settings as they come, and
a load generator in another process (`_load.py`), which sends prepared requests of 512 spans over
four connections as fast as they are acknowledged: model calls of 1.5 kB or 6.3 kB a span
(`_bodies.py`), eight to a trace, every id fresh. Two seconds of load warm the server up and do not
count. Columns:

acked/s    spans acknowledged, divided by the time of sending
visible/s  spans acknowledged, divided by the time from the first request until the API shows the
           last trace of every connection; Spanloom acknowledges after fdatasync, and inserts with
           fsync, so this is durable and visible. The stored number is compared with what was
           acknowledged, and a difference is an error
seen       from the acknowledgement of one small trace, sent twice a second during the load, until the
           API shows it, which is asked for ten times a second (p50 and p99)
CPU-s      CPU time of the whole server process per 100,000 spans, with merges: until it is idle
ack        latency of one-span gRPC requests, 500 a second, on an idle server (p50 and p99)
RSS        the most memory that the process has had
B/span     disk that the data folder takes when the server is idle, by span

Peers get the same requests, in turn with Spanloom, for as long, and then as long again to finish;
what they have stored by then counts. Phoenix takes gRPC and acknowledges before it stores; MLflow
takes HTTP and stores before it answers. Their spans are counted in their database.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from _bodies import MARK, fresh_mark, request
from _processes import cpu_seconds, disk_bytes, load_average, peak_rss_bytes
from _servers import Target, mlflow, phoenix, spanloom

WARM_UP_S = 2.0
PROBE_INTERVAL_S, ASK_INTERVAL_S = 0.5, 0.1
SETTLE_TIMEOUT_S = 300.0
IDLE_CPU_SHARE = 0.1
ACK_RATE, ACK_SECONDS, ACK_CONNECTIONS = 500, 10.0, 8

Start = Callable[[Path], AbstractContextManager[Target]]


class Measurement(NamedTuple):
    """One row of the table."""

    name: str
    transport: str
    size: str
    acked_per_s: float
    visible_per_s: float
    seen_p50_ms: float
    seen_p99_ms: float
    cpu_s_per_100k: float
    rss_bytes: int
    bytes_per_span: float
    refused: int
    generator_cpu_share: float


def measured(start: Start, transport: str, size: str, seconds: float) -> Measurement:
    """Start a server, load it, end it."""
    with tempfile.TemporaryDirectory(prefix="spanloom-bench-") as parent:
        folder = Path(parent) / "data"
        folder.mkdir()
        with start(folder) as target:
            return _measured(target, transport, size, seconds)


def _measured(target: Target, transport: str, size: str, seconds: float) -> Measurement:
    warm = _wait_stored(target, _load(target, transport, size, WARM_UP_S)["spans"], seconds)
    if not target.database:
        _wait_until_idle(target.pid)
    cpu_s, began = cpu_seconds(target.pid), time.monotonic()
    with _probing(target) as seen_s:
        load = _load(target, transport, size, seconds)
        stored = _wait_visible(target, load, warm, began, seconds) - warm
    visible_s = time.monotonic() - began
    if not target.database:  # a peer may go on with its backlog, which is not counted
        _wait_until_idle(target.pid)
    cpu_s = cpu_seconds(target.pid) - cpu_s
    if not target.database:
        _refuse_difference(target, warm + load["spans"] + seen_s.count)
    ordered = sorted(seen_s.latencies_s) or [float("nan")]
    return Measurement(
        name=target.name,
        transport=transport,
        size=size,
        acked_per_s=load["spans"] / load["seconds"],
        visible_per_s=stored / visible_s,
        seen_p50_ms=ordered[len(ordered) // 2] * 1_000,
        seen_p99_ms=ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1_000,
        cpu_s_per_100k=cpu_s / max(1, stored) * 100_000,
        rss_bytes=peak_rss_bytes(target.pid),
        bytes_per_span=disk_bytes(target.folder) / max(1, warm + stored),
        refused=load["refused"],
        generator_cpu_share=load["generator_cpu_s"] / load["seconds"],
    )


def _load(target: Target, transport: str, size: str, seconds: float, *more: str) -> Any:
    """Run the generator; its own preparation does not count."""
    headers = [f"--header={key}={value}" for key, value in target.headers.items()]
    command = [sys.executable, str(Path(__file__).with_name("_load.py"))]
    command += ["--transport", transport, "--address", target.addresses[transport]]
    command += ["--size", size, "--seconds", str(seconds), *headers, *more]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.readline()
            process.stdin.write("\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())
        finally:
            process.kill()


def _wait_visible(target: Target, load: Any, warm: int, began: float, seconds: float) -> int:
    """Wait until all is stored, a peer twice as long as was sent.

    Returns:
        The number of spans that are there.
    """
    if target.database:
        _wait_for(
            lambda: target.stored_spans() >= warm + load["spans"],
            began + 2 * seconds - time.monotonic(),
        )
        return target.stored_spans()
    for trace_id in load["last_trace_ids"]:
        if not _wait_for(lambda wanted=trace_id: target.has_trace(wanted), SETTLE_TIMEOUT_S):
            raise RuntimeError(f"trace {trace_id} was acknowledged and is not shown")
    return int(warm + load["spans"])


def _wait_stored(target: Target, spans: int, seconds: float) -> int:
    timeout_s = seconds if target.database else SETTLE_TIMEOUT_S
    _wait_for(lambda: target.stored_spans() >= spans, timeout_s)
    return target.stored_spans()


def _refuse_difference(target: Target, expected: int) -> None:
    stored = target.stored_spans()
    if stored != expected:
        raise RuntimeError(f"{expected} spans were acknowledged, {stored} are stored")


def _wait_until_idle(pid: int) -> None:
    """Let merges finish."""

    def idle() -> bool:
        before = cpu_seconds(pid)
        time.sleep(2)
        return cpu_seconds(pid) - before < 2 * IDLE_CPU_SHARE

    _wait_for(idle, 60)


def _wait_for(condition: Callable[[], bool], timeout_s: float, interval_s: float = 0.02) -> bool:
    deadline = time.monotonic() + timeout_s
    while not (done := condition()) and time.monotonic() < deadline:
        time.sleep(interval_s)
    return done


class Probes:
    """Small traces that are asked for until they are shown."""

    def __init__(self, target: Target) -> None:
        self.latencies_s: list[float] = []
        self.count = 0
        self._target = target
        self._body = request("small", 1, random.Random(0)).SerializeToString()

    def probe(self) -> None:
        mark = fresh_mark()
        headers = self._target.headers | {"content-type": "application/x-protobuf"}
        url = f"http://{self._target.addresses['http']}/v1/traces"
        sent = urllib.request.Request(url, self._body.replace(MARK, mark), headers)
        with urllib.request.urlopen(sent, timeout=60) as answer:
            answer.read()
        self.count += 1
        began, trace_id = time.monotonic(), mark.hex() + bytes(10).hex()
        if _wait_for(lambda: self._target.has_trace(trace_id), 120, ASK_INTERVAL_S):
            self.latencies_s.append(time.monotonic() - began)


@contextmanager
def _probing(target: Target) -> Iterator[Probes]:
    """Ask for small traces during the block; peers are not asked."""
    probes, stopped = Probes(target), threading.Event()

    def run() -> None:
        while not stopped.wait(PROBE_INTERVAL_S):
            probes.probe()

    thread = threading.Thread(target=run)
    if not target.database:
        thread.start()
    try:
        yield probes
    finally:
        stopped.set()
        if thread.is_alive():
            thread.join()


def print_ack_latency() -> None:
    """One-span gRPC requests at a steady rate."""
    with tempfile.TemporaryDirectory(prefix="spanloom-bench-") as parent:
        folder = Path(parent) / "data"
        folder.mkdir()
        with spanloom(folder) as target:
            steady = (f"--rate={ACK_RATE}", f"--connections={ACK_CONNECTIONS}", "--batch=1")
            _load(target, "grpc", "small", WARM_UP_S, *steady)
            cpu_s = cpu_seconds(target.pid)
            load = _load(target, "grpc", "small", ACK_SECONDS, *steady)
            cpu_share = (cpu_seconds(target.pid) - cpu_s) / load["seconds"]
    print(
        f"\nack of one-span gRPC requests, {load['requests'] / load['seconds']:.0f} a second: "
        f"p50 {load['ack_p50_ms']:.1f} ms, p99 {load['ack_p99_ms']:.1f} ms, "
        f"server {cpu_share:.0%} of a core, load average {load_average():.1f}"
    )


HEADER = (
    "| server | wire | size | acked/s | visible/s | seen p50/p99 ms | CPU-s/100k | RSS MB | B/span "
    "| refused | generator | load |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def print_row(row: Measurement) -> None:
    print(
        f"| {row.name} | {row.transport} | {row.size} | {row.acked_per_s:,.0f} "
        f"| {row.visible_per_s:,.0f} | {row.seen_p50_ms:.0f} / {row.seen_p99_ms:.0f} "
        f"| {row.cpu_s_per_100k:.1f} | {row.rss_bytes / 1e6:.0f} | {row.bytes_per_span:.0f} "
        f"| {row.refused} | {row.generator_cpu_share:.0%} | {load_average():.1f} |",
        flush=True,
    )


def run_alone(options: argparse.Namespace) -> None:
    """Spanloom over each transport with each size."""
    print(HEADER, flush=True)
    for transport in options.transports:
        for size in options.sizes:
            print_row(measured(spanloom, transport, size, options.seconds))
    print_ack_latency()


def run_with_peers(options: argparse.Namespace) -> None:
    """Spanloom and the peers in turn, then how often it is better."""
    print(HEADER, flush=True)
    for size in options.sizes:
        ours = measured(spanloom, "grpc", size, options.seconds)
        print_row(ours)
        for start, transport in ((phoenix, "grpc"), (mlflow, "http")):
            theirs = measured(start, transport, size, options.seconds)
            print_row(theirs)
            print(
                f"  {size}: {ours.visible_per_s / max(1.0, theirs.visible_per_s):.0f} times "
                f"{theirs.name}'s rate, 1/{theirs.cpu_s_per_100k / ours.cpu_s_per_100k:.0f} of its "
                f"CPU, 1/{theirs.bytes_per_span / ours.bytes_per_span:.1f} of its disk"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--transports", nargs="+", default=["grpc", "http", "json"])
    parser.add_argument("--sizes", nargs="+", default=["big", "small"])
    parser.add_argument("--peers", action="store_true", help="also measure Phoenix and MLflow")
    options = parser.parse_args()
    # Leave in order when told to end: every server that was started is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    (run_with_peers if options.peers else run_alone)(options)


if __name__ == "__main__":
    main()
