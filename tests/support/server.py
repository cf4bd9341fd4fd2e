"""A real ``spanloom serve`` in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

_STOP_TIMEOUT_S = 30


class Answer(NamedTuple):
    """An HTTP answer, whatever its status."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    """A running server and how to talk to it."""

    process: subprocess.Popen[str]
    endpoint: str
    otlp_grpc: str
    otlp_http: str

    def fresh_project(self) -> str:
        """A project that no other test uses."""
        return f"test-{uuid.uuid4().hex[:12]}"

    def get(self, path: str, **parameters: object) -> Any:
        """The JSON at a path below ``/api/v1``; the answer must be a success."""
        answer = self.request("GET", f"/api/v1{path}", parameters=parameters)
        assert answer.status == 200, answer.body.decode()
        return answer.json

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, object] | None = None,
        base: str | None = None,
    ) -> Answer:
        """Send one request."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        request = urllib.request.Request(
            f"{base or self.endpoint}{path}{query}", body, headers or {}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, answer.read(), _lowered(answer.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read(), _lowered(error.headers))

    def export(self, body: bytes, project: str | None = None) -> Answer:
        """Send an OTLP protobuf body to the main port."""
        headers = {"content-type": "application/x-protobuf"}
        if project:
            headers["x-spanloom-project"] = project
        return self.request("POST", "/v1/traces", body=body, headers=headers)

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(_STOP_TIMEOUT_S)

    def stop(self) -> int:
        """Ask the process to stop.

        Returns:
            Its exit code.
        """
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_TIMEOUT_S)


@contextmanager
def running_server(
    data_dir: Path,
    *arguments: str,
    environment: dict[str, str] | None = None,
    command: str = "serve",
) -> Iterator[Server]:
    """Start a server, or one of its parts, on free ports and end it afterwards."""
    process = start(data_dir, *arguments, environment=environment, command=command)
    try:
        yield _ready(process)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout:
            process.stdout.close()


def start(
    data_dir: Path,
    *arguments: str,
    environment: dict[str, str] | None = None,
    command: str = "serve",
) -> subprocess.Popen[str]:
    """Start ``spanloom serve``, or another of its commands, on free ports."""
    options = ["--port", "0"]
    if command != "query":
        options += ["--data", str(data_dir), "--otlp-grpc-port", "0", "--otlp-http-port", "0"]
    return subprocess.Popen(
        [sys.executable, "-m", "spanloom_query", command, *options, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | (environment or {}),
    )


def _ready(process: subprocess.Popen[str]) -> Server:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("spanloom ready "), f"the server did not start: {line!r}"
    addresses = dict(part.split("=", 1) for part in line.split()[2:])
    endpoint = addresses.get("ui") or addresses["status"]
    otlp_grpc, otlp_http = addresses.get("otlp_grpc", ""), addresses.get("otlp_http", "")
    return Server(process, endpoint, otlp_grpc, otlp_http)


def _lowered(headers: Any) -> dict[str, str]:
    return {key.lower(): value for key, value in headers.items()}
