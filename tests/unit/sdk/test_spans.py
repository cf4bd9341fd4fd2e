"""Light spans equal the SDK's own in every public respect."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

import spanloom
from spanloom._provider import Hookup, LightTracer, Provider, PublicTracer, Relay
from spanloom._spans import OpSpan
from spanloom._surroundings import variable
from spanloom.testing import CapturedCalls

REMOTE = SpanContext(0xA, 0xB, True, TraceFlags(1), TraceState([("vendor", "x")]))


class Kept(SpanProcessor):
    def __init__(self) -> None:
        self.started: list[Any] = []
        self.ended: list[ReadableSpan] = []

    def on_start(self, span: Any, parent_context: object = None) -> None:
        self.started.append(span)

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def hookup(kept: Kept) -> Hookup:
    relay = Relay(lambda: None)
    relay.target = kept
    provider = Provider()
    provider.add_span_processor(relay)
    return Hookup(provider, relay, is_own=True)


def start(hookup: Hookup, attributes: dict[str, Any] | None = None) -> trace.Span:
    return hookup.op_tracer().start("work", dict(attributes or {}), variable.get(), 5)


def misuse(span: trace.Span) -> None:
    span.set_attribute("", 1)
    span.set_attribute("object", object())  # type: ignore[arg-type]
    span.add_link(trace.INVALID_SPAN_CONTEXT)


def fill(span: trace.Span) -> None:
    for number in range(130):
        span.set_attribute(f"a{number}", number)
        span.add_event(f"e{number}", timestamp=number)
        span.add_link(SpanContext(number + 1, 1, False))


def fail(span: trace.Span) -> None:
    try:
        raise LookupError("gone")
    except LookupError as error:
        span.record_exception(error, {"more": 1}, timestamp=7)
    span.set_status(StatusCode.ERROR, "gone")


def go_well(span: trace.Span) -> None:
    span.set_status(Status(StatusCode.OK))
    span.set_status(StatusCode.ERROR, "too late")
    span.set_status(StatusCode.UNSET)
    span.update_name("renamed")


def go_wrong(span: trace.Span) -> None:
    span.set_status(Status(StatusCode.ERROR, "its own"), "another")


def describe(span: trace.Span) -> None:
    items = [1, 2]
    span.set_attributes({"items": items, "deep": {"x": [True]}, "input": "other"})
    items.append(3)
    span.add_event("seen", {"n": 1}, timestamp=6)
    span.add_link(REMOTE, {"why": "retry"})


STORIES: list[Callable[[trace.Span], None]] = [describe, fail, fill, go_well, go_wrong, misuse]


@pytest.fixture
def remote_parent() -> Iterator[None]:
    token = variable.set(trace.set_span_in_context(trace.NonRecordingSpan(REMOTE)))
    yield
    variable.reset(token)


@pytest.mark.parametrize("story", STORIES)
def test_a_light_span_is_encoded_as_the_sdks_own(
    hookup: Hookup, kept: Kept, remote_parent: None, story: Callable[[trace.Span], None]
) -> None:
    light = start(hookup, {"input": "1", "first": True})
    hookup.provider.is_plain = False  # type: ignore[attr-defined]
    full = start(hookup, {"input": "1", "first": True})
    for span in (light, full):
        story(span)
        span.end(9)

    assert isinstance(light, OpSpan)
    assert not isinstance(full, OpSpan)
    mine, theirs = (encode_spans([span]).resource_spans[0] for span in kept.ended)
    assert mine.scope_spans[0].spans[0].span_id != theirs.scope_spans[0].spans[0].span_id
    mine.scope_spans[0].spans[0].span_id = theirs.scope_spans[0].spans[0].span_id
    assert mine == theirs


def test_a_light_span_is_written_as_json_as_the_sdks_own(hookup: Hookup, kept: Kept) -> None:
    span: Any = start(hookup, {"n": 1})
    span.end(9)

    written = json.loads(span.to_json())
    assert written["name"] == "work"
    assert written["attributes"] == {"n": 1}
    assert written["context"]["span_id"] == f"0x{span.span_id:016x}"


def test_what_comes_after_the_end_changes_nothing(
    hookup: Hookup, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    span = start(hookup)
    assert span.is_recording()
    span.end(9)
    before = encode_spans(kept.ended)

    describe(span)
    fail(span)
    span.set_attribute("late", 1)
    span.update_name("late")
    span.end(10)

    assert not span.is_recording()
    assert encode_spans(kept.ended) == before
    assert len(kept.ended) == 1
    assert caplog.records[-1].getMessage() == "end() on the ended span 'work' does nothing"


def test_a_span_is_told_of_when_it_starts(hookup: Hookup, kept: Kept) -> None:
    span = start(hookup, {"n": 1})

    assert kept.started == [span]
    assert kept.started[0].attributes == {"n": 1}
    assert (kept.started[0].start_time, kept.started[0].end_time) == (5, None)


def test_a_trace_that_is_not_sampled_elsewhere_is_not_recorded_here(
    hookup: Hookup, kept: Kept
) -> None:
    parent = SpanContext(0xA, 0xB, True, TraceFlags(0))
    token = variable.set(trace.set_span_in_context(trace.NonRecordingSpan(parent)))
    span = start(hookup)
    variable.reset(token)
    span.end()

    assert not span.is_recording()
    assert span.get_span_context().trace_id == 0xA
    assert not span.get_span_context().trace_flags.sampled
    assert kept.started == kept.ended == []


def test_an_invalid_parent_is_none(hookup: Hookup) -> None:
    token = variable.set(trace.set_span_in_context(trace.INVALID_SPAN))
    span: Any = start(hookup)
    variable.reset(token)

    assert span.parent is None
    assert span.get_span_context().trace_flags.random_trace_id


def test_a_processor_of_the_apps_own_gets_spans_of_the_sdk(hookup: Hookup, kept: Kept) -> None:
    own = Kept()
    hookup.provider.add_span_processor(own)  # type: ignore[attr-defined]

    start(hookup).end()

    assert not isinstance(own.started[0], OpSpan)
    assert [span.name for span in own.ended] == [span.name for span in kept.ended] == ["work"]


@pytest.mark.parametrize(
    ("variable_name", "value"),
    [
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "3"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "10"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "1"),
    ],
)
def test_limits_and_samplers_of_the_apps_own_are_the_sdks_business(
    monkeypatch: pytest.MonkeyPatch, variable_name: str, value: str
) -> None:
    monkeypatch.setenv(variable_name, value)

    assert not Provider().is_plain


def test_a_provider_of_the_apps_own_is_asked_as_anybody_would() -> None:
    theirs = TracerProvider(sampler=ALWAYS_ON, resource=Resource({"a": 1}))
    hookup = Hookup(theirs, Relay(lambda: None), is_own=False)

    assert isinstance(hookup.op_tracer(), PublicTracer)
    assert not isinstance(start(hookup), OpSpan)


def test_what_is_added_at_the_end_is_there_under_any_provider(kept: Kept) -> None:
    theirs, relay = TracerProvider(shutdown_on_exit=False), Relay(lambda: None)
    relay.target = kept
    theirs.add_span_processor(relay)
    tracer = Hookup(theirs, relay, is_own=False).op_tracer()

    for additions in ({}, {"a": 1}, {"a": 1, "b": 2}):
        span = tracer.start("s", {"first": 1, "input.mime_type": "x"}, variable.get(), 1)
        tracer.finish(span, dict(additions), 9)

    assert [span.attributes for span in kept.ended] == [
        {"first": 1},
        {"first": 1, "a": 1},
        {"first": 1, "a": 1, "b": 2},
    ]
    assert {span.end_time for span in kept.ended} == {9}


class Broken(SpanProcessor):
    def on_start(self, span: Any, parent_context: object = None) -> None:
        raise RuntimeError("broken")


def test_the_relay_keeps_faults_at_the_start_to_itself() -> None:
    relay = Relay(lambda: {"a": 1})
    relay.target = Broken()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(relay)

    span: Any = provider.get_tracer("t").start_span("s")

    assert span.attributes == {"a": 1}


def test_calls_have_light_spans_that_others_can_read_and_mark(calls: CapturedCalls) -> None:
    @spanloom.op
    def work() -> None:
        span = trace.get_current_span()
        assert isinstance(span, ReadableSpan | OpSpan)
        span.set_attribute("theirs", 1)
        span.add_event("seen")

    work()

    call = calls.one("work")
    assert isinstance(call.span, OpSpan)
    assert call.attributes["theirs"] == 1
    assert [event.name for event in call.span.events] == ["seen"]


def test_the_relay_adds_tags_to_those_that_a_span_has(kept: Kept) -> None:
    relay = Relay(lambda: {"tag.tags": ["b", "a"], "user.id": "u"})
    relay.target = kept
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(relay)

    provider.get_tracer("t").start_span("s", attributes={"tag.tags": ["a"]}).end()

    assert kept.ended[0].attributes == {"tag.tags": ("a", "b"), "user.id": "u"}


def test_a_light_tracer_names_its_scope() -> None:
    scope = InstrumentationScope("spanloom", spanloom.__version__, "https://x")
    provider, relay = Provider(), Relay(lambda: None)
    tracer: Any = provider.get_tracer("spanloom")

    span: Any = LightTracer(provider, relay, tracer, scope).start("s", {}, variable.get(), 1)

    assert span.instrumentation_scope is scope
    assert "OpSpan(name='s', context=SpanContext(trace_id=0x" in repr(span)
