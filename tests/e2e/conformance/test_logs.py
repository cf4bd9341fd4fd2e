"""Log records take the way of spans: the same rules, over real sockets."""

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.conformance.clients import LOGS, body, export, failure, post, status_of
from tests.support.otlp import log_record, logs_request, request, span
from tests.support.server import Server, running_server

_PATH = "/v1/logs"
_RESULT = {
    "gen_ai.evaluation.name": "relevance",
    "gen_ai.evaluation.score.value": 0.75,
    "gen_ai.evaluation.score.label": "relevant",
    "gen_ai.evaluation.explanation": "It answers.",
}
_Send = Callable[[Server, ExportLogsServiceRequest, str], ExportLogsServiceResponse]


def _by_http(
    server: Server, sent: ExportLogsServiceRequest, project: str
) -> ExportLogsServiceResponse:
    answer = post(server, sent, path=_PATH, x_spanloom_project=project)
    assert answer.status == 200
    return ExportLogsServiceResponse.FromString(answer.body)


def _by_http_on_the_main_port(
    server: Server, sent: ExportLogsServiceRequest, project: str
) -> ExportLogsServiceResponse:
    content = gzip.compress(sent.SerializeToString())
    answer = post(
        server,
        content,
        path=_PATH,
        base=server.endpoint,
        x_spanloom_project=project,
        content_encoding="gzip",
    )
    assert answer.status == 200
    return ExportLogsServiceResponse.FromString(answer.body)


def _by_grpc(
    server: Server, sent: ExportLogsServiceRequest, project: str
) -> ExportLogsServiceResponse:
    content = sent.SerializeToString()
    answer = export(server.otlp_grpc, content, method=LOGS, x_spanloom_project=project)
    return ExportLogsServiceResponse.FromString(answer)


_EACH_WAY = pytest.mark.parametrize("send", [_by_http, _by_http_on_the_main_port, _by_grpc])


def _detail(server: Server, project: str, of: Span) -> Any:
    path = f"/projects/{project}/traces/{of.trace_id.hex()}/spans/{of.span_id.hex()}"
    return server.get(path)


def _send_span(server: Server, sent: Span, project: str) -> None:
    assert server.export(request(sent).SerializeToString(), project).status == 200


@_EACH_WAY
@pytest.mark.parametrize("logs_come_first", [True, False])
def test_a_record_is_shown_with_its_span_whichever_comes_first(
    server: Server, send: _Send, logs_come_first: bool
) -> None:
    project, of = server.fresh_project(), span()
    sent = logs_request(log_record(of, "gen_ai.evaluation.result", attrs=_RESULT))
    if not logs_come_first:
        _send_span(server, of, project)
    assert send(server, sent, project) == ExportLogsServiceResponse()
    if logs_come_first:
        _send_span(server, of, project)

    detail = _detail(server, project, of)
    (score,), (record,) = detail["scores"], detail["logs"]
    assert (score["name"], score["value"], score["label"]) == ("relevance", 0.75, "relevant")
    assert score["explanation"] == "It answers."
    assert record["attributes"] == _RESULT


@_EACH_WAY
def test_records_without_ids_are_rejected_and_the_others_stored(
    server: Server, send: _Send
) -> None:
    project, of = server.fresh_project(), span()
    _send_span(server, of, project)
    stray = log_record(of, body="stray", trace_id=b"", span_id=b"")
    answer = send(server, logs_request(stray, log_record(of, body="kept"), stray), project)

    assert answer.partial_success.rejected_log_records == 2
    assert "only records with a trace id and a span id" in answer.partial_success.error_message
    assert [record["body"] for record in _detail(server, project, of)["logs"]] == ["kept"]


@_EACH_WAY
def test_a_request_that_is_sent_again_shows_its_records_once(server: Server, send: _Send) -> None:
    project, of = server.fresh_project(), span()
    _send_span(server, of, project)
    sent = logs_request(log_record(of, body="one"), log_record(of, body="two"))
    for _ in range(3):
        send(server, sent, project)

    assert [record["body"] for record in _detail(server, project, of)["logs"]] == ["one", "two"]


def test_an_empty_request_is_a_success(server: Server) -> None:
    answer = post(server, b"{}", path=_PATH, content_type="application/json")

    assert (answer.status, answer.json) == (200, {})
    assert export(server.otlp_grpc, b"", method=LOGS) == b""


