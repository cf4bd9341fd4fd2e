"""What spans mean: which are kept, how, and once. A test's number is that of the case it holds."""

import json
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from spanloom_collector.pipeline.otlp_json import request_from_json
from tests.e2e.conformance.clients import (
    body,
    export,
    failure,
    post,
    project_traces,
    status_of,
    stored_span,
)
from tests.support.otlp import any_value, full_request, normalised, request, span
from tests.support.server import Server


def _posted(server: Server, sent: Message, project: str) -> ExportTraceServiceResponse:
    answer = post(server, sent, x_spanloom_project=project)
    assert answer.status == 200, answer.body
    return ExportTraceServiceResponse.FromString(answer.body)


def _read_back(server: Server, project: str, sent: Span) -> Any:
    return stored_span(server, project, sent.trace_id, sent.span_id)


@pytest.mark.parametrize(
    "fields",
    [
        {"trace_id": b"x"},
        {"trace_id": bytes(16)},
        {"trace_id": b"x" * 32},
        {"span_id": b""},
        {"span_id": bytes(8)},
        {"span_id": b"x" * 16},
        {"parent_span_id": b"x"},
    ],
    ids=str,
)
def test_case_38_invalid_spans_are_rejected_and_the_others_stored(
    server: Server, fields: dict[str, Any]
) -> None:
    project = server.fresh_project()
    response = _posted(server, request(span("good"), span("bad", **fields)), project)

    assert response.partial_success.rejected_spans == 1
    assert "is not" in response.partial_success.error_message
    assert [trace["name"] for trace in project_traces(server, project)] == ["good"]


def test_case_39_a_warning_without_rejections_has_a_text(server: Server) -> None:
    answer = post(server, b"", path="/v1/metrics")
    response = ExportMetricsServiceResponse.FromString(answer.body)

    assert response.partial_success.rejected_data_points == 0
    assert response.partial_success.error_message


def test_case_40_an_answer_about_many_faults_is_short(server: Server) -> None:
    faults: list[dict[str, Any]] = [
        {"trace_id": b"x" * length, "kind": length, "name": "n" * 100} for length in range(16)
    ]
    spans = [span(**fault) for fault in faults for _ in range(500)]
    response = _posted(server, request(*spans), server.fresh_project())

    assert response.partial_success.rejected_spans == len(spans)
    assert response.ByteSize() < 4096


def test_case_40_an_answer_does_not_repeat_what_was_sent(server: Server) -> None:
    long = "x" * 60_000
    answers = [
        post(server, b"", content_encoding=long),
        post(server, b"", x_spanloom_project=long),
        post(server, f'{{"resourceSpans": "{long}"}}'.encode(), content_type="application/json"),
    ]

    assert [answer.status for answer in answers] == [415, 400, 400]
    assert max(len(answer.body) for answer in answers) < 4096
    assert len(failure(server.otlp_grpc, b"", x_spanloom_project="é" * 500).details) < 4096


_VALUES: dict[str, Any] = {
    "no value": None,
    "": "an empty key",
    "bytes": b"\x00\xff",
    "map": {"a": {"b": [b"c"]}},
    "mixed": [1, "two", 3.0, [True, None]],
    "nan": math.nan,
    "infinities": [math.inf, -math.inf],
    "extremes": [-(2**63), 2**63 - 1],
    "minus zero": -0.0,
}


def test_case_41_every_kind_of_value_is_kept(server: Server) -> None:
    project = server.fresh_project()
    sent = span(attrs=_VALUES)
    response = _posted(server, request(sent), project)
    document = _read_back(server, project, sent)
    (kept,) = [item for item in _only_span(document).attributes if item.key == ""]

    assert not response.HasField("partial_success")
    assert normalised(_only_span(document)) == normalised(sent)
    assert kept.value.string_value == "an empty key"


