import json
import re
import subprocess
import sys

import pytest

import spanloom
from spanloom.testing import CapturedCalls

SENT = {"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


@spanloom.op
def handle() -> None:
    with spanloom.span("inside"):
        pass


@spanloom.op
def send() -> dict[str, str]:
    return spanloom.headers()


def test_headers_name_the_running_call(calls: CapturedCalls) -> None:
    sent = send()

    call = calls.one("send")
    assert re.fullmatch(rf"00-{call.trace_id}-{call.id}-0[13]", sent["traceparent"])
    assert spanloom.headers() == {}


def test_calls_go_on_below_the_remote_one(calls: CapturedCalls) -> None:
    with spanloom.remote_parent(SENT):
        assert spanloom.current_call() is None
        handle()
    handle()

    first, second = calls.named("handle")
    assert (first.trace_id, first.parent_id) == (
        "0af7651916cd43dd8448eb211c80319c",
        "b7ad6b7169203331",
    )
    assert calls.children(first)[0].name == "inside"
    assert second.parent_id is None
    assert first.span.parent is not None
    assert first.span.parent.is_remote


def test_what_is_not_sampled_there_is_not_recorded_here(calls: CapturedCalls) -> None:
    with spanloom.remote_parent({"traceparent": SENT["Traceparent"][:-1] + "0"}):
        handle()

    assert calls == []


@pytest.mark.parametrize("headers", [{}, {"traceparent": "nonsense"}, {"host": "x"}])
def test_headers_without_a_trace_change_nothing(
    calls: CapturedCalls, headers: dict[str, str]
) -> None:
    with spanloom.span("outer"), spanloom.remote_parent(headers):
        handle()

    assert calls.one("handle").parent_id == calls.one("outer").id


def test_an_unsampled_trace_tells_others_not_to_record(calls: CapturedCalls) -> None:
    @spanloom.op(tracing_sample_rate=0)
    def unsampled() -> dict[str, str]:
        return spanloom.headers()

    assert unsampled()["traceparent"].endswith("-00")


def test_a_spawned_process_goes_on_with_the_trace(calls: CapturedCalls) -> None:
    program = (
        "import json, sys, spanloom\n"
        "from spanloom.testing import captured_calls\n"
        "with captured_calls() as calls, spanloom.remote_parent(json.loads(sys.argv[1])):\n"
        "    with spanloom.span('child'): pass\n"
        "print(calls[0].trace_id, calls[0].parent_id)\n"
    )
    with spanloom.span("parent"):
        command = [sys.executable, "-c", program, json.dumps(spanloom.headers())]
        result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    parent = calls.one("parent")
    assert result.stdout.split() == [parent.trace_id, parent.id]
