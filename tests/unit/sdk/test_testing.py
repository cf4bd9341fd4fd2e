import pytest
from opentelemetry import trace

import spanloom
from spanloom.testing import captured_calls
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
