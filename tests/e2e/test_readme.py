"""What the README tells people to run, runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import Server

_README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
_PROGRAMS = re.findall(r"```python\n(.*?)```", _README, re.DOTALL)
_QUERIES = re.findall(r"^curl (?!-G)'?(http://127\.0\.0\.1:4319\S+?)'?$", _README, re.MULTILINE)


def _run(server: Server, program: str, folder: Path) -> str:
    file = folder / "program.py"
    file.write_text(program)
    result = subprocess.run(
        [sys.executable, str(file)],
        env=os.environ | {"SPANLOOM_ENDPOINT": server.endpoint},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_app_shows_its_call_tree(server: Server, tmp_path: Path) -> None:
    output = _run(server, _PROGRAMS[0], tmp_path)
    answer, url = output.splitlines()
    trace_id = re.findall(r"traces/(\w{32})", url)[0]

    assert answer == "Paris has 2,103,000 inhabitants."
    tree = server.get(f"/projects/my-project/traces/{trace_id}")
    assert tree["spans"]["name"] == ["answer", "look_up"]


def test_the_evaluation_prints_what_is_written_beside_it(server: Server, tmp_path: Path) -> None:
    output = _run(server, _PROGRAMS[1], tmp_path)

    assert output.startswith("{'exact_match': {'correct': {'true_count': 1, 'true_fraction': 0.5}}")
    assert "# {'exact_match': {'correct': {'true_count': 1, 'true_fraction': 0.5}}" in _README


def test_the_published_prompt_is_filled_in(server: Server, tmp_path: Path) -> None:
    output = _run(server, _PROGRAMS[2], tmp_path)

    assert f"# {output}" in _README


@pytest.mark.parametrize("url", _QUERIES)
def test_the_queries_are_answered(server: Server, url: str) -> None:
    path = url.removeprefix("http://127.0.0.1:4319")

    assert server.request("GET", path).status == 200
