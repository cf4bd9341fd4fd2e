"""The guide to model clients says what is true: each of its programs runs and shows its tokens."""

import re
from pathlib import Path

import pytest

from spanloom.integrations.switchboard import CATALOGUE
from tests.e2e.integrations.conftest import Recorded, Run
from tests.support.server import Server

_GUIDE = (Path(__file__).parents[3] / "docs/guides/model-clients.md").read_text("utf-8")
_PROGRAMS = re.findall(r"```python\n(.*?)```", _GUIDE, re.DOTALL)
_EXPECTED = {"google": (16, 9, 25), "in-house": (12, 3, 15), "integrations=": None}


def _tokens(program: str) -> tuple[int, ...] | None:
    return next((tokens for word, tokens in _EXPECTED.items() if word in program), (16, 7, 23))


@pytest.mark.parametrize(
    "program", _PROGRAMS, ids=[f"program {n}" for n, _ in enumerate(_PROGRAMS, 1)]
)
def test_each_program_shows_its_tokens(
    server: Server, run: Run, tmp_path: Path, program: str
) -> None:
    file, project = tmp_path / "program.py", server.fresh_project()
    file.write_text(program.replace('"my-project"', repr(project)))
    run(file)

    assert 'spanloom.init("my-project"' in program
    expected = _tokens(program)
    assert list(Recorded(server, project).tokens.values()) == ([expected] if expected else [])


def test_every_extra_is_in_the_guide() -> None:
    for each in CATALOGUE:
        assert f"'spanloom[{each.name}]'" in _GUIDE