def _only_span(document: Any) -> Span:

    wrapped = {"resourceSpans": [{"scopeSpans": [{"spans": [document]}]}]}
    parsed = request_from_json(json.dumps(wrapped).encode())
    return parsed.resource_spans[0].scope_spans[0].spans[0]


def test_case_41_the_last_of_duplicate_keys_wins(server: Server) -> None:
    project = server.fresh_project()
    twice = [KeyValue(key="k", value=any_value(value)) for value in ("first", "last")]
    sent = span()
    sent.attributes.extend(twice)
    _posted(server, request(sent), project)

    document = _read_back(server, project, sent)
    assert document["attributes"] == [{"key": "k", "value": {"stringValue": "last"}}]


def test_case_41_forty_levels_of_nesting_are_kept(server: Server) -> None:
    project = server.fresh_project()
    value: Any = "core"
    for _ in range(40):
        value = [value]
    sent = span(attrs={"deep": value})
    _posted(server, request(sent), project)

    assert normalised(_only_span(_read_back(server, project, sent))) == normalised(sent)


@pytest.mark.parametrize("depth", [60, 5_000])
def test_case_41_absurd_nesting_is_refused(server: Server, depth: int) -> None:
    value = b"\x0a\x01x"
    for _ in range(depth):  # an AnyValue with an array of one AnyValue
        for tag in (b"\x0a", b"\x2a"):
            value = tag + _varint(len(value)) + value
    for tag in (b"\x12", b"\x4a", b"\x12", b"\x12", b"\x0a"):  # value, attributes, spans, scopes
        value = tag + _varint(len(value)) + value

    assert post(server, value).status == 400


def _varint(value: int) -> bytes:
    low = bytes((value & 0x7F | (0x80 if value > 0x7F else 0),))
    return low + (_varint(value >> 7) if value > 0x7F else b"")


@pytest.mark.parametrize(
    ("start", "end", "rejected"),
    [
        (0, 0, 0),
        (0, 1, 0),
        (2_000_000_000_000_000_000, 1, 0),
        (2**63 - 1, 2**63 - 1, 0),
        (2**63, 2**63, 1),
        (2**64 - 1, 2**64 - 1, 1),
    ],
)
def test_case_42_any_time_is_stored_or_rejected_with_its_reason(
    server: Server, start: int, end: int, rejected: int
) -> None:
    project = server.fresh_project()
    sent = span(start_time_unix_nano=start, end_time_unix_nano=end)
    response = _posted(server, request(sent), project)

    assert response.partial_success.rejected_spans == rejected
    if not rejected:
        document = _read_back(server, project, sent)
        assert int(document.get("startTimeUnixNano", 0)) == start


def test_case_43_every_field_is_kept(server: Server) -> None:
    project = server.fresh_project()
    sent = full_request()
    _posted(server, sent, project)
    item = sent.resource_spans[0].scope_spans[0].spans[0]
    path = f"/traces/{item.trace_id.hex()}/spans/{item.span_id.hex()}/otlp"
    answer = server.request("GET", f"/api/v1/projects/{project}{path}")

    assert normalised(request_from_json(answer.body)) == normalised(sent)


def test_case_44_spans_without_resource_and_scope_are_stored(server: Server) -> None:
    project = server.fresh_project()
    bare = ResourceSpans(scope_spans=[ScopeSpans(spans=[span("bare")])])
    _posted(server, ExportTraceServiceRequest(resource_spans=[bare]), project)

    assert [trace["name"] for trace in project_traces(server, project)] == ["bare"]


def test_case_45_unknown_fields_are_ignored_at_every_level(server: Server) -> None:
    project = server.fresh_project()
    content = span("known", attrs={"k": "v"}).SerializeToString() + _UNKNOWN
    for tag in (b"\x12", b"\x12", b"\x0a"):
        content = tag + _varint(len(content)) + content + _UNKNOWN
    answer = post(server, content, x_spanloom_project=project)

    assert (answer.status, answer.body) == (200, b"")
    assert [trace["name"] for trace in project_traces(server, project)] == ["known"]


