import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from opentelemetry import trace

import spanloom
from spanloom.testing import FIRST_MOMENT, captured_calls, deterministic
from tests.unit.sdk.sink import Sink


@spanloom.op
def work() -> int:
    return 1


def test_captured_calls_are_not_sent_and_the_client_comes_back(sink: Sink) -> None:
    client = spanloom.init("p", endpoint=sink.url)

    with captured_calls() as calls:
        work()
    work()
    spanloom.flush()

    assert [call.name for call in calls] == ["work"]
    assert sink.names() == ["work"]
    assert sink.requests[0].resource()["spanloom.project"] == "p"
    assert spanloom.get_client() is client


def test_spans_of_other_libraries_are_captured_with_what_they_have() -> None:
    with captured_calls() as calls:
        span = trace.get_tracer("theirs").start_span("query")
        span.set_attribute("input.value", "plain text")
        span.end()

    call = calls.one("query")
    assert (call.kind, call.inputs, call.output) == ("span", "plain text", None)


def test_one_wants_exactly_one() -> None:
    with captured_calls() as calls:
        work()
        work()

    with pytest.raises(LookupError, match="2 calls of 'work'"):
        calls.one("work")


@spanloom.op
def outer() -> tuple[int, int]:
    return work(), work()


def test_deterministic_calls_are_the_same_in_every_run() -> None:
    def run() -> list[tuple[str, str | None, str, datetime]]:
        with deterministic(step_ms=250), captured_calls() as calls:
            outer()
        return [(call.id, call.parent_id, call.trace_id, call.started_at) for call in calls]

    first = run()
    work()

    assert first == run()
    assert [(int(own, 16), parent and int(parent, 16)) for own, parent, *_ in first] == [
        (2, 1),
        (3, 1),
        (1, None),
    ]
    assert {int(trace_id, 16) for _, _, trace_id, _ in first} == {1}
    assert first[0][3] < first[1][3] < FIRST_MOMENT + timedelta(seconds=5)
    assert (first[1][3] - first[0][3]) % timedelta(milliseconds=250) == timedelta()


def test_chance_and_the_clock_are_back_afterwards() -> None:
    with deterministic(), captured_calls() as counted:
        work()
    with captured_calls() as calls:
        work()
        work()

    assert counted.one("work").started_at - FIRST_MOMENT < timedelta(seconds=1)
    assert len({call.id for call in calls} | {counted.one("work").id}) == 3
    assert all(int(call.id, 16) > 1000 for call in calls)
    assert abs(calls[0].started_at - datetime.now(UTC)) < timedelta(minutes=5)
    assert calls[0].ended_at >= calls[0].started_at


PLUGIN_TEST = """
import sys

import spanloom


@spanloom.op
def work():
    return 1


def test_calls_are_captured(captured_calls):
    work()
    assert captured_calls.one("work").output == 1


def test_calls_are_counted(deterministic_calls):
    work()
    assert deterministic_calls.one("work").id == "0000000000000001"


def test_each_test_has_its_own(captured_calls):
    assert captured_calls == []
"""


def run_pytest(folder: Path, test: str) -> None:
    (folder / "test_app.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout


def test_pytest_finds_the_fixtures_by_itself(tmp_path: Path) -> None:
    run_pytest(tmp_path, PLUGIN_TEST)


def test_a_run_without_the_fixtures_does_not_load_spanloom(tmp_path: Path) -> None:
    run_pytest(
        tmp_path,
        "import sys\ndef test_nothing():\n"
        "    assert 'pytest_spanloom' in sys.modules and 'spanloom' not in sys.modules\n",
    )
