"""Secrets are masked by the key they stand under, before anything leaves the process."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings, strategies
from opentelemetry import trace

import spanloom
from spanloom import conventions
from spanloom._outgoing.redaction import MASK, NOT_RECORDED, Redactor
from spanloom.errors import ConfigurationError
from tests.unit.sdk.sink import Sink, attributes_of

SECRET = "sk-live-1"


@spanloom.op
def connect(api_key: str, **options: object) -> dict[str, object]:
    return {"password": api_key, "options": options}


def quoted(value: object, times: int) -> object:
    for _ in range(times):
        value = {"arguments": json.dumps(value)}
    return value


def unquoted(value: object, times: int) -> object:
    for _ in range(times):
        assert isinstance(value, dict)
        value = json.loads(value["arguments"])
    return value


@pytest.mark.parametrize("times", range(5))
@pytest.mark.parametrize(
    "secret",
    [
        SECRET,
        'a "quoted" \\ and \\" one\\',
        {"Bearer": [SECRET, "}", "]", {"a": '"'}]},
        [[SECRET], "\\", '"\\"'],
    ],
    ids=str,
)
def test_quoted_json_is_masked_however_often_it_is_quoted(secret: object, times: int) -> None:
    value = {"before": 1, "api_key": secret, "after": {"token": 12, "text": 'a "token": b'}}

    text = Redactor().redacted(json.dumps(quoted(value, times)))

    assert unquoted(json.loads(text), times) == {**value, "api_key": MASK}


JSON_TEXTS = strategies.recursive(
    strategies.none() | strategies.integers() | strategies.text() | strategies.just(SECRET),
    lambda children: (
        strategies.lists(children, max_size=3)
        | strategies.dictionaries(strategies.sampled_from(["a", "Password", "b\\", '"']), children)
        | strategies.builds(json.dumps, children)
    ),
    max_leaves=15,
)


def masked(value: object) -> object:
    if isinstance(value, list):
        return [masked(item) for item in value]
    if not isinstance(value, dict):
        return value
    maskable = isinstance(value.get("Password"), str | list | dict) and value["Password"]
    return {key: MASK if key == "Password" and maskable else masked(value[key]) for key in value}


@given(JSON_TEXTS)
@settings(max_examples=300, deadline=None)
def test_what_is_no_quoted_json_is_masked_as_a_walk_over_it_would(value: object) -> None:
    plain = json.loads(Redactor().redacted(json.dumps(value)))

    assert without_texts(plain) == without_texts(masked(value))


def without_texts(value: object) -> object:
    """Leave texts out, which may hold JSON of their own, but not the mask."""
    if isinstance(value, list):
        return [without_texts(item) for item in value]
    if isinstance(value, dict):
        return {key: without_texts(item) for key, item in value.items()}
    return "" if isinstance(value, str) and value != MASK else value


@given(strategies.text('"\\{}[]:, Psaword1', max_size=60), strategies.sampled_from(["", '"p":"']))
@settings(max_examples=300, deadline=None)
def test_any_text_can_be_redacted(text: str, start: str) -> None:
    assert isinstance(Redactor(("p",)).redacted(start + text), str)


def test_a_secret_that_was_cut_short_is_masked_to_its_end() -> None:
    cut = json.dumps({"api_key": SECRET, "n": 1})[:18]

    text = Redactor().redacted(json.dumps({"preview": cut, "n": 1}))

    assert json.loads(text) == {"preview": '{"api_key": "***', "n": 1}
    assert Redactor().redacted(cut) == '{"api_key": "***'
    assert Redactor().redacted('{"secret": {"a": ["b"') == '{"secret": "***"'


def test_long_texts_are_masked_like_short_ones() -> None:
    rows = [{"text": "lorem ipsum " * 9, "n": n, f"key{n}": n} for n in range(20_000)]

    text = Redactor().redacted(json.dumps([*rows, {"password": SECRET}]))

    assert json.loads(text) == [*rows, {"password": MASK}]


def payloads(sink: Sink, name: str) -> str:
    span = next(span for span in sink.await_spans(1) if span.name == name)
    return json.dumps(attributes_of(span))


def test_secrets_reach_neither_the_server_nor_anyone_else(sink: Sink) -> None:
    spanloom.init(endpoint=sink.url)

    connect(SECRET, headers={"Authorization": SECRET, "n": 1}, tools=json.dumps({"pwd": SECRET}))

    assert spanloom.flush()
    assert SECRET not in payloads(sink, "connect")
    assert "n" in payloads(sink, "connect")


def test_spans_of_other_libraries_are_redacted_as_well(sink: Sink) -> None:
    spanloom.init(endpoint=sink.url)
    tracer = trace.get_tracer("other")

    with tracer.start_as_current_span("chat") as span:
        span.set_attribute(conventions.INPUT_VALUE, json.dumps({"api_key": SECRET, "n": 1}))

    assert spanloom.flush()
    assert SECRET not in payloads(sink, "chat")


WITH_A_PROVIDER_OF_ITS_OWN = """
trace.set_tracer_provider(TracerProvider())
spanloom.init(endpoint=sys.argv[1])
"""
WITH_A_PROCESSOR_OF_ITS_OWN = """
spanloom.init(endpoint=sys.argv[1])
"""
APP = """
import sys
import spanloom
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
{start}
own = InMemorySpanExporter()
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(own))
spanloom.op(lambda **kwargs: kwargs)(password="sk-live-1", n=1)
(span,) = own.get_finished_spans()
print(dict(span.attributes))
"""


@pytest.mark.parametrize(
    "start", [WITH_A_PROVIDER_OF_ITS_OWN, WITH_A_PROCESSOR_OF_ITS_OWN], ids=["joined", "shared"]
)
def test_the_apps_own_exporters_get_no_secrets_either(sink: Sink, start: str) -> None:
    command = [sys.executable, "-c", APP.format(start=start), sink.url]

    seen = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    assert '"password":"***","n":1' in seen
    assert SECRET not in seen + json.dumps(attributes_of(sink.await_spans(1)[0]))


def test_a_hook_redacts_what_keys_do_not_tell(sink: Sink) -> None:
    spanloom.init(endpoint=sink.url, redact=lambda text: text.replace("555-1234", "(phone)"))

    connect(SECRET, phone="555-1234")

    assert spanloom.flush()
    assert "(phone)" in payloads(sink, "connect")
    assert SECRET not in payloads(sink, "connect")


def test_nothing_is_recorded_when_the_hook_fails() -> None:
    def fail(text: str) -> str:
        raise ValueError(text)

    assert Redactor(hook=fail).redacted('"a"') == NOT_RECORDED
    assert Redactor(hook=lambda _: None).redacted('"a"') == NOT_RECORDED  # type: ignore[arg-type, return-value]


def test_redaction_can_be_switched_off(sink: Sink) -> None:
    spanloom.init(endpoint=sink.url, redact=False)

    connect(SECRET)

    assert spanloom.flush()
    assert SECRET in payloads(sink, "connect")


def test_a_hook_must_be_a_function() -> None:
    with pytest.raises(ConfigurationError, match="redact_hook must be a function"):
        spanloom.init(settings={"redact_hook": "mask"})
