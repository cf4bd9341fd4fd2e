"""The command line: help that teaches, and errors that say what to do."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import Server

_FREE_PORTS = ("--otlp-grpc-port", "0", "--otlp-http-port", "0")


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "spanloom_query", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environment,
    )


@pytest.mark.parametrize("command", ["serve", "demo", "doctor", "receive", "collector", "query"])
def test_help_shows_examples_and_environment(command: str) -> None:
    result = _run(command, "--help")

    assert result.returncode == 0
    assert "examples:" in result.stdout
    assert "--port" in result.stdout


def test_the_version_is_told() -> None:
    assert re.fullmatch(r"spanloom \d+\.\d+\.\d+\S*\n", _run("--version").stdout)


@pytest.mark.parametrize("port", ["x", "70000", "-1"])
def test_a_port_that_is_none_is_explained(port: str) -> None:
    result = _run("serve", f"--port={port}")

    assert result.returncode == 2
    assert "a port is a number from 0 to 65535" in result.stderr


def test_a_taken_port_is_named(server: Server, tmp_path: Path) -> None:
    port = server.endpoint.rsplit(":", 1)[1]
    result = _run("serve", "--data", str(tmp_path), "--port", port, *_FREE_PORTS)

    assert result.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr


@pytest.mark.parametrize("option", ["--otlp-grpc-port", "--otlp-http-port"])
def test_a_taken_otlp_port_is_named(server: Server, tmp_path: Path, option: str) -> None:
    address = server.otlp_grpc if "grpc" in option else server.otlp_http
    port = address.rsplit(":", 1)[1]
    ports = ("--port", "0", *_FREE_PORTS, option, port)
    result = _run("serve", "--data", str(tmp_path), *ports)

    assert result.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr


def test_listening_beyond_this_machine_needs_tokens(tmp_path: Path) -> None:
    result = _run("serve", "--data", str(tmp_path), "--host", "0.0.0.0", "--port", "0")

    assert result.returncode == 1
    assert "set SPANLOOM_TOKENS, or pass --insecure" in result.stderr


def test_a_server_address_that_is_none_is_explained(tmp_path: Path) -> None:
    result = _run(
        "serve", "--data", str(tmp_path), "--port", "0", SPANLOOM_CLICKHOUSE_URL="nowhere:1"
    )

    assert result.returncode == 1
    assert "SPANLOOM_CLICKHOUSE_URL must look like" in result.stderr


def test_an_environment_with_the_sdk_alone_says_what_to_install() -> None:
    script = (
        "import importlib.util, sys\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda n: None if n == 'fastapi' else find(n)\n"
        "from spanloom_query.cli import main\n"
        "sys.exit(main(['serve']))\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert result.returncode == 1
    assert "pip install 'spanloom[local]'" in result.stderr
