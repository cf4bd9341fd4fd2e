"""What the guides to delivery and processes tell people to run, runs and arrives."""

import dataclasses
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spanloom import Settings
from tests.support.server import Server

_GUIDES = Path(__file__).parents[2] / "docs" / "guides"
_DELIVERY = (_GUIDES / "delivery.md").read_text("utf-8")
_PROCESSES = (_GUIDES / "several-processes.md").read_text("utf-8")


def _programs(guide: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", guide, re.DOTALL)


def _run(server: Server, program: str, folder: Path) -> tuple[str, str]:
    """Run a program in a project of its own; returns the project and what was printed."""
    project = server.fresh_project()
    file = folder / "program.py"
    file.write_text(program.replace("my-project", project))
    result = subprocess.run(
        [sys.executable, str(file)],
        env=_environment(server, folder),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return project, result.stdout


def _environment(server: Server, folder: Path) -> dict[str, str]:
    spool = str(folder / "spool")
    return os.environ | {"SPANLOOM_ENDPOINT": server.endpoint, "SPANLOOM_SPOOL_DIR": spool}


def _await_spans(server: Server, project: str, count: int) -> int:
    deadline = time.monotonic() + 20
    while (found := _span_count(server, project)) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _span_count(server: Server, project: str) -> int:
    traces = server.get(f"/projects/{project}/traces")["traces"]
    return sum(trace["span_count"] for trace in traces)


def test_a_program_delivers_without_further_ado(server: Server, tmp_path: Path) -> None:
    project, printed = _run(server, _programs(_DELIVERY)[0], tmp_path)

    assert printed == "True\n"
    assert _await_spans(server, project, 1) == 1


def test_offline_calls_arrive_with_the_command(server: Server, tmp_path: Path) -> None:
    project, _ = _run(server, _programs(_DELIVERY)[1], tmp_path)
    assert list(tmp_path.rglob("*.spool"))

    sync = [sys.executable, "-m", "spanloom_query", "sync"]
    subprocess.run(sync, env=_environment(server, tmp_path), timeout=60, check=True)

    assert _await_spans(server, project, 1) == 1


@pytest.mark.parametrize(("index", "count"), [(0, 3), (1, 10), (2, 2)])
def test_calls_of_all_processes_arrive(
    server: Server, tmp_path: Path, index: int, count: int
) -> None:
    project, printed = _run(server, _programs(_PROCESSES)[index], tmp_path)

    assert _await_spans(server, project, count) == count
    assert printed == ("285\n" if index == 1 else "")


def test_every_setting_of_delivery_is_explained() -> None:
    names = [field.name for field in dataclasses.fields(Settings)]
    of_delivery = dataclasses.fields(Settings)[names.index("queue_max_bytes") :]

    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", _DELIVERY, re.MULTILINE)
    assert rows == [(field.name, field.metadata["meaning"]) for field in of_delivery]


_LONG_CALL = """
import sys
import spanloom

spanloom.init("my-project")

@spanloom.op
def long() -> None:
    sys.stdin.read()

long()
"""


def test_a_call_shows_while_it_runs_and_once_when_it_has_ended(
    server: Server, tmp_path: Path
) -> None:
    project = server.fresh_project()
    program = _LONG_CALL.replace("my-project", project)
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=_environment(server, tmp_path),
        stdin=subprocess.PIPE,
    )
    try:
        assert _await_spans(server, project, 1) == 1
        running = server.get(f"/projects/{project}/traces")["traces"]
    finally:
        process.communicate(timeout=30)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        ended = server.get(f"/projects/{project}/traces")["traces"]
        if ended[0]["status"] != "running":
            break
        time.sleep(0.1)

    assert [(trace["status"], trace["duration_ms"]) for trace in running] == [("running", None)]
    assert [trace["status"] for trace in ended] == ["unset"]
    assert ended[0]["start_time"] == running[0]["start_time"]
