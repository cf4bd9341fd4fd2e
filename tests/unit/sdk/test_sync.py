"""What waits on disk is delivered by hand, also where the SDK is installed alone."""

import subprocess
import sys
from pathlib import Path

import pytest

import spanloom
from spanloom.errors import ConfigurationError
from spanloom.sync import sync
from tests.unit.sdk.sink import Answer, Sink

WITHOUT_A_SERVER = """
import importlib.util, sys
find = importlib.util.find_spec
absent = ("fastapi", "clickhouse_connect", "grpc", "uvicorn")
importlib.util.find_spec = lambda name: None if name in absent else find(name)
from spanloom_query.cli import main
code = main(sys.argv[1:])
assert not set(absent) & set(sys.modules)
sys.exit(code)
"""


@spanloom.op
def work(n: int) -> int:
    return n


def record_offline(folder: Path, url: str, count: int = 3) -> None:
    settings = {"spool_dir": folder}
    spanloom.init("team/offline", endpoint=url, mode="offline", settings=settings)
    for n in range(count):
        work(n)
    assert spanloom.flush()
    spanloom.finish()


def run_sync(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_A_SERVER, "sync", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_offline_calls_stay_on_disk_until_they_are_synced(sink: Sink, tmp_path: Path) -> None:
    record_offline(tmp_path, sink.url)
    assert sink.connection_count == 0

    result = run_sync("--spool-dir", str(tmp_path))

    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("3 spans delivered, 0 files left\n")
    assert len(sink.spans()) == 3
    assert sink.requests[0].headers["x-spanloom-project"] == "team/offline"
    assert list(tmp_path.rglob("*.spool")) == []


def test_another_server_can_take_what_was_meant_for_one(
    sink: Sink, tmp_path: Path, dead_url: str
) -> None:
    record_offline(tmp_path, dead_url)

    (synced,) = sync(sink.url, tmp_path)

    assert (synced.endpoint, synced.span_count, synced.problem) == (sink.url, 3, "")
    assert len(sink.spans()) == 3


def test_a_server_that_is_away_costs_nothing_and_is_asked_once(
    tmp_path: Path, dead_url: str
) -> None:
    record_offline(tmp_path, dead_url)
    record_offline(tmp_path, dead_url)

    result = run_sync("--spool-dir", str(tmp_path))

    assert result.returncode == 1
    assert result.stdout.count("Connection refused") == 2
    assert result.stdout.endswith("0 spans delivered, 2 files left\n")


def test_a_busy_server_is_asked_again(
    sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPANLOOM_RETRY_INITIAL_S", "0.01")
    record_offline(tmp_path, sink.url)
    sink.answers = [Answer(503), Answer(429, headers=(("Retry-After", "0.01"),))]

    (synced,) = sync(spool_dir=tmp_path)

    assert (synced.span_count, synced.problem) == (3, "")


def test_what_a_server_refuses_stays(sink: Sink, tmp_path: Path) -> None:
    record_offline(tmp_path, sink.url)
    sink.answers = [Answer(401, b"no such key")]

    (synced,) = sync(spool_dir=tmp_path)

    assert synced.problem == "401 Unauthorized: no such key"
    assert synced.path.exists()


def test_a_running_program_keeps_its_file(sink: Sink, tmp_path: Path) -> None:
    spanloom.init("p", endpoint=sink.url, mode="offline", settings={"spool_dir": tmp_path})
    work(1)
    assert spanloom.flush()

    (synced,) = sync(spool_dir=tmp_path)

    assert synced.problem.startswith("a running program uses it")


def test_an_endpoint_that_is_none_is_a_mistake_with_a_remedy(tmp_path: Path) -> None:
    result = run_sync("--endpoint", "nowhere", "--spool-dir", str(tmp_path))

    assert result.returncode == 1
    assert "'nowhere' is no server address" in result.stderr


def test_offline_needs_a_spool() -> None:
    with pytest.raises(ConfigurationError, match="offline needs a spool"):
        spanloom.init(mode="offline", settings={"spool_max_bytes": 0})


def test_a_mode_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'online' or 'offline', not 'off'"):
        spanloom.init(mode="off")  # type: ignore[arg-type]
