"""Bodies that nobody meant to send: never a fault of the server, and no growth.

The examples are the same in each run; a failure shows the smallest body that was found.
"""

import gzip
import json
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from tests.e2e.conformance.clients import (
    body,
    connected,
    export,
    head,
    post,
    project_traces,
    read_answer,
)
from tests.e2e.conformance.process import measured
from tests.support.otlp import full_logs_request, full_request
from tests.support.server import Server

_PROTOBUF = full_request().SerializeToString()
_MAX_GROWTH_MB = 256  # what arrived is loaded meanwhile
_PROFILE = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
_MESSAGES = (ExportTraceServiceRequest, ResourceSpans, ScopeSpans, Span, KeyValue, AnyValue)
_NAMES = sorted({field.json_name for kind in _MESSAGES for field in kind.DESCRIPTOR.fields})
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["", "0" * 32, "ab" * 16, "cd" * 8, "NaN", "-1", str(2**64), "AA=="])
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=6)
    ),
    max_leaves=40,
)


_WAITS = 30  # each of them lasts until the table has caught up, or two seconds


@st.composite
def _damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A valid body after a few flips, cuts, and splices."""
    damaged = bytearray(whole)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(damaged) - 1, 0)))
        until = draw(st.integers(at, min(at + 64, len(damaged))))
        match draw(st.sampled_from(["flip", "cut", "splice", "insert", "end"])):
            case "flip" if damaged:
                damaged[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del damaged[at:until]
            case "splice":
                damaged[at:at] = damaged[at:until] * draw(st.integers(1, 3))
            case "insert":
                damaged[at:at] = draw(st.binary(max_size=8))
            case "end":
                del damaged[at:]
    return bytes(damaged)


def _document() -> bytes:
    span = {
        "traceId": "ab" * 16,
        "spanId": "cd" * 8,
        "name": "fuzzed",
        "startTimeUnixNano": "1700000000000000000",
        "attributes": [
            {"key": "a", "value": {"arrayValue": {"values": [{"intValue": "1"}]}}},
            {"key": "b", "value": {"kvlistValue": {"values": [{"key": "c", "value": {}}]}}},
            {"key": "d", "value": {"bytesValue": "AA=="}},
        ],
        "events": [{"timeUnixNano": 5, "name": "event"}],
        "links": [{"traceId": "ab" * 16, "spanId": "cd" * 8}],
        "status": {"code": 2},
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "fuzz"}}]}
    return json.dumps(
        {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    ).encode()


def _wrapped(tree: Any, depth: int) -> Any:
    """A tree where a span, a scope or a resource would be."""
    for name in ("spans", "scopeSpans", "resourceSpans")[3 - depth :]:
        tree = {name: [tree]}
    return tree


class _Target:
    """A server to be fed."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.project = server.fresh_project()

    def answer_to(
        self, content: bytes, content_type: str, *lines: str, path: str = "/v1/traces"
    ) -> int:
        with connected(self._server.otlp_http) as raw:
            named = f"x-spanloom-project: {self.project}"
            begin = head(len(content), named, *lines, content_type=content_type, path=path)
            raw.sendall(begin + content)
            return read_answer(raw).status

    def assert_well(self) -> None:
        healthy = self._server.fresh_project()
        assert post(self._server, body("after"), x_spanloom_project=healthy).status == 200
        # Damaged times lie in many months, and each month costs the loader a part of its own.
        found = (project_traces(self._server, healthy) for _ in range(_WAITS))
        shown = next((traces for traces in found if traces), [])
        assert [trace["name"] for trace in shown] == ["after"]
        project_traces(self._server, self.project)  # what was stored can be read


@pytest.fixture
def target(server: Server) -> _Target:
    """The server, warm."""
    target = _Target(server)
    target.assert_well()
    return target


def test_damaged_protobuf_is_no_fault_of_the_server(server: Server, target: _Target) -> None:
    @_PROFILE
    @given(_damaged(_PROTOBUF))
    def feed(content: bytes) -> None:
        assert target.answer_to(content, "application/x-protobuf") in (200, 400)

    with measured(server.process.pid) as use:
        feed()
        target.assert_well()
    assert use.peak_growth_mb < _MAX_GROWTH_MB


def _logs_document() -> bytes:
    record = {
        "traceId": "ab" * 16,
        "spanId": "cd" * 8,
        "timeUnixNano": "1700000000000000000",
        "observedTimeUnixNano": 5,
        "severityNumber": 9,
        "eventName": "event",
        "body": {"kvlistValue": {"values": [{"key": "c", "value": {"doubleValue": "NaN"}}]}},
        "attributes": [{"key": "a", "value": {"arrayValue": {"values": [{"intValue": "1"}]}}}],
    }
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()


@pytest.mark.parametrize(
    ("whole", "content_type"),
    [
        (full_logs_request().SerializeToString(), "application/x-protobuf"),
        (_logs_document(), "application/json"),
    ],
    ids=["protobuf", "json"],
)
def test_damaged_logs_are_no_fault_of_the_server(
    server: Server, target: _Target, whole: bytes, content_type: str
) -> None:
    @_PROFILE
    @given(_damaged(whole))
    def feed(content: bytes) -> None:
        assert target.answer_to(content, content_type, path="/v1/logs") in (200, 400)

    with measured(server.process.pid) as use:
        feed()
        target.assert_well()
    assert use.peak_growth_mb < _MAX_GROWTH_MB


def test_damaged_json_is_no_fault_of_the_server(server: Server, target: _Target) -> None:
    @_PROFILE
    @given(_damaged(_document()))
    def feed(content: bytes) -> None:
        assert target.answer_to(content, "application/json") in (200, 400)

    with measured(server.process.pid) as use:
        feed()
        target.assert_well()
    assert use.peak_growth_mb < _MAX_GROWTH_MB


def test_json_of_any_shape_is_no_fault_of_the_server(server: Server, target: _Target) -> None:
    @_PROFILE
    @given(_TREES, st.integers(0, 3))
    def feed(tree: Any, depth: int) -> None:
        content = json.dumps(_wrapped(tree, depth)).encode()
        assert target.answer_to(content, "application/json") in (200, 400)

    with measured(server.process.pid) as use:
        feed()
        target.assert_well()
    assert use.peak_growth_mb < _MAX_GROWTH_MB


def test_damaged_gzip_is_no_fault_of_the_server(server: Server, target: _Target) -> None:
    @_PROFILE
    @given(_damaged(gzip.compress(_PROTOBUF, mtime=0)))
    def feed(content: bytes) -> None:
        status = target.answer_to(content, "application/x-protobuf", "content-encoding: gzip")
        assert status in (200, 400, 413)

    feed()
    target.assert_well()


def test_damaged_messages_are_no_fault_of_the_server(server: Server, target: _Target) -> None:
    @_PROFILE
    @given(_damaged(_PROTOBUF))
    def feed(content: bytes) -> None:
        try:
            export(server.otlp_grpc, content, x_spanloom_project=target.project)
        except grpc.RpcError as error:
            codes = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED)
            if error.code() not in codes:
                raise

    feed()
    target.assert_well()
