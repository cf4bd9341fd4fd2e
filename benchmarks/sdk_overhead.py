"""What an op costs the calling thread, against a plain OpenTelemetry span that records nothing.

Run it with nothing else running::

    uv run python benchmarks/sdk_overhead.py

Each case is timed in CPU time of the calling thread, in rounds that alternate between the op and
the plain span with OpenTelemetry's own batch processor and OTLP exporter; both send to a server in
another process that takes everything. Printed are the medians of the rounds and their ratio.
"""

import argparse
import asyncio
import http.server
import multiprocessing
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer

import spanloom

IMPORT_ROUNDS = 10


class Case(NamedTuple):
    name: str
    call_count: int
    op: Callable[[], object]
    plain: Callable[[], object]


class Taker(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def serve(ports: Any) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    ports.put(server.server_port)
    server.serve_forever()


def body(x: Any, y: str = "abc") -> Any:
    return x


async def body_later(x: int) -> int:
    return x


def big_value() -> dict[str, Any]:
    row = {"text": "lorem ipsum dolor sit amet " * 4, "n": [1, 2, 3]}
    return {f"key{number}": row for number in range(7000)}


def cases(tracer: Tracer) -> list[Case]:
    op, op_later = spanloom.op(body), spanloom.op(body_later)

    def plain(x: Any, y: str = "abc") -> Any:
        with tracer.start_as_current_span("body"):
            return body(x, y)

    async def plain_later(x: int) -> int:
        with tracer.start_as_current_span("body_later"):
            return await body_later(x)

    text, value = "hello world " * 340, big_value()

    def gathered(function: Callable[[int], Any]) -> Callable[[], object]:
        async def main() -> None:
            await asyncio.gather(*(function(n) for n in range(500)))

        return lambda: asyncio.run(main())

    def tree(function: Callable[..., Any]) -> Callable[[], object]:
        def grow(depth: int) -> None:
            function(depth)
            for _ in range(3 if depth else 0):
                grow(depth - 1)

        return lambda: grow(4)

    return [
        Case("root call", 1, lambda: op(1), lambda: plain(1)),
        Case("4 kB in and out", 1, lambda: op(text), lambda: plain(text)),
        Case("1 MB dict in and out", 1, lambda: op(value), lambda: plain(value)),
        Case("500 async tasks", 500, gathered(op_later), gathered(plain_later)),
        Case("121 calls", 121, tree(op), tree(plain)),
    ]


def cpu_us(function: Callable[[], object], call_count: int, target_s: float) -> float:
    function()
    repeats, elapsed_ns = 0, 0
    while elapsed_ns < target_s * 1e9:
        started = time.thread_time_ns()
        for _ in range(max(1, 100 // call_count)):
            function()
            repeats += 1
        elapsed_ns += time.thread_time_ns() - started
    return elapsed_ns / repeats / call_count / 1000


def import_ms(module: str) -> float:
    code = f"import time\n{module}\nprint(time.process_time_ns())"

    def once() -> int:
        command = [sys.executable, "-c", code]
        return int(subprocess.run(command, capture_output=True, check=True).stdout)

    return min(once() for _ in range(IMPORT_ROUNDS)) / 1e6


def burst(count: int) -> str:
    op = spanloom.op(body)
    started = time.perf_counter()
    for number in range(count):
        op(number)
    calls_s = time.perf_counter() - started
    delivered = spanloom.flush(timeout_s=60)
    total_s = time.perf_counter() - started
    outcome = "all delivered" if delivered else "NOT all delivered"
    return f"{count} calls at once: {calls_s / count * 1e6:.1f} us/call, {total_s:.1f} s, {outcome}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--round-s", type=float, default=0.2)
    options = parser.parse_args()
    ports: Any = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(ports,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{ports.get()}"
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    spanloom.init("benchmark", endpoint=url)
    for case in cases(provider.get_tracer("plain")):
        rounds = [
            (
                cpu_us(case.op, case.call_count, options.round_s),
                cpu_us(case.plain, case.call_count, options.round_s),
            )
            for _ in range(options.rounds)
        ]
        op_us, plain_us = (statistics.median(column) for column in zip(*rounds, strict=True))
        ratio = op_us / plain_us
        print(f"{case.name:22} op {op_us:9.1f} us  span {plain_us:7.1f} us  {ratio:6.2f}x")
        spanloom.flush(30)
    print(burst(100_000))
    bare_ms = import_ms("pass")
    for module in ("import opentelemetry.sdk.trace", "import spanloom", "import pydantic"):
        print(f"{module:32} {import_ms(module) - bare_ms:6.1f} ms CPU above bare Python")
    init_ms = import_ms("import spanloom; spanloom.init('p')") - bare_ms
    print(f"{'import spanloom and init':32} {init_ms:6.1f} ms CPU above bare Python")
    spanloom.finish()
    provider.shutdown()
    server.terminate()
    server.join()


if __name__ == "__main__":
    main()
