"""The unmodified OpenTelemetry exporters for Python deliver a trace field for field."""

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcExporter,
)
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter as HttpExporter,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from tests.support.server import Server

_ATTRIBUTES: dict[str, Any] = {
    "string": "é\n'\"",
    "int": 2**53 + 1,
    "float": 0.1,
    "bool": True,
    "strings": ["a", "b"],
    "ints": [1, 2],
    "floats": [0.5, 1.5],
    "bools": [True, False],
    "empty": [],
}

_EXPORTERS: dict[str, Callable[[Server], SpanExporter]] = {
    "grpc": lambda server: GrpcExporter(server.otlp_grpc, insecure=True),
    "grpc-gzip": lambda server: GrpcExporter(
        server.otlp_grpc, insecure=True, compression=grpc.Compression.Gzip
    ),
    "http": lambda server: HttpExporter(f"{server.otlp_http}/v1/traces"),
    "http-gzip": lambda server: HttpExporter(
        f"{server.otlp_http}/v1/traces", compression=Compression.Gzip
    ),
    "http-main-port": lambda server: HttpExporter(f"{server.endpoint}/v1/traces"),
}


def _sent_trace(exporter: SpanExporter, project: str) -> tuple[ReadableSpan, ReadableSpan]:
    provider = TracerProvider(
        resource=Resource.create({"service.name": project, "n": 1}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("scope", "1.2", "https://example.org/schema", {"s": "a"})
    other = trace.SpanContext(0xABC, 0xDEF, is_remote=True)
    links = [trace.Link(other, {"why": "because", "n": 1})]
    with (
        tracer.start_as_current_span("root", kind=trace.SpanKind.SERVER) as root,
        tracer.start_as_current_span("child", attributes=_ATTRIBUTES, links=links) as child,
    ):
        child.add_event("event", {"k": "v", "list": [1, 2]})
        child.set_status(trace.StatusCode.ERROR, "boom")
    provider.shutdown()
    assert isinstance(root, ReadableSpan)
    assert isinstance(child, ReadableSpan)
    return root, child


@pytest.mark.parametrize("name", _EXPORTERS)
def test_a_trace_arrives_field_for_field(server: Server, name: str) -> None:
    project = server.fresh_project()
    root, child = _sent_trace(_EXPORTERS[name](server), project)
    assert root.context
    assert child.context
    trace_id = f"{root.context.trace_id:032x}"

    listed = server.get(f"/projects/{project}/traces")["traces"]
    path = f"/projects/{project}/traces/{trace_id}/spans"
    got_root = server.get(f"{path}/{root.context.span_id:016x}")
    got = server.get(f"{path}/{child.context.span_id:016x}")

    assert [item["trace_id"] for item in listed] == [trace_id]
    assert (got_root["name"], got_root["span_kind"], got_root["status"]) == (
        "root",
        "server",
        "unset",
    )
    assert got["parent_span_id"] == got_root["span_id"]
    assert (got["start_time_unix_nano"], got["end_time_unix_nano"]) == (
        child.start_time,
        child.end_time,
    )
    assert (got["status"], got["status_message"]) == ("error", "boom")
    assert got["attributes"] == _ATTRIBUTES
    assert got["resource"]["attributes"].items() >= {"service.name": project, "n": 1}.items()
    assert got["scope"] == {
        "name": "scope",
        "version": "1.2",
        "attributes": {"s": "a"},
        "dropped_attributes_count": 0,
        "schema_url": "https://example.org/schema",
    }
    (event,), (link,) = got["events"], got["links"]
    assert (event["name"], event["attributes"]) == ("event", {"k": "v", "list": [1, 2]})
    assert event["time_unix_nano"] == child.events[0].timestamp
    assert (link["trace_id"], link["span_id"]) == (f"{0xABC:032x}", f"{0xDEF:016x}")
    assert link["attributes"] == {"why": "because", "n": 1}
