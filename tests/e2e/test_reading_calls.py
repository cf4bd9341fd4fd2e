"""Calls that the SDK records, read back through the SDK, over a real server."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import spanloom
from spanloom._api import shared_api
from spanloom._client import state
from tests.support.server import Server

_GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "reading-calls.md").read_text("utf-8")
_PROGRAM = "\n".join(re.findall(r"```python\n(.*?)```", _GUIDE, re.DOTALL))


@pytest.fixture
def client(server: Server) -> Iterator[spanloom.Client]:
    yield spanloom.init(server.fresh_project(), endpoint=server.endpoint)
    spanloom.finish()
    for thread in state.retiring:
        thread.join()
    shared_api.cache_clear()


@spanloom.op(kind="tool")
def look_up(city: str) -> int:
    return {"Paris": 2_103_000}[city]


@spanloom.op
def answer(city: str) -> dict[str, Any]:
    return {"text": f"{look_up(city):,}", "cities": [city]}


@spanloom.op
def square(number: int) -> int:
    return number**2


def test_a_flushed_call_is_read_back_whole(client: spanloom.Client) -> None:
    _, live = answer.call("Paris")
    spanloom.flush()

    read = client.call(live.id)

    assert (read.id, read.trace_id, read.parent_id) == (live.id, live.trace_id, live.parent_id)
    assert (read.op_name, read.inputs, read.output) == (live.op_name, live.inputs, live.output)
    assert (read.started_at, read.ended_at) == (live.started_at, live.ended_at)
    assert (read.url, read.error) == (live.url, None)
    (child,) = read.children()
    assert (child.op_name, child.kind, child.output) == ("look_up", "tool", 2_103_000)
    assert [each.id for each in live.children()] == [child.id]


def test_a_failed_call_says_what_went_wrong(client: spanloom.Client) -> None:
    _, live = answer.call("Rome")
    spanloom.flush()

    read = client.call(live.id)

    assert (read.status, read.error, read.output) == ("error", "KeyError: 'Rome'", None)


def test_a_list_is_walked_indexed_and_sliced_like_one(client: spanloom.Client) -> None:
    for number in range(7):
        square(number)
    spanloom.flush()
    calls = square.calls(sort="start_time", page_size=2)
    whole = [call.output for call in calls]

    assert whole == [number**2 for number in range(7)]
    assert (len(calls), calls[0].output, calls[-1].output) == (7, 0, 36)
    for place in (
        slice(2, 5),
        slice(-3, None),
        slice(None, None, -2),
        slice(5, 99),
        slice(1, 6, 2),
    ):
        assert [call.output for call in calls[place]] == whole[place], place
    limited = square.calls(sort="-start_time", limit=3)
    assert ([call.output for call in limited], len(limited)) == ([36, 25, 16], 3)


def test_frames_hold_every_page(client: spanloom.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spanloom._reads.calls.PAGE_MAX_CALLS", 2)
    for number in range(5):
        square(number)
    spanloom.flush()
    calls = square.calls(sort="start_time", columns=["output", "duration_ms"], page_size=2)

    polars, pandas, arrow = calls.to_polars(), calls.to_pandas(), calls.to_arrow()

    assert polars["output"].to_list() == ["0", "1", "4", "9", "16"]
    assert pandas["output"].tolist() == arrow["output"].to_pylist() == polars["output"].to_list()
    assert polars.columns == ["trace_id", "span_id", "duration_ms", "output"]
    assert square.calls(limit=3, page_size=1).to_polars().height == 3
    assert client.calls(op="nothing", page_size=1).to_polars().height == 0


def test_a_running_call_takes_feedback(client: spanloom.Client) -> None:
    @spanloom.op
    def judged() -> str:
        call = spanloom.require_current_call()
        call.feedback.add_score("quick", True)
        return call.id

    call_id = judged()
    spanloom.flush()
    read = client.call(call_id)
    read.feedback.add_note("good", creator="ann")

    assert [(said.kind, said.name, said.value, said.text) for said in read.feedback] == [
        ("score", "quick", True, None),
        ("note", None, None, "good"),
    ]


def test_a_live_call_is_renamed_and_deleted_with_all_below_it(client: spanloom.Client) -> None:
    _, live = answer.call("Paris")

    live.rename("the first")
    renamed = client.call(live.id).display_name
    deleted_count = live.delete()

    assert (renamed, deleted_count) == ("the first", 2)
    assert list(client.calls()) == []
    with pytest.raises(spanloom.NotFoundError):
        live.rename("again")


def test_the_guide_runs_and_prints_what_is_written_beside_it(
    server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "program.py"
    file.write_text(_PROGRAM.replace("my-project", server.fresh_project()))

    result = subprocess.run(
        [sys.executable, str(file)],
        env=os.environ | {"SPANLOOM_ENDPOINT": server.endpoint},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert result.returncode == 0, result.stderr
    promised = re.findall(r"^# (.*)$", _PROGRAM, re.MULTILINE)
    assert len(promised) == 2
    assert set(promised) <= set(result.stdout.splitlines())
