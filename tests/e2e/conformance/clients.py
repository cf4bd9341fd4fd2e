"""Clients that can be as odd as a test needs: plain HTTP, gRPC, and bytes on a socket."""

import http.client
import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from tests.support.otlp import request, span
from tests.support.server import Answer, Server

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
_TIMEOUT_S = 30.0


def body(*names: str, **fields: Any) -> bytes:
    """A valid request with one span of each name."""
    return request(*(span(name, **fields) for name in names or ("call",))).SerializeToString()


def post(
    server: Server,
    content: bytes | Message,
    *,
    path: str = "/v1/traces",
    base: str | None = None,
    **headers: str,
) -> Answer:
    """POST protobuf, unless ``content_type`` says otherwise, to the port for OTLP/HTTP."""
    named = PROTOBUF | {key.replace("_", "-"): value for key, value in headers.items()}
    sent = content.SerializeToString() if isinstance(content, Message) else content
    return server.request("POST", path, body=sent, headers=named, base=base or server.otlp_http)


def post_json(server: Server, document: Any, **headers: str) -> Answer:
    """POST a document, or the bytes of one, as JSON."""
    sent = document if isinstance(document, bytes) else json.dumps(document).encode()
    return post(server, sent, content_type="application/json", **headers)


def status_of(answer: Answer) -> Status:
    """The ``google.rpc.Status`` of an answer, in whichever encoding it has."""
    if answer.headers["content-type"] == PROTOBUF["content-type"]:
        return Status.FromString(answer.body)
    return Status(code=answer.json["code"], message=answer.json["message"])


def export(
    address: str,
    content: bytes,
    *,
    method: str = TRACES,
    compression: grpc.Compression | None = None,
    timeout_s: float = _TIMEOUT_S,
    **metadata: str,
) -> bytes:
    """One gRPC call with these bytes as its message."""
    pairs = [(key.replace("_", "-"), value) for key, value in metadata.items()]
    options = [("grpc.max_send_message_length", -1), ("grpc.enable_retries", 0)]
    with grpc.insecure_channel(address, options=options) as channel:
        answer: bytes = channel.unary_unary(method)(
            content, timeout=timeout_s, metadata=pairs, compression=compression
        )
        return answer


class Failure(NamedTuple):
    """What a gRPC client learns of a call that failed."""

    code: grpc.StatusCode
    details: str
    trailers: dict[str, bytes | str]


def failure(address: str, content: bytes, **options: Any) -> Failure:
    """The failure of a gRPC call that must fail."""
    try:
        export(address, content, **options)
    except grpc.RpcError as error:
        return Failure(error.code(), error.details(), dict(error.trailing_metadata() or ()))
    raise AssertionError("the call succeeded")


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    """A bare connection to ``http://host:port`` or ``host:port``."""
    address = urlsplit(url if "//" in url else f"//{url}")
    with socket.create_connection((address.hostname, address.port), timeout=_TIMEOUT_S) as raw:
        yield raw


def head(
    length: int | None,
    *lines: str,
    content_type: str = PROTOBUF["content-type"],
    path: str = "/v1/traces",
) -> bytes:
    """The head of a POST; without a length its body is chunked."""
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    fields = ("host: test", f"content-type: {content_type}", framing, *lines)
    return "\r\n".join((f"POST {path} HTTP/1.1", *fields, "", "")).encode()


def read_answer(connection: socket.socket) -> Answer:
    """The next answer on a connection; what the server sent behind it is lost."""
    with http.client.HTTPResponse(connection) as response:
        response.begin()
        headers = {key.lower(): value for key, value in response.getheaders()}
        return Answer(response.status, response.read(), headers)


def read_status(connection: socket.socket) -> int:
    """The status of the next answer, read to its end and no further."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(1)
    (length,) = re.findall(rb"(?i)content-length: (\d+)", received)
    left = int(length)
    while left:
        left -= len(connection.recv(left))
    return int(received.split()[1])


def project_traces(server: Server, project: str) -> list[Any]:
    """The traces that a project shows."""
    traces: list[Any] = server.get(f"/projects/{project}/traces", limit=500)["traces"]
    return traces


def stored_span(server: Server, project: str, trace_id: bytes, span_id: bytes) -> Any:
    """A stored span as OTLP/JSON."""
    path = f"/projects/{project}/traces/{trace_id.hex()}/spans/{span_id.hex()}/otlp"
    return server.get(path)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
