"""The demo shows what it promises, with a server of its own and with one that runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.server import Server

_PAGE = re.compile(r"http://\S+/p/demo/(traces|evaluations)/(\w+)")


def _demo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "spanloom_query", "demo", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_demo_against_a_running_server_leads_to_its_pages(server: Server) -> None:
    result = _demo(SPANLOOM_ENDPOINT=server.endpoint)
    assert result.returncode == 0, result.stderr
    found = {(kind, id_) for kind, id_ in _PAGE.findall(result.stdout)}
    trace_ids = [id_ for kind, id_ in found if kind == "traces"]
    evaluation_ids = [id_ for kind, id_ in found if kind == "evaluations"]

    traces = [server.get(f"/projects/demo/traces/{id_}") for id_ in trace_ids]
    evaluations = [server.get(f"/projects/demo/evaluations/{id_}") for id_ in evaluation_ids]
    assert sorted(trace["status"] for trace in traces) == ["error", "unset", "unset"]
    assert all(trace["total_tokens"] > 0 for trace in traces)
    assert any("tool" in trace["spans"]["kind"] for trace in traces)
    assert sorted(item["scores"][0]["mean"] for item in evaluations) == [0.75, 1.0]


def test_the_demo_starts_a_server_and_ends_when_told_to(tmp_path: Path) -> None:
    ports = ("--port", "0", "--otlp-grpc-port", "0", "--otlp-http-port", "0")
    environment = {"SPANLOOM_ENDPOINT": ""}
    result = _demo("--once", "--data", str(tmp_path), *ports, **environment)

    assert result.returncode == 0, result.stderr
    assert "spanloom ready ui=http://127.0.0.1:" in result.stdout
    assert len(set(_PAGE.findall(result.stdout))) == 5


def test_a_server_that_is_named_and_away_is_told(tmp_path: Path) -> None:
    result = _demo(SPANLOOM_ENDPOINT="http://127.0.0.1:9")

    assert result.returncode == 1
    assert "no server answers at http://127.0.0.1:9" in result.stdout + result.stderr
