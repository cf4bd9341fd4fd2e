"""The unmodified OpenTelemetry log exporters for Python deliver events to their span."""

from collections.abc import Callable

import pytest
from opentelemetry import trace
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.support.server import Server

_EXPORTERS: dict[str, Callable[[Server], LogRecordExporter]] = {
    "grpc": lambda server: GrpcExporter(server.otlp_grpc, insecure=True),
    "http": lambda server: HttpExporter(f"{server.otlp_http}/v1/logs"),
    "http-main-port": lambda server: HttpExporter(f"{server.endpoint}/v1/logs"),
}
_MESSAGES = {
    "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "2+2?"}]}],
    "gen_ai.output.messages": [
        {"role": "assistant", "parts": [{"type": "text", "content": "4"}], "finish_reason": "stop"}
    ],
}


def _sent_call(server: Server, exporter: LogRecordExporter, project: str) -> trace.SpanContext:
    resource = Resource.create({"service.name": project})
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(f"{server.otlp_http}/v1/traces"))
    )
    loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
    loggers.add_log_record_processor(BatchLogRecordProcessor(exporter))
    name = "gen_ai.client.inference.operation.details"
    with tracers.get_tracer("app").start_as_current_span("chat") as span:
        loggers.get_logger("app").emit(LogRecord(event_name=name, attributes=_MESSAGES))
    loggers.shutdown()
    tracers.shutdown()
    return span.get_span_context()


@pytest.mark.parametrize("name", _EXPORTERS)
def test_content_that_is_told_in_events_is_the_spans(server: Server, name: str) -> None:
    project = server.fresh_project()
    sent = _sent_call(server, _EXPORTERS[name](server), project)

    path = f"/traces/{sent.trace_id:032x}/spans/{sent.span_id:016x}"
    detail = server.get(f"/projects/{project}{path}")
    assert detail["input"] == _MESSAGES["gen_ai.input.messages"]
    assert detail["output"] == _MESSAGES["gen_ai.output.messages"]
    (record,) = detail["logs"]
    assert (record["scope_name"], record["attributes"]) == ("app", _MESSAGES)
