"""What delivery costs an app: in a burst, and while its server fails in one way or another.

Run it with nothing else running::

    uv run python benchmarks/delivery.py

Each case is a program of its own that makes calls as fast as it can, flushes, and ends; the cases
alternate. Printed are medians: CPU of the calling thread per call, and its ratio to the case where
all is well; the time from the last line of the program to its end; how many calls arrived, then or
with the next program.
"""

import argparse
import gzip
import http.server
import json
import multiprocessing
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any, ClassVar

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import spanloom

MODES = ("well", "refuses", "hangs", "slow", "500", "503", "429", "nonsense", "no name")
SETTINGS = {"compression": "none"}


class Taker(http.server.BaseHTTPRequestHandler):
    """Keeps what it gets, and counts only when it is asked, so as not to disturb."""

    protocol_version = "HTTP/1.1"
    bodies: ClassVar[list[bytes]] = []
    mode = "well"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.mode == "hangs":
            time.sleep(60)
            self.close_connection = True
            return
        if self.mode == "slow":
            time.sleep(0.5)
        if self.mode == "nonsense":
            self.wfile.write(b"\x00\xff\x00\r\n\r\n")
            self.close_connection = True
            return
        if self.mode in ("well", "slow"):
            is_gzipped = self.headers["Content-Encoding"] == "gzip"
            self.bodies.append(gzip.decompress(body) if is_gzipped else body)
        self.answer(int(self.mode) if self.mode.isdigit() else 200, b"")

    def do_PUT(self) -> None:
        type(self).mode = self.path.strip("/")
        self.bodies.clear()
        self.answer(200, b"")

    def do_GET(self) -> None:
        ids = set()
        for body in self.bodies:
            for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope_spans in resource_spans.scope_spans:
                    ids.update(span.span_id for span in scope_spans.spans)
        self.answer(200, str(len(ids)).encode())

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet about programs that have gone."""


def serve(ports: Any) -> None:
    server = Server(("127.0.0.1", 0), Taker)
    ports.put(server.server_port)
    server.serve_forever()


def ask(url: str, method: str, path: str = "/") -> str:
    request = urllib.request.Request(f"{url}{path}", method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(answer.read().decode())


@spanloom.op
def work(x: int, y: str = "abc") -> int:
    return x


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def watch_rss(peak: list[int], ended: threading.Event) -> None:
    while not ended.wait(0.02):
        peak[0] = max(peak[0], rss_bytes())


def program(url: str, count: int, flush_s: float) -> None:
    """The instrumented app."""
    spanloom.init("benchmark", endpoint=url, settings=SETTINGS)
    for number in range(100):
        work(number)
    spanloom.flush(flush_s)
    before = rss_bytes()
    peak, ended = [before], threading.Event()
    watcher = threading.Thread(target=watch_rss, args=(peak, ended))
    watcher.start()
    cpu, wall = time.thread_time(), time.perf_counter()
    for number in range(count):
        work(number)
    cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
    started = time.perf_counter()
    is_flushed = spanloom.flush(flush_s)
    measured = {
        "cpu_us": cpu / count * 1e6,
        "wall_us": wall / count * 1e6,
        "flush_s": time.perf_counter() - started,
        "is_flushed": is_flushed,
    }
    ended.set()
    watcher.join()
    measured["growth_mb"] = (max(peak[0], rss_bytes()) - before) / 1e6
    print(json.dumps(measured), flush=True)


def run(url: str, spool: Path, count: int, flush_s: float) -> dict[str, float]:
    command = [sys.executable, __file__, "--program", url, str(count), str(flush_s)]
    environment = os.environ | {"SPANLOOM_SPOOL_DIR": str(spool)}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    started = time.perf_counter()
    process.wait(120)
    process.stdout.close()
    measured: dict[str, float] = json.loads(line)
    return {**measured, "exit_s": time.perf_counter() - started}


def run_case(mode: str, url: str, count: int) -> dict[str, float]:
    """Run one program against a server in a mode, and another one when all is well again."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
        free_port = free.getsockname()[1]
        free.close()
        ask(url, "PUT", f"/{mode.replace(' ', '-')}")
        target = {"refuses": f"http://127.0.0.1:{free_port}", "no name": "http://spanloom.invalid"}
        measured = run(target.get(mode, url), Path(folder), count, 0.2 if mode != "well" else 30.0)
        ask(url, "PUT", "/well") if mode not in ("well", "slow") else None
        sync = [sys.executable, "-m", "spanloom_query", "sync", "--endpoint", url]
        subprocess.run([*sync, "--spool-dir", folder], capture_output=True, check=False)
        return {**measured, "arrived": int(ask(url, "GET"))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--program", nargs=3, metavar=("URL", "CALLS", "FLUSH_S"))
    options = parser.parse_args()
    if options.program:
        program(options.program[0], int(options.program[1]), float(options.program[2]))
        return
    ports: Any = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(ports,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{ports.get()}"
    bursts = [run_case("well", url, 100_000) for _ in range(3)]
    burst = {key: statistics.median(each[key] for each in bursts) for key in bursts[0]}
    print(
        f"100,000 calls: {burst['wall_us']:.1f} us/call, flush {burst['flush_s']:.2f} s,"
        f" {burst['growth_mb']:.0f} MB more memory at most, {burst['arrived'] - 100:.0f} arrived"
    )
    rounds = [
        {mode: run_case(mode, url, options.calls) for mode in MODES} for _ in range(options.rounds)
    ]
    for mode in MODES:
        median = {
            key: statistics.median(each[mode][key] for each in rounds) for key in rounds[0][mode]
        }
        ratio = statistics.median(each[mode]["cpu_us"] / each["well"]["cpu_us"] for each in rounds)
        print(
            f"{mode:10} {median['cpu_us']:6.1f} us/call  {ratio:5.2f}x  exit {median['exit_s']:4.1f} s"
            f"  {median['arrived'] - 100:.0f} of {options.calls} arrived"
        )
    server.terminate()
    server.join()


if __name__ == "__main__":
    main()
