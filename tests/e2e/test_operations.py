"""What an operator meets: metrics, readiness, the log, and the doctor."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from prometheus_client.parser import text_string_to_metric_families

from spanloom_collector.delivery.quarantine import Quarantine
from spanloom_collector.delivery.records import Record
from tests.support.otlp import request, span
from tests.support.server import Server, running_server

_FREE_PORTS = ("--port", "0", "--otlp-grpc-port", "0", "--otlp-http-port", "0")
_NO_SERVER = {"SPANLOOM_ENDPOINT": "", "SPANLOOM_TOKENS": "", "SPANLOOM_API_KEY": ""}
_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def _metrics(server: Server, **headers: str) -> Series:
    answer = server.request("GET", "/metrics", headers=headers)
    assert answer.status == 200
    families = text_string_to_metric_families(answer.body.decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def _value(series: Series, name: str, **labels: str) -> float:
    return series.get((f"spanloom_{name}", frozenset(labels.items())), 0.0)


def _send_over_grpc(server: Server, body: bytes) -> None:
    with grpc.insecure_channel(server.otlp_grpc) as channel:
        export = channel.unary_unary(
            _EXPORT,
            request_serializer=bytes,
            response_deserializer=ExportTraceServiceResponse.FromString,
        )
        export(body, timeout=30)


def _doctor(data_dir: Path, *arguments: str, **environment: str) -> tuple[int, dict[str, Any]]:
    """Run the doctor.

    Returns:
        Its exit code, and its checks by name; of several with one name the worst.
    """
    command = [sys.executable, "-m", "spanloom_query", "doctor", "--json", "--data", str(data_dir)]
    result = subprocess.run(
        [*command, *_FREE_PORTS, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | _NO_SERVER | environment,
    )
    checks = json.loads(result.stdout)["checks"]
    by_level = sorted(checks, key=lambda check: ("ok", "warn", "fail").index(check["level"]))
    return result.returncode, {check["name"]: check for check in by_level}


@pytest.mark.parametrize(("transport", "status"), [("http", "200"), ("grpc", "OK")])
def test_counters_move_by_what_is_sent(tmp_path: Path, transport: str, status: str) -> None:
    body = request(span(), span(), span(), span(trace_id=b"")).SerializeToString()
    way = {"transport": transport, "encoding": "protobuf"}
    with running_server(tmp_path) as server:
        if transport == "http":
            server.export(body, "p")
        else:
            _send_over_grpc(server, body)
        server.get("/projects")  # waits until all is in the table
        series = _metrics(server)

    assert _value(series, "received_spans_total", **way) == 3
    assert _value(series, "received_bytes_total", **way) == len(body)
    assert _value(series, "requests_total", transport=transport, status=status) == 1
    reasons = {key: n for key, n in series.items() if key[0] == "spanloom_rejected_spans_total"}
    assert sum(reasons.values()) == 1
    assert _value(series, "load_seconds_count") == 1
    assert _value(series, "sync_seconds_count") >= 1
    assert _value(series, "loaded_bytes_total") > 0
    assert _value(series, "journal_waiting_bytes") == 0
    assert _value(series, "journal_oldest_record_age_seconds") == 0


def test_a_refused_request_counts_as_an_answer_alone(server: Server) -> None:
    before = _metrics(server)
    assert server.export(b"\xff\xff").status == 400
    after = _metrics(server)
    way = {"transport": "http", "status": "400"}

    assert _value(after, "requests_total", **way) - _value(before, "requests_total", **way) == 1
    assert [key for key in after if key[0] == "spanloom_received_spans_total"] == [
        key for key in before if key[0] == "spanloom_received_spans_total"
    ]


def test_what_a_dead_process_left_is_counted_as_replayed(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        server.export(request(span()).SerializeToString(), "p")
        server.kill()
    left = len([*(tmp_path / "journal").glob("*.open"), *(tmp_path / "journal").glob("*.pb")])
    with running_server(tmp_path) as server:
        assert _value(_metrics(server), "replayed_segments_total") == left


def test_metrics_demand_a_token_where_there_are_tokens(tmp_path: Path) -> None:
    environment = {"SPANLOOM_TOKENS": "all,one=my-project"}
    with running_server(tmp_path, environment=environment) as server:
        assert server.request("GET", "/metrics").status == 401
        assert _metrics(server, authorization="Bearer one")
        code, checks = _doctor(tmp_path)
        assert (code, checks["metrics"]["level"]) == (0, "warn")
        code, checks = _doctor(tmp_path, SPANLOOM_API_KEY="one")
        assert (code, "metrics" in checks) == (0, False)


def _readiness(server: Server) -> tuple[int, str, list[str]]:
    answer = server.request("GET", "/readyz")
    failed = [check["name"] for check in answer.json["checks"] if not check["ok"]]
    return answer.status, answer.json["status"], failed


def test_a_server_without_its_journals_folder_is_not_ready(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        before = _readiness(server)
        (tmp_path / "journal").rename(tmp_path / "elsewhere")
        without = _readiness(server)
        (tmp_path / "elsewhere").rename(tmp_path / "journal")

        assert before == (200, "ready", [])
        assert without == (503, "not ready", ["journal"])
        assert _readiness(server) == before


def test_a_server_whose_quota_holds_no_segment_is_not_ready(tmp_path: Path) -> None:
    environment = {"SPANLOOM_JOURNAL_QUOTA_BYTES": "1000"}
    with running_server(tmp_path, environment=environment) as server:
        assert _readiness(server) == (503, "not ready", ["journal"])
        assert server.request("GET", "/healthz").status == 200


def test_a_quota_that_is_no_number_is_explained(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "spanloom_query", "serve", "--data", str(tmp_path)]
    environment = os.environ | {"SPANLOOM_JOURNAL_QUOTA_BYTES": "10G"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)

    assert result.returncode == 1
    assert "SPANLOOM_JOURNAL_QUOTA_BYTES must be a number, not '10G'" in result.stderr


def test_the_log_can_be_read_by_machines(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with running_server(tmp_path, environment={"SPANLOOM_LOG_FORMAT": "json"}) as server:
        server.stop()
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    messages = [line["message"] for line in lines]

    assert all({"time", "level", "logger", "message"} == line.keys() for line in lines)
    assert messages[0].startswith(f"spanloom ready ui={server.endpoint} ")
    assert messages[-1] == "stopped"


def test_the_level_of_the_log_can_be_set(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with running_server(tmp_path, environment={"SPANLOOM_LOG_LEVEL": "warning"}) as server:
        server.stop()

    assert capfd.readouterr().err == ""


def test_the_doctor_finds_nothing_wrong_before_the_first_start(tmp_path: Path) -> None:
    code, checks = _doctor(tmp_path / "none")

    assert code == 0
    assert {check["level"] for check in checks.values()} <= {"ok", "warn"}
    assert checks["server"]["detail"] == "none runs"
    assert not (tmp_path / "none").exists()


def test_the_doctor_asks_a_server_that_runs(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        code, checks = _doctor(tmp_path)

    assert code == 0
    assert server.endpoint in checks["server"]["detail"]
    assert checks["readyz/loader"]["level"] == "ok"
    assert "not opened here" in checks["engine"]["detail"]


def test_the_doctor_says_when_a_running_server_is_not_ready(tmp_path: Path) -> None:
    environment = {"SPANLOOM_JOURNAL_QUOTA_BYTES": "1000"}
    with running_server(tmp_path, environment=environment):
        code, checks = _doctor(tmp_path)

    assert (code, checks["readyz/journal"]["level"]) == (1, "fail")


def test_the_doctor_knows_the_ports_of_the_server_that_runs(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        addresses = (server.endpoint, server.otlp_grpc, server.otlp_http)
        ports = [address.rpartition(":")[2] for address in addresses]
        options = ("--port", "--otlp-grpc-port", "--otlp-http-port")
        named = [text for pair in zip(options, ports, strict=True) for text in pair]
        code, checks = _doctor(tmp_path, *named)

    assert code == 0
    assert all("listens there" in checks[f"port {port}"]["detail"] for port in ports)


def test_the_doctor_names_the_process_that_holds_a_folder_without_answering(
    tmp_path: Path,
) -> None:
    with running_server(tmp_path) as server:
        (tmp_path / "server.json").unlink()
        code, checks = _doctor(tmp_path)

    assert (code, checks["server"]["level"]) == (1, "fail")
    assert f"PID: {server.process.pid}" in checks["server"]["advice"]


def test_the_doctor_opens_an_engine_that_nobody_holds(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        server.stop()
    code, checks = _doctor(tmp_path)

    assert code == 0
    assert "answers" in checks["engine"]["detail"]
    assert "all applied" in checks["schema"]["detail"]


def test_the_doctor_tells_reasons_of_quarantine_and_a_server_is_degraded_by_it(
    tmp_path: Path,
) -> None:
    quarantine = Quarantine(tmp_path / "journal" / "quarantine")
    quarantine.put("1-1-1", Record(b"", 1, "p"), "Code: 131. Too large string size")
    with running_server(tmp_path) as server:
        assert _readiness(server) == (200, "degraded", ["quarantine"])
        assert _value(_metrics(server), "quarantined_records") == 1
        code, checks = _doctor(tmp_path)

    assert (code, checks["readyz/quarantine"]["level"]) == (0, "warn")
    assert checks["quarantine"]["detail"] == "1-1-1: Code: 131. Too large string size"


def test_a_quarantined_record_that_is_moved_into_the_journal_is_loaded_at_the_next_start(
    tmp_path: Path,
) -> None:
    quarantine = Quarantine(tmp_path / "journal" / "quarantine")
    body = request(span("freed")).SerializeToString()
    quarantine.put("1-1-1", Record(body, 1, "p"), "refused")
    (tmp_path / "journal" / "quarantine" / "1-1-1.pb").rename(tmp_path / "journal" / "1-1-1.pb")
    with running_server(tmp_path) as server:
        names = [trace["name"] for trace in server.get("/projects/p/traces")["traces"]]
        readiness = _readiness(server)

    assert (names, readiness) == (["freed"], (200, "ready", []))


def test_the_doctor_tells_of_a_port_that_another_program_holds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, checks = _doctor(tmp_path, "--otlp-http-port", str(port))

    assert (code, checks[f"port {port}"]["level"]) == (1, "fail")
    assert "--otlp-http-port" in checks[f"port {port}"]["advice"]


def test_the_doctor_tells_of_an_address_where_nothing_answers(tmp_path: Path) -> None:
    code, checks = _doctor(tmp_path, "--endpoint", "http://127.0.0.1:1")

    assert (code, checks["server"]["level"]) == (1, "fail")


def test_the_doctor_speaks_to_people_in_lines(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "spanloom_query", "doctor", "--data", str(tmp_path)]
    result = subprocess.run(
        [*command, *_FREE_PORTS], capture_output=True, text=True, env=os.environ | _NO_SERVER
    )

    assert result.returncode == 0
    assert all(line.split()[0] in ("ok", "warn") for line in result.stdout.splitlines())
