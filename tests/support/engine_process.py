"""A ClickHouse of one's own for a test: the engine in a process of its own, behind HTTP."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_REPOSITORY = Path(__file__).parents[2]
_ANNOUNCEMENT = "listening on "
_STOP_TIMEOUT_SECONDS = 30


@contextmanager
def running_engine(path: Path) -> Iterator[str]:
    """Start the engine on a folder and yield its URL; stop it at the end.

    Args:
        path: Folder of the engine's data, made when missing. One process owns it at a time.

    Raises:
        RuntimeError: The engine did not start; its own words are on standard error.

    Example:
        with running_engine(tmp_path / "clickhouse") as url:
            client = clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False)
    """
    command = [sys.executable, "-m", "tests.support.clickhouse_http", "--path", str(path)]
    with subprocess.Popen(
        command, cwd=_REPOSITORY, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield _announced_url(process)
        finally:
            _stop(process)


def _announced_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith(_ANNOUNCEMENT):
        raise RuntimeError(f"the engine did not start (it said {line!r})")
    return line.removeprefix(_ANNOUNCEMENT).strip()


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
