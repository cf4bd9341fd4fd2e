"""Bodies that real clients sent: stored whole."""

import json
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_collector.pipeline.otlp_json import request_from_json
from tests.support.otlp import normalised, single_spans
from tests.support.server import Server

_CAPTURED = sorted((Path(__file__).parents[2] / "fixtures" / "otlp").glob("*.pb"))


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
