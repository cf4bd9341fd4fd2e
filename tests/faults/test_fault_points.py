"""A death inside each call on the way to the table: what was durable is stored, and stored once."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from spanloom_collector.delivery.journal import SEALED_SUFFIX
from tests.support.fault_point import CALLS
from tests.support.soak import SOAK_ROUNDS, scaled

_REPOSITORY = Path(__file__).parents[2]
_TIMEOUT_S = 120
_AT_A_TIME = 2

_ALL_POINTS = [f"{moment}:{call}" for call in CALLS for moment in ("before", "after")]
_SHORT_POINTS = ["before:fdatasync", "before:rename", "before:insert", "after:insert"]


def _run(folder: Path, point: str, count: int) -> tuple[int, list[str]]:
    command = [sys.executable, "-m", "tests.support.fault_point", str(folder), point, str(count)]
    with subprocess.Popen(command, cwd=_REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            said, _ = process.communicate(timeout=_TIMEOUT_S)
        finally:
            process.kill()
    return process.returncode, said.split()


@pytest.mark.timeout(3_600)
def test_a_death_inside_any_call_loses_and_doubles_nothing_durable(tmp_path: Path) -> None:
    points = _ALL_POINTS if SOAK_ROUNDS else _SHORT_POINTS
    cases = [(point, count) for point in points for count in range(1, scaled(1, 8) + 1)]
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        for outcome in [pool.submit(_die_and_recover, tmp_path, *case) for case in cases]:
            outcome.result()


def _die_and_recover(tmp_path: Path, point: str, count: int) -> None:
    folder = tmp_path / f"{point.replace(':', '-')}-{count}"
    folder.mkdir()
    status, durable = _run(folder, point, count + 1)
    assert status == -signal.SIGKILL, point

    status, stored = _run(folder, "none", 0)
    assert status == 0, point
    assert set(durable) <= set(stored), point
    assert len(stored) == len(set(stored)), point
    assert not list((folder / "journal").glob(f"*{SEALED_SUFFIX}")), point
