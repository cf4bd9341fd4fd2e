"""A small server that takes OTLP over HTTP, as the collector does, and keeps what it got."""

import gzip
import http.server
import threading
import time
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    message: ExportTraceServiceRequest

    def spans(self) -> list[Span]:
        return [
            span
            for resource_spans in self.message.resource_spans
            for scope_spans in resource_spans.scope_spans
            for span in scope_spans.spans
        ]

    def resource(self) -> dict[str, str]:
        attributes = self.message.resource_spans[0].resource.attributes
        return {each.key: each.value.string_value for each in attributes}


class Answer(NamedTuple):
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    hangs_up: bool = False
    """Closes the connection without having said so."""


@dataclass
class Sink:
    requests: list[Received] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    """Given in order instead of success."""
    delay_s: float = 0.0
    max_bytes: int | None = None
    """Longer bodies are refused, as by a proxy."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    """Digest to content."""
    puts: list[str] = field(default_factory=list)
    """Digests in the order in which they were stored."""
    blob_answers: list[Answer] = field(default_factory=list)
    """Given in order to whatever concerns blobs."""
    connection_count: int = 0

    def start(self, port: int = 0) -> None:
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take_spans(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if self.delay_s:
            time.sleep(self.delay_s)
        answer = self.answers.pop(0) if self.answers else Answer(200)
        if self.max_bytes is not None and len(body) > self.max_bytes:
            answer = Answer(413)
        if answer.status == 200:
            if headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            message = ExportTraceServiceRequest.FromString(body)
            self.requests.append(Received(path, headers, message))
        return answer

    def look_for_blob(self, digest: str) -> Answer:
        if self.blob_answers:
            return self.blob_answers.pop(0)
        return Answer(200 if digest in self.blobs else 404)

    def take_blob(self, digest: str, content: bytes) -> Answer:
        if self.blob_answers:
            return self.blob_answers.pop(0)
        self.puts.append(digest)
        self.blobs[digest] = content
        return Answer(200)

    def spans(self) -> list[Span]:
        return [span for request in list(self.requests) for span in request.spans()]

    def names(self) -> list[str]:
        return [span.name for span in self.spans()]

    def await_spans(self, count: int, timeout_s: float = 10.0) -> list[Span]:
        deadline = time.monotonic() + timeout_s
        while len(self.spans()) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.spans()


def attributes_of(span: Span) -> dict[str, object]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value") or "string_value")
        for each in span.attributes
    }


def partial_success(rejected_count: int, message: str) -> bytes:
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = rejected_count
    response.partial_success.error_message = message
    return response.SerializeToString()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet about clients that went away while they were being answered."""


def _digest_in(path: str) -> str:
    return unquote(path.rpartition("/")[2])


def _handler(sink: Sink) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            sink.connection_count += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._reply(sink.take_spans(self.path, dict(self.headers), body))

        def do_HEAD(self) -> None:
            self._reply(sink.look_for_blob(_digest_in(self.path)))

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._reply(sink.take_blob(_digest_in(self.path), body))

        def _reply(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = self.close_connection or answer.hangs_up

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
