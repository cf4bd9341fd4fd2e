"""What the guides tell people to run, runs, and its calls are in the API."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server

_GUIDES = Path(__file__).parents[2] / "docs" / "guides"
_NAMES = ("instrument", "async", "streaming")


def _program(guide: str, number: int) -> str:
    text = (_GUIDES / f"{guide}.md").read_text("utf-8")
    found: str = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[number]
    return found


def _run(server: Server, guide: str, number: int, folder: Path) -> tuple[str, list[dict[str, Any]]]:
    """Run a program; return what it prints and the traces it leaves."""
    project = server.fresh_project()
    program = re.sub(r'init\("[\w-]+"\)', f'init("{project}")', _program(guide, number))
    file = folder / "program.py"
    file.write_text(program)
    result = subprocess.run(
        [sys.executable, str(file)],
        env=os.environ | {"SPANLOOM_ENDPOINT": server.endpoint},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout, _traces(server, project)


def _traces(server: Server, project: str) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        answer = server.request("GET", f"/api/v1/projects/{project}/traces")
        if answer.status == 200 and answer.json["traces"]:
            found: list[dict[str, Any]] = answer.json["traces"]
            return found
        time.sleep(0.05)
    raise AssertionError("no trace arrived")


@pytest.mark.parametrize(
    ("guide", "number", "printed", "root", "span_count"),
    [
        ("instrument", 0, "Hello, Ada!\n", "greet", 1),
        ("instrument", 2, "", "ask the model", 1),
        ("instrument", 3, "", "answer", 1),
        ("async", 0, "about spans\n", "answer", 3),
        ("async", 1, "[0, 1, 4]\n", "fan_out", 4),
        ("async", 2, "done\n", "send", 2),
        ("streaming", 0, "It depends.\n", "stream", 1),
        ("streaming", 1, "It depends.\n", "answer", 2),
    ],
)
def test_a_guides_program_leaves_the_trace_that_it_promises(
    server: Server,
    tmp_path: Path,
    guide: str,
    number: int,
    printed: str,
    root: str,
    span_count: int,
) -> None:
    output, (trace,) = _run(server, guide, number, tmp_path)

    assert output == printed
    assert (trace["name"], trace["span_count"]) == (root, span_count)


def test_an_op_is_shown_as_it_was_told_to_be(server: Server, tmp_path: Path) -> None:
    output, (trace,) = _run(server, "instrument", 1, tmp_path)

    assert f"traces/{trace['trace_id']}" in output
    assert trace["name"] == "summary of 24 characters"
    assert (trace["input_tokens"], trace["output_tokens"]) == (12, 4)


def test_some_traces_are_left_out_by_sampling(server: Server, tmp_path: Path) -> None:
    output, traces = _run(server, "async", 3, tmp_path)

    assert output == "4950\n"
    assert 0 < len(traces) < 50


def test_every_program_of_the_guides_is_run() -> None:
    counts = [
        len(re.findall("```python", (_GUIDES / f"{name}.md").read_text("utf-8"))) for name in _NAMES
    ]

    assert counts == [4, 4, 2]
