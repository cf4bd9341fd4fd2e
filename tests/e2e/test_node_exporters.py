"""OpenTelemetry's unmodified exporters for Node.js deliver a trace field for field."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server

pytestmark = pytest.mark.node

_PROGRAM = Path(__file__).parent / "node" / "send.mjs"


def _sent(server: Server, protocol: str, service: str, *options: str) -> list[dict[str, Any]]:
    node = shutil.which("node")
    assert node, "node is missing: `make test` installs it"
    endpoint = f"http://{server.otlp_grpc}" if protocol == "grpc" else server.otlp_http
    arguments = ["--protocol", protocol, "--endpoint", endpoint, "--service", service, *options]
    result = subprocess.run(
        [node, str(_PROGRAM), *arguments], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    spans: list[dict[str, Any]] = json.loads(result.stdout)["spans"]
    return spans


def _comparable(span: dict[str, Any]) -> dict[str, Any]:
    """What the program says it sent, from what the API returns."""
    return {
        **{name: span[name] for name in _SAME},
        "kind": span["span_kind"],
        "start_time_unix_nano": str(span["start_time_unix_nano"]),
        "end_time_unix_nano": str(span["end_time_unix_nano"]),
        "events": [
            {
                "name": event["name"],
                "time_unix_nano": str(event["time_unix_nano"]),
                "attributes": event["attributes"],
            }
            for event in span["events"]
        ],
        "links": [
            {name: link[name] for name in ("trace_id", "span_id", "attributes")}
            for link in span["links"]
        ],
        "scope": {name: span["scope"][name] for name in ("name", "version")},
        "resource": span["resource"]["attributes"],
    }


_SAME = (
    "trace_id", "span_id", "parent_span_id", "name", "status", "status_message", "attributes",
)  # fmt: skip


@pytest.mark.parametrize("options", [(), ("--gzip",)], ids=["plain", "gzip"])
@pytest.mark.parametrize("protocol", ["http-json", "http-proto", "grpc"])
def test_a_trace_arrives_field_for_field(
    server: Server, protocol: str, options: tuple[str, ...]
) -> None:
    project = server.fresh_project()
    sent = _sent(server, protocol, project, *options)
    assert len(sent) == 2

    (listed,) = server.get(f"/projects/{project}/traces")["traces"]
    assert (listed["trace_id"], listed["name"]) == (sent[0]["trace_id"], "root")
    for span in sent:
        path = f"/projects/{project}/traces/{span['trace_id']}/spans/{span['span_id']}"
        assert _comparable(server.get(path)) == span
