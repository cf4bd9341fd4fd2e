"""OTLP/gRPC: calls and their statuses. A test's number is that of the case it holds."""

import os
from collections.abc import Iterator

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.e2e.conformance.clients import (
    METRICS,
    TRACES,
    body,
    connected,
    export,
    failure,
    post,
    project_traces,
    status_of,
)
from tests.e2e.conformance.http2 import Http2Connection
from tests.support.otlp import request, span
from tests.support.server import Server, running_server

_LIMIT_BYTES = 64 * 1024**2
_TOKENS = "all,mine=my-project"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that demands tokens."""
    folder = tmp_path_factory.mktemp("guarded")
    with running_server(folder, environment={"SPANLOOM_TOKENS": _TOKENS}) as running:
        yield running


def test_case_24_a_call_stores_its_spans(server: Server) -> None:
    project = server.fresh_project()

    assert export(server.otlp_grpc, body("called"), x_spanloom_project=project) == b""
    assert [trace["name"] for trace in project_traces(server, project)] == ["called"]


def test_case_25_an_empty_request_is_a_success(server: Server) -> None:
    assert export(server.otlp_grpc, b"") == b""


@pytest.mark.parametrize("size_bytes", [1, 1024**2])
def test_case_26_gzip_is_undone_for_each_message(server: Server, size_bytes: int) -> None:
    project = server.fresh_project()
    content = body("squeezed", attrs={"long": "x" * size_bytes})
    gzip = grpc.Compression.Gzip

    assert export(server.otlp_grpc, content, compression=gzip, x_spanloom_project=project) == b""
    assert len(project_traces(server, project)) == 1


def test_case_27_deflate_is_undone(server: Server) -> None:
    project = server.fresh_project()
    content = body(attrs={"long": "x" * 10_000})
    deflate = grpc.Compression.Deflate

    assert export(server.otlp_grpc, content, compression=deflate, x_spanloom_project=project) == b""
    assert len(project_traces(server, project)) == 1


def test_case_28_a_malformed_message_is_an_invalid_argument_with_its_detail(
    server: Server,
) -> None:
    refused = failure(server.otlp_grpc, b"\xff\xff")

    assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
    status = Status.FromString(refused.trailers["grpc-status-details-bin"])
    detail = BadRequest()
    assert status.details[0].Unpack(detail)
    assert (status.code, status.message) == (3, refused.details)
    assert detail.field_violations[0].description == refused.details


def test_case_28_a_call_without_a_message_is_refused(server: Server) -> None:
    with grpc.insecure_channel(server.otlp_grpc) as channel:
        code = channel.stream_unary(TRACES).future(iter(()), timeout=30).code()

    assert code == grpc.StatusCode.INVALID_ARGUMENT


def test_case_29_five_mebibytes_are_accepted(server: Server) -> None:
    project = server.fresh_project()
    content = body(attrs={"long": os.urandom(5 * 1024**2).hex()[: 5 * 1024**2]})

    assert export(server.otlp_grpc, content, x_spanloom_project=project) == b""
    assert len(project_traces(server, project)) == 1


def test_case_29_an_oversized_message_is_refused_for_good(server: Server) -> None:
    refused = failure(server.otlp_grpc, bytes(_LIMIT_BYTES + 1))

    assert refused.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "google.rpc.retryinfo-bin" not in refused.trailers
    assert "grpc-status-details-bin" not in refused.trailers


def test_case_29_both_transports_have_the_same_limit(server: Server) -> None:
    content = bytes(_LIMIT_BYTES)  # zeros are no message

    assert failure(server.otlp_grpc, content).code == grpc.StatusCode.INVALID_ARGUMENT
    assert post(server, content).status == 400


def test_case_32_two_hundred_concurrent_calls_are_all_answered(server: Server) -> None:
    project = server.fresh_project()
    with grpc.insecure_channel(server.otlp_grpc) as channel:
        call = channel.unary_unary(TRACES)
        metadata = [("x-spanloom-project", project)]
        futures = [call.future(body(), timeout=60, metadata=metadata) for _ in range(200)]
        assert [future.result() for future in futures] == [b""] * 200

    assert len(project_traces(server, project)) == 200


@pytest.mark.parametrize("method", ["/x.Y/Z", TRACES.replace("Export", "Import")])
def test_case_33_unknown_methods_are_unimplemented(server: Server, method: str) -> None:
    refused = failure(server.otlp_grpc, b"", method=method)

    assert refused.code == grpc.StatusCode.UNIMPLEMENTED


def test_case_33_metrics_are_answered_with_a_note(server: Server) -> None:
    metrics = ExportMetricsServiceResponse.FromString(export(server.otlp_grpc, b"", method=METRICS))

    assert metrics.partial_success.error_message == "metrics are not stored"


def test_case_34_a_call_that_was_given_up_left_all_or_nothing(server: Server) -> None:
    project = server.fresh_project()
    metadata = [("x-spanloom-project", project)]
    with grpc.insecure_channel(server.otlp_grpc) as channel:
        call = channel.unary_unary(TRACES)
        contents = [_tree(size=20).SerializeToString() for _ in range(40)]
        deadlines_s = [number / 4000 for number in range(40)]
        codes = {
            call.future(content, timeout=deadline_s, metadata=metadata).code()
            for content, deadline_s in zip(contents, deadlines_s, strict=True)
        }
    assert codes <= {grpc.StatusCode.OK, grpc.StatusCode.DEADLINE_EXCEEDED}
    export(server.otlp_grpc, body(), x_spanloom_project=project)

    assert {trace["span_count"] for trace in project_traces(server, project)} <= {1, 20}


def test_case_34_cancelled_calls_left_all_or_nothing(server: Server) -> None:
    project = server.fresh_project()
    metadata = [("x-spanloom-project", project)]
    with grpc.insecure_channel(server.otlp_grpc) as channel:
        call = channel.unary_unary(TRACES)
        for _ in range(40):
            call.future(_tree(size=20).SerializeToString(), metadata=metadata).cancel()
    export(server.otlp_grpc, body(), x_spanloom_project=project)

    assert {trace["span_count"] for trace in project_traces(server, project)} <= {1, 20}


def _tree(size: int) -> ExportTraceServiceRequest:
    trace_id = os.urandom(16)
    return request(*(span(str(number), trace_id=trace_id) for number in range(size)))


@pytest.mark.parametrize(
    ("metadata", "code", "status"),
    [
        ({}, grpc.StatusCode.UNAUTHENTICATED, 401),
        ({"authorization": "Bearer wrong"}, grpc.StatusCode.UNAUTHENTICATED, 401),
        (
            {"authorization": "Bearer mine", "x_spanloom_project": "theirs"},
            grpc.StatusCode.PERMISSION_DENIED,
            403,
        ),
    ],
    ids=["none", "wrong", "of another project"],
)
def test_case_36_tokens_guard_writing_for_good(
    guarded: Server, metadata: dict[str, str], code: grpc.StatusCode, status: int
) -> None:
    called = failure(guarded.otlp_grpc, body(), **metadata)
    posted = post(guarded, body(), **metadata)

    assert (called.code, posted.status) == (code, status)
    assert status_of(posted).code == code.value[0]
    assert "google.rpc.retryinfo-bin" not in called.trailers
    assert "retry-after" not in posted.headers


def test_case_36_a_token_guards_reading_too(guarded: Server) -> None:
    mine = {"authorization": "Bearer mine"}
    everything = {"authorization": "Bearer all"}
    assert post(guarded, body("guarded"), **mine).status == 200
    anonymous = guarded.request("GET", "/api/v1/projects")
    other = guarded.request("GET", "/api/v1/projects/theirs/traces", headers=mine)
    own = guarded.request("GET", "/api/v1/projects/my-project/traces", headers=everything)

    assert (anonymous.status, other.status) == (401, 403)
    assert anonymous.headers["content-type"] == "application/problem+json"
    assert own.json["traces"][0]["name"] == "guarded"


def test_case_36_a_call_is_refused_before_its_message_is_read(guarded: Server) -> None:
    with connected(guarded.otlp_grpc) as raw:
        connection = Http2Connection(raw)
        frames = connection.wait_for_end(connection.begin(TRACES))

    assert b"grpc-status" in frames[-1].payload


def test_case_37_several_messages_in_one_merge(server: Server) -> None:
    project = server.fresh_project()
    both = body("first") + body("second")

    assert export(server.otlp_grpc, both, x_spanloom_project=project) == b""
    names = {trace["name"] for trace in project_traces(server, project)}
    assert names == {"first", "second"}


def test_case_37_a_resource_in_two_parts_merges(server: Server) -> None:
    project = server.fresh_project()
    named = request(resource={"service.name": project}).resource_spans[0].resource
    other = request(resource={"host.name": "here"}).resource_spans[0].resource
    whole = request(span("split")).resource_spans[0]
    whole.ClearField("resource")
    parts = [_field(1, part.SerializeToString()) for part in (named, other)]
    entry = b"".join(parts) + whole.SerializeToString()

    assert export(server.otlp_grpc, _field(1, entry)) == b""
    (trace,) = project_traces(server, project)
    assert trace["name"] == "split"


def test_partial_success_is_told(server: Server) -> None:
    content = request(span("good"), span("bad", trace_id=b"x")).SerializeToString()
    answer = ExportTraceServiceResponse.FromString(export(server.otlp_grpc, content))

    assert answer.partial_success.rejected_spans == 1


def _field(number: int, content: bytes) -> bytes:
    assert len(content) < 2**14
    return bytes((number << 3 | 2, len(content) & 0x7F | 0x80, len(content) >> 7)) + content
