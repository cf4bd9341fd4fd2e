"""A server in a process of its own that takes whatever tracing clients send, and counts spans."""

import http.server
import json
import multiprocessing
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_GZIP_WINDOW_BITS = 31
_ANSWERS: dict[str, object] = {
    # What clients want to read before they begin.
    "/server_info": {"min_required_weave_python_version": "0.0.0", "trace_server_version": None},
    "/traces/server_info": {"min_required_weave_python_version": "0.0.0"},
    "/graphql": {
        "data": {
            "viewer": {"username": "bench", "defaultEntity": {"name": "bench"}},
            "project": {"name": "bench"},
        }
    },
    "/info": {
        "version": "0.10.0",
        "batch_ingest_config": {
            "use_multipart_endpoint": True,
            "scale_up_qsize_trigger": 1000,
            "scale_up_nthreads_limit": 16,
            "scale_down_nempty_trigger": 4,
            "size_limit": 100,
            "size_limit_bytes": 20 << 20,
        },
    },
}


@contextmanager
def running_sink() -> Iterator[str]:
    """Yield the base URL of a running sink."""
    ports: Any = multiprocessing.Queue()
    process = multiprocessing.Process(target=_serve, args=(ports,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ports.get(timeout=60)}"
    finally:
        process.terminate()
        process.join()


def forget_spans(url: str) -> None:
    """Let the count begin anew."""
    with urllib.request.urlopen(urllib.request.Request(f"{url}/kept", method="DELETE")):
        pass


def count_spans(url: str) -> int:
    """How many different spans came as OTLP since the count began."""
    with urllib.request.urlopen(f"{url}/kept", timeout=300) as answer:
        return int(answer.read())


def _serve(ports: Any) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Taker)
    server.daemon_threads = True
    ports.put(server.server_port)
    server.serve_forever()


class _Taker(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kept: list[bytes] = []  # noqa: RUF012  # of all connections

    def do_POST(self) -> None:
        body = self._body()
        if self.path.endswith("/v1/traces"):
            self.kept.append(body)
            self._answer(b"", "application/x-protobuf")
        else:
            self._answer_as_expected()

    do_PUT = do_POST  # noqa: N815  # the base's names
    do_PATCH = do_POST  # noqa: N815

    def do_GET(self) -> None:
        if self.path == "/kept":
            self._answer(str(_count(self.kept)).encode(), "text/plain")
        else:
            self._answer_as_expected()

    def do_DELETE(self) -> None:
        self.kept.clear()
        self._answer(b"", "text/plain")

    def _answer_as_expected(self) -> None:
        known = _ANSWERS.get(self.path.partition("?")[0], {"digest": "0" * 43})
        self._answer(json.dumps(known).encode(), "application/json")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _count(bodies: list[bytes]) -> int:
    ids = set()
    for body in bodies:
        raw = zlib.decompress(body, _GZIP_WINDOW_BITS) if body[:2] == b"\x1f\x8b" else body
        for resource in ExportTraceServiceRequest.FromString(raw).resource_spans:
            for scope in resource.scope_spans:
                ids.update(span.span_id for span in scope.spans)
    return len(ids)
