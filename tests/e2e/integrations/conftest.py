"""Runs apps with genuine model clients against local providers and a real server."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.integrations.model_server import running_model_server
from tests.support.server import Server

APPS = Path(__file__).parent / "apps"

Run = Callable[..., str]


@pytest.fixture(scope="session")
def models() -> Iterator[str]:
    """The base URL under which every provider answers."""
    with running_model_server() as url:
        yield url


@pytest.fixture(scope="session")
def run(server: Server, models: str) -> Run:
    """Runs an app to its end; returns the project that it wrote to."""

    def run_app(app: Path, *arguments: str, **variables: str) -> str:
        project = server.fresh_project()
        result = subprocess.run(
            [sys.executable, str(app), project, *arguments],
            env=_environment(server, models) | {"SPANLOOM_PROJECT": project} | variables,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert result.returncode == 0, result.stderr
        assert "Traceback" not in result.stderr, result.stderr
        return project

    return run_app


def _environment(server: Server, models: str) -> dict[str, str]:
    # Clients are large: without their bytecode each run would compile them anew.
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {
        "SPANLOOM_ENDPOINT": server.endpoint,
        "OPENAI_BASE_URL": f"{models}/v1",
        "OPENAI_API_KEY": "none",
        "ANTHROPIC_BASE_URL": models,
        "ANTHROPIC_API_KEY": "none",
        "GOOGLE_GEMINI_BASE_URL": models,
        "GEMINI_API_KEY": "none",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": models,
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "NO_PROXY": "127.0.0.1",
    }


class Recorded:
    """What the server shows of a project's traces, by the name of their root."""

    def __init__(self, server: Server, project: str) -> None:
        listed = server.get(f"/projects/{project}/traces", limit=100)["traces"]
        self.tokens = {
            trace["name"]: (trace["input_tokens"], trace["output_tokens"], trace["total_tokens"])
            for trace in listed
        }
        self.trees: dict[str, Any] = {
            trace["name"]: server.get(f"/projects/{project}/traces/{trace['trace_id']}")
            for trace in listed
        }
        self._server, self._project = server, project

    def spans(self, name: str) -> list[Any]:
        """The whole spans of a trace, in order of their start."""
        tree = self.trees[name]
        path = f"/projects/{self._project}/traces/{tree['trace_id']}/spans"
        return [self._server.get(f"{path}/{span_id}") for span_id in tree["spans"]["span_id"]]
