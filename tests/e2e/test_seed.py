"""A program written for W&B Weave runs here, and its evaluations are in the API."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server

_PROGRAM = Path(__file__).with_name("seed_evaluation.py")
_PROJECT = "/projects/your-entity/your-project"
_CORRECT = {"exact_match_scorer": {"correct": {"true_count": 1, "true_fraction": 0.5}}}


@pytest.fixture(scope="module")
def output(server: Server) -> dict[str, Any]:
    environment = os.environ | {"SPANLOOM_ENDPOINT": server.endpoint}
    result = subprocess.run(
        [sys.executable, str(_PROGRAM)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert "model:v2: {'" in result.stdout
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def test_both_ways_to_evaluate_return_the_summary(output: dict[str, Any]) -> None:
    for summary in (output["results"], output["summary"]):
        assert summary.items() >= _CORRECT.items()
        assert summary["model_latency"]["mean"] >= 0


def test_the_evaluations_are_listed_newest_first(server: Server, output: dict[str, Any]) -> None:
    evaluations = server.get(f"{_PROJECT}/evaluations")["evaluations"]

    assert len(evaluations) == 4
    assert [item["model"]["parameters"]["model_name"] for item in evaluations] == [
        "model:v2",
        "model:v1",
        "wandb-entity/registry-name/model:version",
        "wandb-entity/registry-name/model:version",
    ]
    for item in evaluations:
        assert item["summary"].items() >= _CORRECT.items()
        assert (item["row_count"], item["error_count"]) == (2, 0)
        assert item["dataset"]["name"] == "eval_dataset"
        assert item["scorers"] == ["exact_match_scorer"]


def test_one_model_is_one_version_and_its_runtime_state_is_no_part_of_it(
    server: Server, output: dict[str, Any]
) -> None:
    *others, second, first = server.get(f"{_PROJECT}/evaluations")["evaluations"]

    assert first["model"]["digest"] == second["model"]["digest"]
    assert {item["model"]["digest"] for item in others}.isdisjoint({first["model"]["digest"]})
    assert first["model"]["parameters"] == {
        "model_name": "wandb-entity/registry-name/model:version"
    }


def test_the_call_is_found_by_its_id_with_the_attributes_around_it(
    server: Server, output: dict[str, Any]
) -> None:
    evaluation = server.get(f"{_PROJECT}/evaluations/{output['call_id']}")

    assert evaluation["attributes"]["wandb-run-id"] == "run-1"
    assert evaluation["summary"] == output["summary"]


def test_each_row_leads_to_its_spans(server: Server, output: dict[str, Any]) -> None:
    rows = server.get(f"{_PROJECT}/evaluations/{output['call_id']}/rows")["rows"]
    trace = server.get(f"{_PROJECT}/traces/{rows[0]['trace_id']}")
    spans = trace["spans"]

    assert [row["inputs"]["input"] for row in rows] == [
        "What is the capital of France?",
        "What is 2+2?",
    ]
    assert [row["output"] for row in rows] == ["paris", "five"]
    assert [row["scores"]["exact_match_scorer"]["correct"] for row in rows] == [True, False]
    for row in rows:
        place = spans["span_id"].index(row["span_id"])
        below = [
            (name, kind)
            for name, kind, parent in zip(
                spans["name"], spans["kind"], spans["parent"], strict=True
            )
            if parent == place
        ]
        assert sorted(name for name, _ in below) == ["ChatModel.predict", "exact_match_scorer"]
        assert ("exact_match_scorer", "scorer") in below
    assert (spans["name"][0], spans["kind"][0]) == ("Evaluation.evaluate", "evaluation")
    assert "summary" in spans["kind"]
