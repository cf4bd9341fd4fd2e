"""OTLP as clients meet it: statuses, bodies and headers of both transports."""

import gzip
import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from spanloom_collector.pipeline.otlp_json import request_from_json
from tests.support.otlp import normalised, request, single_spans, span
from tests.support.server import Answer, Server, running_server

_PROTOBUF = {"content-type": "application/x-protobuf"}
_JSON = {"content-type": "application/json"}
_CAPTURED = sorted((Path(__file__).parents[1] / "fixtures" / "otlp").glob("*.pb"))
_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def _body() -> bytes:
    return request(span()).SerializeToString()


def _post(server: Server, body: bytes, path: str = "/v1/traces", **headers: str) -> Answer:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return server.request("POST", path, body=body, headers=_PROTOBUF | named, base=server.otlp_http)


def _export(server: Server, body: bytes, **metadata: str) -> bytes:
    with grpc.insecure_channel(server.otlp_grpc) as channel:
        call = channel.unary_unary(_METHOD)
        pairs = [(key.replace("_", "-"), value) for key, value in metadata.items()]
        answer: bytes = call(body, timeout=30, metadata=pairs)
        return answer


def _refused(server: Server, body: bytes, method: str = _METHOD) -> grpc.RpcError:
    with grpc.insecure_channel(server.otlp_grpc) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(method)(body, timeout=30)
        return caught.value


def test_success_is_an_empty_message_in_the_encoding_of_the_request(server: Server) -> None:
    protobuf = _post(server, _body())
    json_ = _post(server, b"{}", content_type="application/json")

    assert (protobuf.status, protobuf.body) == (200, b"")
    assert protobuf.headers["content-type"] == "application/x-protobuf"
    assert (json_.status, json_.json) == (200, {})
    assert json_.headers["content-type"] == "application/json"


@pytest.mark.parametrize("content_type", ["Application/X-Protobuf; charset=utf-8"])
def test_content_types_are_read_as_http_has_them(server: Server, content_type: str) -> None:
    assert _post(server, _body(), content_type=content_type).status == 200


@pytest.mark.parametrize("port", ["main", "otlp"])
def test_both_http_ports_take_spans(server: Server, port: str) -> None:
    project = server.fresh_project()
    base = server.endpoint if port == "main" else server.otlp_http
    headers = _PROTOBUF | {"x-spanloom-project": project}
    server.request("POST", "/v1/traces", body=_body(), headers=headers, base=base)

    assert len(server.get(f"/projects/{project}/traces")["traces"]) == 1


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content_type": "text/plain"}, b"", 415),
        ({"content_encoding": "zstd"}, b"x", 415),
        ({"content_encoding": "gzip"}, b"no gzip", 400),
        ({}, b"\xff\xff", 400),
        ({"content_type": "application/json"}, b"{", 400),
        ({"content_type": "application/json"}, b'{"resourceSpans": 1}', 400),
        ({"x_spanloom_project": "a/b/c"}, b"", 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_read_is_refused_with_a_status(
    server: Server, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = _post(server, body, **headers)

    assert answer.status == status
    message = (
        Status.FromString(answer.body).message
        if answer.headers["content-type"] == "application/x-protobuf"
        else answer.json["message"]
    )
    assert message


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/traces", 405), ("POST", "/v1/nope", 404), ("POST", "/nope", 404)],
)
def test_other_methods_and_paths_are_told_apart(
    server: Server, method: str, path: str, status: int
) -> None:
    body = b"" if method == "POST" else None
    answer = server.request(method, path, body=body, headers=_JSON, base=server.otlp_http)

    assert answer.status == status


@pytest.mark.parametrize("signal", ["logs", "metrics"])
def test_other_signals_are_answered_with_a_note(server: Server, signal: str) -> None:
    answer = _post(server, b"{}", f"/v1/{signal}", content_type="application/json")

    assert answer.status == 200
    assert answer.json == {"partialSuccess": {"errorMessage": f"{signal} are not stored"}}


def test_a_bomb_is_refused_quickly(server: Server) -> None:
    bomb = gzip.compress(b"\0" * (200 * 1024**2), 9)
    began = time.monotonic()
    answer = _post(server, bomb, content_encoding="gzip")

    assert answer.status == 413
    assert time.monotonic() - began < 5


def test_too_large_a_body_is_refused_before_it_is_sent(server: Server) -> None:
    address = urlsplit(server.otlp_http)
    connection = http.client.HTTPConnection(address.netloc, timeout=30)
    connection.putrequest("POST", "/v1/traces")
    connection.putheader("content-type", "application/x-protobuf")
    connection.putheader("content-length", str(10 * 1024**3))
    connection.endheaders()
    answer = connection.getresponse()
    connection.close()

    assert answer.status == 413


def test_invalid_spans_are_rejected_and_the_others_stored(server: Server) -> None:
    project = server.fresh_project()
    sent = request(span("good"), span("bad", trace_id=b"x"), resource={"service.name": project})
    answer = _post(server, sent.SerializeToString())

    response = ExportTraceServiceResponse.FromString(answer.body)
    assert response.partial_success.rejected_spans == 1
    (trace,) = server.get(f"/projects/{project}/traces")["traces"]
    assert trace["name"] == "good"


def test_logs_sent_to_the_address_for_traces_are_recognised(server: Server) -> None:
    record = LogRecord(time_unix_nano=1, observed_time_unix_nano=2)
    logs = ResourceLogs(scope_logs=[ScopeLogs(log_records=[record])])
    sent = ExportLogsServiceRequest(resource_logs=[logs])
    answer = _post(server, sent.SerializeToString())

    response = ExportTraceServiceResponse.FromString(answer.body)
    assert "logs" in response.partial_success.error_message


def test_grpc_stores_spans(server: Server) -> None:
    project = server.fresh_project()

    assert _export(server, _body(), x_spanloom_project=project) == b""
    assert len(server.get(f"/projects/{project}/traces")["traces"]) == 1


def test_grpc_tells_malformed_messages_from_its_own_faults(server: Server) -> None:
    assert _refused(server, b"\xff\xff").code() == grpc.StatusCode.INVALID_ARGUMENT
    assert _refused(server, b"", "/x.Y/Z").code() == grpc.StatusCode.UNIMPLEMENTED
    assert _refused(server, b"\0" * (65 * 1024**2)).code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_two_hundred_concurrent_calls_are_all_answered(server: Server) -> None:
    project = server.fresh_project()
    with grpc.insecure_channel(server.otlp_grpc) as channel:
        call = channel.unary_unary(_METHOD)
        metadata = [("x-spanloom-project", project)]
        futures = [call.future(_body(), timeout=60, metadata=metadata) for _ in range(200)]
        assert [future.result() for future in futures] == [b""] * 200

    traces = server.get(f"/projects/{project}/traces", limit=500)["traces"]
    assert len(traces) == 200


def test_the_same_request_twice_is_stored_once(server: Server) -> None:
    project = server.fresh_project()
    body = _body()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: server.export(body, project), range(8)))

    (trace,) = server.get(f"/projects/{project}/traces")["traces"]
    assert trace["span_count"] == 1


