"""Our encoder writes what OpenTelemetry's own writes, and more where that gives up."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

from spanloom._protobuf import Encoded, Encoder, encode_attribute, halves, read_fields

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
times = st.integers(1, 2**63)
scalars = (
    texts | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
) | st.binary(max_size=20)
values = st.recursive(
    scalars | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
attributes = st.dictionaries(names, values, max_size=5)
contexts = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.booleans(),
    st.just(TraceFlags(TraceFlags.SAMPLED)),
    st.sampled_from([None, TraceState([("vendor", "a"), ("other", "b")])]),
)
statuses = st.sampled_from(
    [Status(), Status(StatusCode.OK), Status(StatusCode.ERROR), Status(StatusCode.ERROR, "Why: é")]
)
resources = st.sampled_from([Resource({"service.name": "a"}), Resource({"n": 1}, "https://schema")])
scopes = st.sampled_from(
    [
        InstrumentationScope("s", "1", "https://schema", {"k": True}),
        InstrumentationScope("t"),
        None,
    ]
)
spans = st.builds(
    ReadableSpan,
    texts,
    contexts,
    st.none() | contexts,
    resources,
    attributes,
    st.lists(st.builds(Event, names, attributes, times), max_size=2),
    st.lists(st.builds(Link, contexts, attributes), max_size=2),
    st.sampled_from(list(SpanKind)),
    status=statuses,
    start_time=times,
    end_time=st.none() | times,
    instrumentation_scope=scopes,
)


def parsed(content: bytes) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(content)


def encode_request(batch: list[ReadableSpan], extra: bytes = b"") -> Encoded:
    return Encoder().request(batch, extra)


def encode_span(span: ReadableSpan) -> bytes:
    return Encoder().span(span)


def span_with(**given: Any) -> ReadableSpan:
    return ReadableSpan("span", SpanContext(1, 1, False), resource=Resource({}), **given)


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    message = SpanMessage.FromString(encode_span(span))
    return {each.key: each.value for each in message.attributes}


class LightSpan(ReadableSpan):
    """A span that has the parts of its context at hand, as those of ops do."""

    def __init__(self, whole: ReadableSpan) -> None:
        self.__dict__.update(whole.__dict__)
        context = whole.get_span_context()
        assert context is not None
        self.trace_id, self.span_id = context.trace_id, context.span_id
        self.flags, self.trace_state = context.trace_flags, context.trace_state
        self._context = None


@given(st.lists(spans, max_size=3))
@settings(deadline=None, max_examples=30)
def test_light_spans_are_encoded_as_others_are(batch: list[ReadableSpan]) -> None:
    light = [LightSpan(span) for span in batch]

    assert parsed(encode_request(light).content) == encode_spans(batch)


@given(st.lists(spans, max_size=6))
@settings(deadline=None, max_examples=60)
def test_a_request_says_the_same_as_the_official_one(batch: list[ReadableSpan]) -> None:
    assert parsed(encode_request(batch).content) == encode_spans(batch)


def test_what_the_sdk_counts_as_dropped_is_told() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("t").start_as_current_span("many") as span:
        for number in range(200):
            span.set_attribute(f"key {number}", number)
            span.add_event("event", {f"key {each}": each for each in range(number)})
            span.add_link(SpanContext(1, 1, False))

    batch = exporter.get_finished_spans()

    (message,) = parsed(encode_request(batch).content).resource_spans[0].scope_spans[0].spans
    assert message.dropped_attributes_count == 72
    assert parsed(encode_request(batch).content) == encode_spans(batch)


@given(st.lists(spans, max_size=4))
@settings(deadline=None, max_examples=30)
def test_what_comes_again_is_encoded_as_it_was(batch: list[ReadableSpan]) -> None:
    encoder = Encoder()

    assert encoder.request(batch) == encoder.request(batch)


def test_more_short_attributes_than_are_remembered_are_still_right() -> None:
    encoder = Encoder()
    for number in range(5000):
        given = {"key": f"value {number}"}
        message = SpanMessage.FromString(encoder.span(span_with(attributes=given)))
        assert message.attributes[0].value.string_value == f"value {number}"


def test_what_otlp_cannot_hold_costs_the_attribute_and_is_counted() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    given = {"large": 2**80, "object": object(), "deep": deep, "kept": 1}

    message = SpanMessage.FromString(encode_span(span_with(attributes=given)))

    assert [each.key for each in message.attributes] == ["kept"]
    assert message.dropped_attributes_count == 3


def test_text_that_utf8_cannot_hold_stays_readable() -> None:
    found = attributes_of(span_with(attributes={"text": "a\ud800b"}))

    assert found["text"].string_value == "a\\ud800b"


def test_a_span_that_cannot_be_encoded_costs_itself_alone() -> None:
    batch = [span_with(kind=None), span_with(), ReadableSpan("no context")]

    encoded = encode_request(batch)

    assert (encoded.span_count, encoded.lost_count) == (1, 2)
    assert len(parsed(encoded.content).resource_spans) == 1


def test_nothing_encodable_is_an_empty_request() -> None:
    assert encode_request([span_with(kind=None)]) == (b"", 0, 1)


def test_text_is_redacted_wherever_a_span_holds_it() -> None:
    long = "secret " * 100
    event = Event("event", {"text": "secret"}, 1)
    span = span_with(attributes={"short": "secret", "long": long, "n": 1}, events=[event])

    encoder = Encoder(lambda text: text.replace("secret", "***"))
    messages = [SpanMessage.FromString(encoder.span(span)) for _ in range(2)]

    for message in messages:
        found = [each.value.string_value for each in message.attributes]
        assert found == ["***", "*** " * 100, ""]
        assert message.events[0].attributes[0].value.string_value == "***"


def test_the_first_span_carries_what_is_said_beside() -> None:
    span, extra = span_with(), encode_attribute("spanloom.dropped_spans", 7)

    request = parsed(encode_request([span, span], extra).content)

    first, second = request.resource_spans[0].scope_spans[0].spans
    assert (first.attributes[0].value.int_value, len(second.attributes)) == (7, 0)


@given(spans)
@settings(deadline=None, max_examples=30)
def test_fields_are_read_as_they_were_written(span: ReadableSpan) -> None:
    fields = [number for number, _ in read_fields(encode_span(span))]

    message = SpanMessage.FromString(encode_span(span))
    assert {field.number for field, _ in message.ListFields()} <= set(fields)


@given(st.lists(spans, min_size=2, max_size=6))
@settings(deadline=None, max_examples=30)
def test_both_halves_together_are_the_whole(batch: list[ReadableSpan]) -> None:
    whole = encode_request(batch)

    parts = halves(whole.content)

    assert [part.span_count for part in parts] == [len(batch) // 2, len(batch) - len(batch) // 2]
    found = [each for part in parts for each in with_surroundings(part.content)]
    assert found == with_surroundings(whole.content)


def with_surroundings(content: bytes) -> list[object]:
    return [
        (in_resource.resource, in_resource.schema_url, in_scope.scope, in_scope.schema_url, span)
        for in_resource in parsed(content).resource_spans
        for in_scope in in_resource.scope_spans
        for span in in_scope.spans
    ]


@pytest.mark.parametrize("message", [b"\x80", b"\x0a\x05abc", b"\x0b", b"\x09\x00"])
def test_what_is_no_message_is_an_error(message: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        list(read_fields(message))
