"""OTLP/HTTP: requests, statuses and headers. A test's number is that of the case it holds."""

import gzip
import time
import zlib
from collections.abc import Iterator

import pytest
from google.rpc.error_details_pb2 import BadRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

from tests.e2e.conformance.clients import (
    JSON,
    PROTOBUF,
    body,
    connected,
    head,
    post,
    post_json,
    project_traces,
    read_answer,
    read_status,
    status_of,
)
from tests.e2e.conformance.process import measured
from tests.support.server import Answer, Server, running_server

_LIMIT_BYTES = 64 * 1024**2
_ORIGIN = "https://app.example.org"


@pytest.fixture(params=["main", "otlp"])
def port(request: pytest.FixtureRequest, server: Server) -> str:
    """Each of the two ports that take OTLP over HTTP."""
    return server.endpoint if request.param == "main" else server.otlp_http


@pytest.fixture(scope="module")
def special(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes spans from a page, and below a prefix."""
    environment = {
        "SPANLOOM_CORS_ORIGINS": f"{_ORIGIN}, https://other.example.org",
        "SPANLOOM_OTLP_PATH_PREFIX": "/otlp/",
    }
    folder = tmp_path_factory.mktemp("special")
    with running_server(folder, environment=environment) as running:
        yield running


def test_case_01_success_is_an_empty_message_of_the_same_type(server: Server, port: str) -> None:
    project = server.fresh_project()
    answer = post(server, body("sent"), base=port, x_spanloom_project=project)

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert [trace["name"] for trace in project_traces(server, project)] == ["sent"]


def test_case_02_json_is_answered_in_json(server: Server) -> None:
    answer = post_json(server, {})

    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("headers", [PROTOBUF, JSON], ids=["protobuf", "json"])
def test_case_03_an_empty_body_is_a_success(server: Server, headers: dict[str, str]) -> None:
    answer = server.request("POST", "/v1/traces", body=b"", headers=headers, base=server.otlp_http)

    assert answer.status == 200


@pytest.mark.parametrize(
    "resource_spans",
    [ResourceSpans(), ResourceSpans(scope_spans=[ScopeSpans()])],
    ids=["resource", "scope"],
)
def test_case_04_empty_envelopes_are_a_success_without_rows(
    server: Server, resource_spans: ResourceSpans
) -> None:
    project = server.fresh_project()
    sent = ExportTraceServiceRequest(resource_spans=[resource_spans])
    answer = post(server, sent, x_spanloom_project=project)

    assert (answer.status, answer.body) == (200, b"")
    assert project_traces(server, project) == []


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("Application/X-Protobuf; charset=utf-8", body()),
        ("application/x-protobuf ;a=b", body()),
        ("APPLICATION/JSON;charset=UTF-8", b"{}"),
    ],
)
def test_case_05_content_types_are_read_as_http_has_them(
    server: Server, content_type: str, content: bytes
) -> None:
    assert post(server, content, content_type=content_type).status == 200


@pytest.mark.parametrize("line", ["content-type: text/plain", "content-type:", "x-none: 1"])
def test_case_06_other_content_types_are_refused(server: Server, line: str) -> None:
    request = f"POST /v1/traces HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n{line}\r\n\r\n{{}}"
    with connected(server.otlp_http) as raw:
        raw.sendall(request.encode())
        answer = read_answer(raw)

    assert answer.status == 415
    assert "content-type must be" in status_of(answer).message


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("gzip", gzip.compress(body("squeezed"))),
        ("GZip", gzip.compress(body("squeezed"))),
        ("deflate", zlib.compress(body("squeezed"))),
        ("identity", body("squeezed")),
    ],
)
def test_case_07_compressed_requests_are_stored(
    server: Server, encoding: str, content: bytes
) -> None:
    project = server.fresh_project()
    answer = post(server, content, content_encoding=encoding, x_spanloom_project=project)

    assert answer.status == 200
    assert [trace["name"] for trace in project_traces(server, project)] == ["squeezed"]


@pytest.mark.parametrize(
    "content",
    [
        b"no gzip",
        gzip.compress(body())[:-3],
        gzip.compress(body())[:-9],
        gzip.compress(b"x") + b"y",
    ],
    ids=["garbage", "cut in its trailer", "cut in its data", "trailing garbage"],
)
def test_case_08_damaged_gzip_is_a_bad_request(server: Server, content: bytes) -> None:
    answer = post(server, content, content_encoding="gzip")

    assert answer.status == 400
    assert status_of(answer).message


@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip, gzip", "nonsense"])
def test_case_09_an_unknown_compression_is_never_read_as_plain(
    server: Server, encoding: str
) -> None:
    project = server.fresh_project()
    answer = post(server, body(), content_encoding=encoding, x_spanloom_project=project)

    assert answer.status == 415
    assert project_traces(server, project) == []


def test_case_10_an_announced_excess_is_refused_before_it_is_sent(
    server: Server, port: str
) -> None:
    with connected(port) as raw, measured(server.process.pid) as use:
        raw.sendall(head(10 * 1024**3))
        answer = read_answer(raw)

    assert answer.status == 413
    assert use.peak_growth_mb < 16


def test_case_10_a_chunked_excess_is_refused_when_it_is_reached(server: Server, port: str) -> None:
    chunk = b"%x\r\n%b\r\n" % (1024**2, bytes(1024**2))
    with connected(port) as raw, measured(server.process.pid) as use:
        raw.sendall(head(None))
        for _ in range(80):
            raw.sendall(chunk)
        raw.sendall(b"0\r\n\r\n")
        answer = read_answer(raw)

    assert answer.status == 413
    assert use.peak_growth_mb < 128


def test_case_10_a_client_that_sends_everything_first_still_reads_the_answer(
    server: Server, port: str
) -> None:
    answer = post(server, bytes(_LIMIT_BYTES + 1), base=port)

    assert (answer.status, status_of(answer).code) == (413, 8)


def test_case_10_a_body_of_the_limit_is_read(server: Server) -> None:
    answer = post(server, bytes(_LIMIT_BYTES))

    assert answer.status == 400  # zeros are no message


def test_case_13_malformed_protobuf_is_a_bad_request_with_its_detail(server: Server) -> None:
    answer = post(server, b"\xff\xff")

    assert answer.status == 400
    status = status_of(answer)
    detail = BadRequest()
    assert status.details[0].Unpack(detail)
    assert status.code == 3
    assert detail.field_violations[0].description == status.message


def test_case_13_malformed_json_is_a_bad_request_with_its_detail(server: Server) -> None:
    answer = post_json(server, b"{")

    assert (answer.status, answer.json["code"]) == (400, 3)
    (detail,) = answer.json["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert detail["fieldViolations"][0]["description"] == answer.json["message"]


@pytest.mark.parametrize("content_type", [PROTOBUF["content-type"], JSON["content-type"]])
@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/traces", {}, 400),
        ("/v1/traces", {"content_encoding": "zstd"}, 415),
        ("/v1/traces", {"x_spanloom_project": "a/b/c"}, 400),
        ("/v1/nothing", {}, 404),
    ],
)
def test_case_14_every_error_is_a_status_in_the_encoding_of_the_request(
    server: Server, content_type: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = post(server, b"\xff", path=path, content_type=content_type, **headers)

    assert answer.status == status
    assert answer.headers["content-type"] == content_type
    assert status_of(answer).message


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"1",
        b'{"resourceSpans": 1}',
        b'{"resourceSpans": [1]}',
        b'{"resourceSpans": [{"scopeSpans": {"spans": []}}]}',
        b'{"resourceSpans": [{"resource": []}]}',
    ],
)
def test_case_15_json_of_another_shape_is_a_bad_request(server: Server, content: bytes) -> None:
    answer = post_json(server, content)

    assert (answer.status, answer.json["code"]) == (400, 3)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_case_17_other_methods_are_not_allowed(server: Server, port: str, method: str) -> None:
    answer = server.request(method, "/v1/traces", headers=JSON, base=port)

    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_case_17_unknown_paths_are_not_found(server: Server) -> None:
    assert post(server, b"", path="/v1/nothing").status == 404
    assert post(server, b"", path="/v1/nothing", base=server.endpoint).status == 404
    assert post(server, b"", path="/").status == 404


def test_case_18_a_connection_is_kept_after_success_and_after_errors(
    server: Server, port: str
) -> None:
    good = body()
    with connected(port) as raw:
        answers = []
        for content in (good, b"\xff", good, bytes(_LIMIT_BYTES + 1), good):
            raw.sendall(head(len(content)) + content)
            answers.append(read_answer(raw).status)

    assert answers == [200, 400, 200, 413, 200]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_case_18_chunked_bodies_are_stored(server: Server, size: int) -> None:
    project = server.fresh_project()
    content = body("in pieces")
    parts = [content[start : start + size] for start in range(0, len(content), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    with connected(server.otlp_http) as raw:
        raw.sendall(head(None, f"x-spanloom-project: {project}") + chunks + b"0\r\n\r\n")
        answer = read_answer(raw)

    assert answer.status == 200
    assert [trace["name"] for trace in project_traces(server, project)] == ["in pieces"]


def test_case_18_a_client_that_asks_first_is_told_to_go_on(server: Server) -> None:
    content = body()
    with connected(server.otlp_http) as raw:
        raw.sendall(head(len(content), "expect: 100-continue"))
        asked = raw.recv(1000)
        raw.sendall(content)
        answer = read_answer(raw)

    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.status == 200


def test_case_18_a_client_that_asks_first_is_refused_without_sending(server: Server) -> None:
    with connected(server.otlp_http) as raw:
        raw.sendall(head(_LIMIT_BYTES + 1, "expect: 100-continue"))
        answer = read_answer(raw)
        rest = raw.recv(1)

    assert (answer.status, answer.headers["connection"], rest) == (413, "close", b"")


def test_case_18_pipelined_requests_are_answered_in_order(server: Server, port: str) -> None:
    good = body()
    requests = [head(len(content)) + content for content in (good, b"\xff", good)]
    with connected(port) as raw:
        raw.sendall(b"".join(requests))
        answers = [read_status(raw) for _ in requests]

    assert answers == [200, 400, 200]


def _preflight(server: Server, base: str, origin: str) -> Answer:
    headers = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-spanloom-project",
    }
    return server.request("OPTIONS", "/v1/traces", headers=headers, base=base)


@pytest.mark.parametrize("main", [True, False])
def test_case_19_pages_of_configured_origins_may_send(special: Server, main: bool) -> None:
    base = special.endpoint if main else special.otlp_http
    asked = _preflight(special, base, _ORIGIN)
    sent = post(special, body(), base=base, origin=_ORIGIN)

    assert (asked.status, asked.body) == (204, b"")
    assert asked.headers["access-control-allow-origin"] == _ORIGIN
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert asked.headers["access-control-allow-headers"] == "content-type,x-spanloom-project"
    assert (sent.status, sent.headers["access-control-allow-origin"]) == (200, _ORIGIN)


def test_case_19_a_page_reads_why_it_was_refused(special: Server) -> None:
    answer = post(special, b"\xff", origin=_ORIGIN)

    assert (answer.status, answer.headers["access-control-allow-origin"]) == (400, _ORIGIN)


def test_case_19_other_pages_may_not(special: Server, server: Server) -> None:
    strange = _preflight(special, special.otlp_http, "https://evil.example.org")
    unconfigured = _preflight(server, server.otlp_http, _ORIGIN)

    for answer in (strange, unconfigured):
        assert answer.status == 405
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("content", [body(), b"\xff"], ids=["success", "error"])
def test_case_20_answers_are_plain_unless_asked_otherwise(server: Server, content: bytes) -> None:
    with connected(server.otlp_http) as raw:  # urllib would ask for identity by itself
        raw.sendall(head(len(content)) + content)
        answer = read_answer(raw)
    asked = post(server, content, accept_encoding="gzip")
    plain = gzip.decompress(asked.body) if "content-encoding" in asked.headers else asked.body

    assert "content-encoding" not in answer.headers
    assert plain == answer.body


@pytest.mark.parametrize("path", ["/otlp/v1/traces", "/v1/traces"])
def test_case_21_spans_are_taken_below_the_prefix_too(special: Server, path: str) -> None:
    project = special.fresh_project()
    answer = post(special, body("prefixed"), path=path, x_spanloom_project=project)

    assert answer.status == 200
    assert len(project_traces(special, project)) == 1
    assert post(special, body(), path="/other/v1/traces").status == 404


def test_case_22_one_port_takes_both_encodings(server: Server, port: str) -> None:
    with connected(port) as raw:
        content = body()
        raw.sendall(head(len(content)) + content)
        protobuf = read_answer(raw)
        raw.sendall(head(2, content_type="application/json") + b"{}")
        json_ = read_answer(raw)

    assert (protobuf.status, json_.status) == (200, 200)
    assert json_.headers["content-type"] == "application/json"


def test_case_23_metrics_are_answered_with_a_note(server: Server, port: str) -> None:
    answer = post(server, b"{}", path="/v1/metrics", base=port, content_type="application/json")

    assert answer.status == 200
    assert answer.json == {"partialSuccess": {"errorMessage": "metrics are not stored"}}


@pytest.mark.parametrize("part", ["header", "trailer"])
def test_a_head_without_an_end_is_refused(server: Server, port: str, part: str) -> None:
    began = time.monotonic()
    with connected(port) as raw, measured(server.process.pid) as use:
        raw.sendall(b"POST /v1/traces HTTP/1.1\r\n" if part == "header" else head(None) + b"0\r\n")
        raw.sendall(b"x-endless: ")
        with pytest.raises(ConnectionError):  # noqa: PT012 - any of the writes
            for _ in range(64):
                raw.sendall(b"a" * 1024**2)

    assert use.peak_growth_mb < 16
    assert time.monotonic() - began < 5