def test_tokens_guard_writing_and_reading(tmp_path: Path) -> None:
    environment = {"SPANLOOM_TOKENS": "all,mine=my-project"}
    with running_server(tmp_path, environment=environment) as guarded:
        sent = request(span("guarded")).SerializeToString()
        mine = {"authorization": "Bearer mine"}
        refused = guarded.request("POST", "/v1/traces", body=sent, headers=_PROTOBUF)
        stored = guarded.request("POST", "/v1/traces", body=sent, headers=_PROTOBUF | mine)
        anonymous = guarded.request("GET", "/api/v1/projects")
        own = guarded.request("GET", "/api/v1/projects/my-project/traces", headers=mine)
        other = guarded.request("GET", "/api/v1/projects/other/traces", headers=mine)
        with pytest.raises(grpc.RpcError) as caught:
            _export(guarded, sent)

    assert Status.FromString(refused.body).code == 16
    assert [refused.status, stored.status, anonymous.status, other.status] == [401, 200, 401, 403]
    assert anonymous.headers["content-type"] == "application/problem+json"
    assert own.json["traces"][0]["name"] == "guarded"
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("body", _CAPTURED, ids=lambda path: path.stem)
def test_a_captured_body_is_stored_and_listed(server: Server, body: Path) -> None:
    project = server.fresh_project()
    assert server.export(body.read_bytes(), project).status == 200

    sent = list(single_spans(ExportTraceServiceRequest.FromString(body.read_bytes())))
    sent_ids = {one.resource_spans[0].scope_spans[0].spans[0].trace_id.hex() for one in sent}
    traces = server.get(f"/projects/{project}/traces")["traces"]
    assert sum(trace["span_count"] for trace in traces) == len(sent)
    assert {trace["trace_id"] for trace in traces} == sent_ids


@pytest.mark.parametrize("body", _CAPTURED, ids=lambda path: path.stem)
def test_captured_spans_come_back_without_loss(server: Server, body: Path) -> None:
    project = server.fresh_project()
    server.export(body.read_bytes(), project)
    sent = ExportTraceServiceRequest.FromString(body.read_bytes())
    for one in single_spans(sent):
        item = one.resource_spans[0].scope_spans[0].spans[0]
        path = f"/traces/{item.trace_id.hex()}/spans/{item.span_id.hex()}/otlp"
        document = server.get(f"/projects/{project}{path}")

        assert normalised(request_from_json(json.dumps(document).encode())) == normalised(one)
