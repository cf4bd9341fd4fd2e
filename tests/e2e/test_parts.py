"""The parts of a server in processes of their own: front end, collector, query API."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine_process import running_engine
from tests.support.otlp import log_record, logs_request, request, span
from tests.support.server import Server, running_server, start

_BODY = request(span("sent")).SerializeToString()


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with running_engine(tmp_path_factory.mktemp("clickhouse")) as url:
        yield {"SPANLOOM_CLICKHOUSE_URL": url}


@pytest.fixture(scope="module")
def collector_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("collector")


@pytest.fixture(scope="module")
def collector(collector_dir: Path, clickhouse: dict[str, str]) -> Iterator[Server]:
    with running_server(collector_dir, environment=clickhouse, command="collector") as collector:
        yield collector


@pytest.fixture(scope="module")
def front_end_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("front-end")


@pytest.fixture(scope="module")
def front_end(front_end_dir: Path) -> Iterator[Server]:
    environment = {"SPANLOOM_TOKENS": "secret", "SPANLOOM_OTLP_PATH_PREFIX": "/otlp"}
    with running_server(front_end_dir, environment=environment, command="receive") as front_end:
        yield front_end


def _checks(process: Server, base: str | None = None) -> dict[str, bool]:
    answer = process.request("GET", "/readyz", base=base)
    assert answer.status == 200
    return {check["name"]: check["ok"] for check in answer.json["checks"]}


def test_what_a_collector_takes_a_query_process_shows(
    tmp_path: Path, collector: Server, clickhouse: dict[str, str]
) -> None:
    assert collector.export(_BODY, "apart").status == 200
    with running_server(tmp_path, environment=clickhouse, command="query") as query:
        deadline, shown = time.monotonic() + 30, []
        while not shown and time.monotonic() < deadline:
            shown = query.get("/projects/apart/traces")["traces"]

        assert [trace["name"] for trace in shown] == ["sent"]
        assert query.request("POST", "/v1/traces", body=_BODY).status in (404, 405)
        assert _checks(query) == {"engine": True, "migrations": True}
        assert b"process_cpu_seconds_total" in query.request("GET", "/metrics").body


def test_a_collector_tells_how_it_is_and_has_no_api(collector: Server) -> None:
    assert _checks(collector) == dict.fromkeys(
        ("engine", "migrations", "journal", "loader", "backlog", "quarantine"), True
    )
    assert collector.request("GET", "/api/v1/projects").status == 404
    assert b"spanloom_loaded_bytes_total" in collector.request("GET", "/metrics").body


def test_a_second_collector_on_a_folder_is_refused_and_says_why(
    collector: Server,
    collector_dir: Path,
    clickhouse: dict[str, str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    with start(collector_dir, environment=clickhouse, command="collector") as second:
        assert second.wait(60) == 1

    assert "another process loads from" in capfd.readouterr().err
    assert collector.export(_BODY, "apart").status == 200


def test_a_front_end_tells_how_it_is_on_both_of_its_http_ports(front_end: Server) -> None:
    for base in (front_end.endpoint, front_end.otlp_http):
        assert front_end.request("GET", "/healthz", base=base).json == {"status": "ok"}
        assert _checks(front_end, base) == {"journal": True, "backlog": True}


def test_a_front_end_demands_tokens_for_spans_and_metrics(front_end: Server) -> None:
    headers = {"authorization": "Bearer secret", "content-type": "application/x-protobuf"}

    assert front_end.export(_BODY).status == 401
    assert front_end.request("GET", "/metrics").status == 401
    for path in ("/v1/traces", "/otlp/v1/traces"):
        assert front_end.request("POST", path, body=_BODY, headers=headers).status == 200
    metrics = front_end.request("GET", "/metrics", headers=headers).body.decode()
    assert 'spanloom_received_spans_total{encoding="protobuf",transport="http"} 2.0' in metrics


def test_what_a_front_end_took_before_any_server_ran_is_loaded_by_the_first_one(
    tmp_path: Path,
) -> None:
    sent = span("sent")
    path = f"/projects/early/traces/{sent.trace_id.hex()}/spans/{sent.span_id.hex()}"
    logs = logs_request(log_record(sent, body="early, too")).SerializeToString()
    headers = {"content-type": "application/x-protobuf", "x-spanloom-project": "early"}
    with running_server(tmp_path, command="receive") as front_end:
        assert front_end.export(request(sent).SerializeToString(), "early").status == 200
        answer = front_end.request("POST", "/v1/logs", body=logs, headers=headers)
        assert answer.status == 200
        assert front_end.stop() == 0
    with running_server(tmp_path) as server:
        shown = server.get(path)

    assert shown["name"] == "sent"
    assert [record["body"] for record in shown["logs"]] == ["early, too"]


@pytest.mark.parametrize("command", ["collector", "query"])
def test_a_part_that_needs_a_clickhouse_server_says_so(
    tmp_path: Path, command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with start(tmp_path, environment={"SPANLOOM_CLICKHOUSE_URL": ""}, command=command) as process:
        assert process.wait(60) == 1

    assert "SPANLOOM_CLICKHOUSE_URL is not set" in capfd.readouterr().err
