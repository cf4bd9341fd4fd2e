"""What the guides tell people to write, works."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import Server

_GUIDES = Path(__file__).parents[2] / "docs" / "guides"


def _programs(guide: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (_GUIDES / guide).read_text("utf-8"), re.DOTALL)


def _run(command: list[str], folder: Path, endpoint: str = "") -> str:
    result = subprocess.run(
        [sys.executable, *command],
        env=os.environ | ({"SPANLOOM_ENDPOINT": endpoint} if endpoint else {}),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("program", _programs("objects.md"))
def test_objects_are_published_as_the_guide_says(
    server: Server, tmp_path: Path, program: str
) -> None:
    (tmp_path / "program.py").write_text(program)

    _run(["program.py"], tmp_path, server.endpoint)


@pytest.mark.parametrize("program", _programs("testing.md"))
def test_calls_are_tested_as_the_guide_says(tmp_path: Path, program: str) -> None:
    (tmp_path / "test_app.py").write_text(program)
    test_count = program.count("def test_")
    if test_count:
        output = _run(["-m", "pytest", "-p", "no:cacheprovider", "test_app.py"], tmp_path)
        assert f"{test_count} passed" in output
    else:
        _run(["test_app.py"], tmp_path)