# Field 1000 in each wire type.
_UNKNOWN = b"\xc0\x3e\x01" + b"\xc2\x3e\x01x" + b"\xc5\x3e1234" + b"\xc1\x3e12345678"


def test_case_45_values_by_index_are_no_values(server: Server) -> None:
    project = server.fresh_project()
    sent = span(attrs={"k": None})
    sent.attributes[0].value.ParseFromString(b"\x40\x05")  # string_value_strindex = 5
    _posted(server, request(sent), project)

    document = _read_back(server, project, sent)
    assert document["attributes"] == [{"key": "k", "value": {}}]


def _logs(**fields: Any) -> ExportLogsServiceRequest:
    record = LogRecord(time_unix_nano=1, observed_time_unix_nano=2, **fields)
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=[record])])]
    )


@pytest.mark.parametrize(
    "fields", [{}, {"severity_text": "INFO", "body": any_value("hello")}], ids=["bare", "text"]
)
def test_case_46_logs_sent_as_traces_are_rejected_with_a_hint(
    server: Server, fields: dict[str, Any]
) -> None:
    response = _posted(server, _logs(**fields), server.fresh_project())

    assert response.partial_success.rejected_spans == 1
    assert "logs" in response.partial_success.error_message


@pytest.mark.parametrize(
    "fields",
    [{"body": any_value("x" * 200)}, {"trace_id": b"\xff" * 16, "span_id": b"\xff" * 8}],
    ids=["long", "with ids"],
)
def test_case_46_logs_that_are_no_spans_at_all_get_the_hint_too(
    server: Server, fields: dict[str, Any]
) -> None:
    answer = post(server, _logs(**fields))

    assert answer.status == 400
    assert "send them to /v1/logs" in status_of(answer).message


@pytest.mark.parametrize("signal", ["logs", "metrics"])
def test_case_46_other_signals_in_json_get_the_hint(server: Server, signal: str) -> None:
    document = f'{{"resource{signal.title()}": []}}'.encode()
    answer = post(server, document, content_type="application/json")

    assert answer.status == 400
    assert f"send them to /v1/{signal}" in answer.json["message"]


def _by_http(server: Server, content: bytes, project: str) -> None:
    assert post(server, content, x_spanloom_project=project).status == 200


def _by_grpc(server: Server, content: bytes, project: str) -> None:
    export(server.otlp_grpc, content, x_spanloom_project=project)


@pytest.mark.parametrize("send", [_by_http, _by_grpc])
def test_case_47_the_same_request_twice_is_stored_once(
    server: Server, send: Callable[[Server, bytes, str], None]
) -> None:
    project = server.fresh_project()
    content = body()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: send(server, content, project), range(8)))

    (trace,) = project_traces(server, project)
    assert trace["span_count"] == 1


def test_case_48_children_may_come_before_their_parents(server: Server) -> None:
    project = server.fresh_project()
    trace_id = bytes(range(1, 17))
    ids = [bytes([number] * 8) for number in (1, 2, 3)]
    family = [
        span("root", trace_id=trace_id, span_id=ids[0]),
        span("child", trace_id=trace_id, span_id=ids[1], parent_span_id=ids[0]),
        span("grandchild", trace_id=trace_id, span_id=ids[2], parent_span_id=ids[1]),
    ]
    for item in reversed(family):
        _posted(server, request(item), project)

    (trace,) = project_traces(server, project)
    assert (trace["name"], trace["span_count"]) == ("root", 3)
    tree = server.get(f"/projects/{project}/traces/{trace_id.hex()}")
    assert tree["spans"]["name"] == ["root", "child", "grandchild"]


def test_text_that_is_not_utf8_is_refused(server: Server) -> None:
    content = body("name-to-break").replace(b"name-to-break", b"name-\xff-break")

    assert post(server, content).status == 400
    assert failure(server.otlp_grpc, content).code.name == "INVALID_ARGUMENT"
