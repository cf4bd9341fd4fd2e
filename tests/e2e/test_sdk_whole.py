"""One program that uses all of the SDK at once, and what the server has of it."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server

_PROGRAM = """
from concurrent.futures import ThreadPoolExecutor

import numpy

import spanloom


def without_names(text: str) -> str:
    return text.replace("Ada", "<name>")


client = spanloom.init({project!r}, redact=without_names, attributes={{"build": "7"}})


@spanloom.op(kind="tool")
def look(picture: object, api_key: str) -> str:
    return "Ada is in it"


@spanloom.op
def answer(question: str) -> str:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(look, numpy.arange(5000), api_key="sk-1").result()


with spanloom.attributes(session="s", tags=["t"]):
    _, call = answer.call("Who is Ada?")
call.rename("the question")
call.feedback.add_score("correct", True)
(child,) = call.children()
print(call.trace_id, call.id, child.id)
print([each.display_name for each in answer.calls()], child.inputs["picture"]["shape"])
prompt = spanloom.StringPrompt("Who is {{who}}?", name="who")
spanloom.publish(prompt)
print(spanloom.get("who:latest").format(who="Ada"))
"""


@pytest.fixture(scope="module")
def recorded(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("whole")
    project = server.fresh_project()
    (folder / "program.py").write_text(_PROGRAM.format(project=project))
    printed = _run(folder, server.endpoint)
    trace_id, *ids = printed[0].split()
    spans = [server.get(f"/projects/{project}/traces/{trace_id}/spans/{id_}") for id_ in ids]
    return {"project": project, "printed": printed, "parent": spans[0], "child": spans[1]}


def _run(folder: Path, endpoint: str) -> list[str]:
    result = subprocess.run(
        [sys.executable, "program.py"],
        env={"SPANLOOM_ENDPOINT": endpoint, "SPANLOOM_SPOOL_DIR": str(folder / "spool")},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.splitlines()


def test_calls_are_read_judged_and_renamed_where_they_were_made(recorded: dict[str, Any]) -> None:
    assert recorded["printed"][1:] == ["['the question'] [5000]", "Who is Ada?"]
    (score,) = recorded["parent"]["scores"]
    assert (score["name"], score["value"], score["source"]) == ("correct", True, "feedback")
    assert recorded["parent"]["display_name"] == "the question"


def test_a_pools_call_is_below_the_one_that_gave_it_and_inherits(recorded: dict[str, Any]) -> None:
    parent, child = recorded["parent"], recorded["child"]

    assert child["parent_span_id"] == parent["span_id"]
    assert [span["session_id"] for span in (parent, child)] == ["s", "s"]
    assert child["resource"]["attributes"]["build"] == "7"


def test_nothing_secret_leaves_the_process(recorded: dict[str, Any]) -> None:
    parent, child = recorded["parent"], recorded["child"]

    assert parent["input"] == {"question": "Who is <name>?"}
    assert child["input"]["api_key"] == "***"
    assert (parent["output"], child["output"]) == ("<name> is in it", "<name> is in it")


def test_an_array_is_kept_beside_its_span(server: Server, recorded: dict[str, Any]) -> None:
    picture = recorded["child"]["input"]["picture"]
    path = f"/api/v1/projects/{recorded['project']}/blobs/{picture['digest']}"

    content = server.request("GET", path).body
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == picture["digest"]
    assert (picture["media_type"], picture["type"]) == ("application/x-npy", "numpy.ndarray")