def test_messages_in_json_become_input_and_output(server: Server) -> None:
    project, of = server.fresh_project(), span()
    ids = {"traceId": of.trace_id.hex(), "spanId": of.span_id.hex()}
    question = _json_event(ids, "1", "gen_ai.user.message", {"content": "2+2?"})
    answer = _json_event(ids, "2", "gen_ai.choice", {"message": {"content": "4"}})
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": [question, answer]}]}]}
    _send_span(server, of, project)
    sent = post(
        server,
        json.dumps(document).encode(),
        path=_PATH,
        content_type="application/json",
        x_spanloom_project=project,
    )

    assert (sent.status, sent.json) == (200, {})
    detail = _detail(server, project, of)
    assert detail["input"] == [{"role": "user", "content": "2+2?"}]
    assert detail["output"] == [{"role": "assistant", "content": "4"}]


def _json_event(ids: dict[str, str], time: str, name: str, content: Any) -> dict[str, Any]:
    return {**ids, "timeUnixNano": time, "eventName": name, "body": _json_value(content)}


def _json_value(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        pairs = [{"key": key, "value": _json_value(item)} for key, item in value.items()]
        return {"kvlistValue": {"values": pairs}}
    return {"stringValue": value}


def test_the_project_is_that_of_the_resource_as_for_spans(server: Server) -> None:
    project, of = server.fresh_project(), span()
    resource = {"service.name": project}
    server.export(request(of, resource=resource).SerializeToString())
    post(server, logs_request(log_record(of, body="x"), resource=resource), path=_PATH)

    assert [record["body"] for record in _detail(server, project, of)["logs"]] == ["x"]


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"\xff", {}, 400),
        (b"\xff", {"content_type": "application/json"}, 400),
        (body(), {}, 400),
        (b'{"resourceSpans": []}', {"content_type": "application/json"}, 400),
        (b"x", {"content_encoding": "gzip"}, 400),
        (b"", {"content_encoding": "br"}, 415),
        (b"", {"content_type": "text/plain"}, 415),
        (gzip.compress(bytes(65 * 1024**2)), {"content_encoding": "gzip"}, 413),
    ],
    ids=["protobuf", "JSON", "spans", "spans in JSON", "gzip", "encoding", "type", "bomb"],
)
def test_what_is_wrong_with_spans_is_wrong_with_logs(
    server: Server, content: bytes, headers: dict[str, str], status: int
) -> None:
    answer = post(server, content, path=_PATH, **headers)

    assert answer.status == status
    assert status_of(answer).message


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xff", grpc.StatusCode.INVALID_ARGUMENT),
        (body(), grpc.StatusCode.INVALID_ARGUMENT),
        (zlib.compress(bytes(65 * 1024**2)), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
    ids=["garbage", "spans", "bomb"],
)
def test_what_is_wrong_with_spans_is_wrong_with_logs_over_grpc(
    server: Server, content: bytes, code: grpc.StatusCode
) -> None:
    assert failure(server.otlp_grpc, content, method=LOGS).code == code


def test_a_full_journal_and_unknown_tokens_refuse_logs_too(tmp_path: Path) -> None:
    environment = {"SPANLOOM_TOKENS": "known", "SPANLOOM_JOURNAL_QUOTA_BYTES": "10"}
    sent = logs_request(log_record(span()))
    with running_server(tmp_path, environment=environment) as server:
        unknown = post(server, sent, path=_PATH)
        full = post(server, sent, path=_PATH, authorization="Bearer known")
        called = failure(server.otlp_grpc, sent.SerializeToString(), method=LOGS)

    assert (unknown.status, called.code) == (401, grpc.StatusCode.UNAUTHENTICATED)
    assert (full.status, full.headers["retry-after"]) == (503, "1")


def test_log_records_are_counted_apart_from_spans(tmp_path: Path) -> None:
    of = span()
    with running_server(tmp_path) as server:
        _by_http(server, logs_request(log_record(of), log_record(of, span_id=b"")), "p")
        text = server.request("GET", "/metrics", base=server.endpoint).body.decode()

    counted = 'spanloom_received_log_records_total{encoding="protobuf",transport="http"} 1.0'
    assert counted in text
    assert 'spanloom_rejected_log_records_total{reason="log_record_without_ids"} 1.0' in text
    assert "spanloom_received_spans_total{" not in text
