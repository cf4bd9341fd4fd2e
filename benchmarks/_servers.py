"""The servers that are measured: Spanloom, and peers in environments of their own."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import orjson

_REPOSITORY = Path(__file__).parents[1]
_PEERS = Path(__file__).parent / ".peers"
_START_TIMEOUT_S = 120
_STOP_TIMEOUT_S = 20
_PROJECT = "bench"


@dataclass
class Target:
    """A running server."""

    name: str
    pid: int
    folder: Path
    addresses: dict[str, str]
    """Transport ("grpc", "http", "json") to host:port."""

    headers: dict[str, str] = field(default_factory=dict)
    database: Path | None = None
    """A peer's SQLite file, in which its spans are counted."""

    api: str = ""
    """Spanloom's API."""

    def stored_spans(self) -> int:
        """How many spans a reader finds."""
        if self.database is not None:
            return _sqlite_spans(self.database)
        projects = self.get("/projects")["projects"]
        return sum(project["span_count"] for project in projects if project["name"] == _PROJECT)

    def has_trace(self, trace_id: str) -> bool:
        """Whether Spanloom's API shows a trace."""
        try:
            self.get(f"/projects/{_PROJECT}/traces/{trace_id}")
        except urllib.error.HTTPError as error:
            error.close()
            return False
        return True

    def get(self, path: str) -> dict[str, list[dict[str, int]]]:
        with urllib.request.urlopen(f"{self.api}{path}", timeout=120) as answer:
            parsed: dict[str, list[dict[str, int]]] = orjson.loads(answer.read())
        return parsed


@contextmanager
def spanloom(folder: Path) -> Iterator[Target]:
    """``spanloom serve`` on an empty folder, with everything as it comes."""
    ports = ("--port", "0", "--otlp-grpc-port", "0", "--otlp-http-port", "0")
    command = [sys.executable, "-m", "spanloom_query", "serve", "--data", str(folder), *ports]
    with (
        (folder.parent / "spanloom.log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith("spanloom ready "):
                raise RuntimeError(f"the server did not start, see {log.name}")
            said = dict(part.split("=", 1) for part in line.split()[2:])
            http = said["otlp_http"].removeprefix("http://")
            addresses = {"grpc": said["otlp_grpc"], "http": http, "json": http}
            headers = {"x-spanloom-project": _PROJECT}
            yield Target("spanloom", process.pid, folder, addresses, headers, api=said["api"])
        finally:
            _stop(process)


@contextmanager
def phoenix(folder: Path) -> Iterator[Target]:
    """Phoenix as its documentation starts it, on SQLite."""
    executable = installed("phoenix", "arize-phoenix==20.26.1")
    http, grpc = _free_port(), _free_port()
    database = folder / "phoenix.db"
    environment = {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(http),
        "PHOENIX_GRPC_PORT": str(grpc),
        "PHOENIX_SQL_DATABASE_URL": f"sqlite:///{database}",
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    with _peer([str(executable / "phoenix"), "serve"], folder, environment, http) as pid:
        addresses = {"grpc": f"127.0.0.1:{grpc}", "http": f"127.0.0.1:{http}"}
        yield Target("phoenix", pid, folder, addresses, database=database)


@contextmanager
def mlflow(folder: Path) -> Iterator[Target]:
    """MLflow's tracking server on SQLite, with one worker."""
    executable = installed("mlflow", "mlflow==3.17.2")
    http, database = _free_port(), folder / "mlflow.db"
    command = [str(executable / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(http)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{database}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    environment = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with _peer(command, folder, environment, http) as pid:
        headers = {"x-mlflow-experiment-id": "0"}
        yield Target("mlflow", pid, folder, {"http": f"127.0.0.1:{http}"}, headers, database)


@contextmanager
def _peer(
    command: list[str], folder: Path, environment: dict[str, str], port: int
) -> Iterator[int]:
    with (
        (folder / "server.log").open("w") as log,
        subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as process,
    ):
        try:
            _wait_for_port(port, process)
            yield process.pid
        finally:
            _stop(process)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its workers, in the session made for it


def installed(name: str, requirements: str) -> Path:
    """The bin folder of a peer's own environment, made when it is missing or has other pins."""
    folder = _PEERS / name
    done = folder / "done"
    if not done.exists() or done.read_text() != requirements:
        uv = str(_REPOSITORY / "scripts" / "uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", str(folder)], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python")]
        subprocess.run([*install, *requirements.split()], check=True)
        done.write_text(requirements)
    return folder / "bin"


def _sqlite_spans(path: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
            return int(connection.execute("SELECT count(*) FROM spans").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # locked for longer than that, or not made yet


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the peer did not start: see server.log in its folder")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _stop(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
