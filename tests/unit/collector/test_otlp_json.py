"""OTLP/JSON is read as the specification has it."""

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from spanloom_collector.pipeline.otlp_json import logs_request_from_json, request_from_json
from tests.support.otlp import (
    any_value,
    attributes,
    full_logs_request,
    full_request,
    request,
    span,
)


def _span(**members: Any) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [members]}]}]}).encode()


def _parsed(**members: Any) -> Any:
    return request_from_json(_span(**members)).resource_spans[0].scope_spans[0].spans[0]


def _parsed_value(value: object) -> Any:
    return _parsed(attributes=[{"key": "k", "value": value}]).attributes[0].value


def _official_json(message: Any) -> dict[str, Any]:
    document: dict[str, Any] = MessageToDict(message, use_integers_for_enums=True)
    _hex_ids(document, message)
    return document


def _hex_ids(document: Any, message: Any) -> None:
    for field, value in message.ListFields():
        if field.name.endswith("_id"):
            document[field.json_name] = value.hex()
        elif field.message_type is not None:
            members = document[field.json_name]
            pairs = (
                zip(members, value, strict=True)
                if isinstance(members, list)
                else [(members, value)]
            )
            for member, item in pairs:
                _hex_ids(member, item)


def test_json_equals_protobuf_for_every_field() -> None:
    sent = full_request()

    assert str(request_from_json(json.dumps(_official_json(sent)).encode())) == str(sent)


_SCALARS = (
    st.text()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.binary()
    | st.none()
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10
)


@given(st.dictionaries(st.text(), _VALUES))
def test_json_equals_protobuf_for_any_attributes(values: dict[str, Any]) -> None:
    sent = request(span(attrs=values))

    assert request_from_json(json.dumps(_official_json(sent)).encode()) == sent


@pytest.mark.parametrize("body", [b"", b"{}", b'{"resourceSpans": null}', b'{"unknown": 1}'])
def test_an_empty_request_is_empty(body: bytes) -> None:
    assert not request_from_json(body).resource_spans


def test_ids_are_hex_in_either_case() -> None:
    parsed = _parsed(traceId="0AF7651916CD43DD8448EB211C80319C", spanId="b7ad6b7169203331")

    assert parsed.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert parsed.span_id.hex() == "b7ad6b7169203331"


@pytest.mark.parametrize("number", [2**63 - 1, str(2**63 - 1), -(2**63)], ids=repr)
def test_integers_are_exact_as_numbers_and_as_strings(number: int | str) -> None:
    assert _parsed_value({"intValue": number}).int_value == int(number)


@pytest.mark.parametrize("text", ["+/+/AA==", "-_-_AA==", "-_-_AA"])
def test_bytes_are_base64_of_any_flavour(text: str) -> None:
    assert _parsed_value({"bytesValue": text}).bytes_value == b"\xfb\xff\xbf\x00"


def test_unknown_kinds_of_value_are_no_value() -> None:
    assert _parsed_value({"futureValue": 1}) == any_value(None)


def test_names_in_snake_case_are_unknown() -> None:
    assert _parsed(trace_id="00" * 16).trace_id == b""


def test_null_is_the_default() -> None:
    parsed = _parsed(name=None, kind=None, attributes=None, status=None, startTimeUnixNano=None)

    assert parsed.ByteSize() == 0


@pytest.mark.parametrize(
    "members",
    [
        {"name": 1},
        {"traceId": "xyz"},
        {"traceId": "abc"},
        {"kind": "SPAN_KIND_CLIENT"},
        {"kind": 1.5},
        {"startTimeUnixNano": -1},
        {"startTimeUnixNano": 2**64},
        {"startTimeUnixNano": "1_000"},
        {"startTimeUnixNano": " 1"},
        {"startTimeUnixNano": "\u0661"},
        {"startTimeUnixNano": []},
        {"attributes": {}},
        {"attributes": [1]},
        {"status": []},
        {"attributes": [{"key": "k", "value": {"boolValue": "true"}}]},
        {"attributes": [{"key": "k", "value": {"doubleValue": "1.5"}}]},
        {"attributes": [{"key": "k", "value": {"doubleValue": True}}]},
        {"attributes": [{"key": "k", "value": {"bytesValue": "a"}}]},
        {"attributes": [{"key": "k", "value": {"intValue": True}}]},
    ],
)
def test_a_member_of_the_wrong_type_is_named(members: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be"):
        request_from_json(_span(**members))


@pytest.mark.parametrize("body", [b"[]", b"1", b"{", b'"x"', b'{"resourceSpans": [1]}', b"\xff"])
def test_a_body_that_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of any wording
        request_from_json(body)


@pytest.mark.parametrize("signal", ["logs", "metrics"])
def test_other_signals_are_named(signal: str) -> None:
    with pytest.raises(ValueError, match=f"send them to /v1/{signal}"):
        request_from_json(json.dumps({f"resource{signal.title()}": []}).encode())


def test_traces_among_the_logs_are_named() -> None:
    with pytest.raises(ValueError, match="these are traces, not logs: send them to /v1/traces"):
        logs_request_from_json(b'{"resourceSpans": []}')


def test_every_field_of_a_log_record_is_read() -> None:
    sent = full_logs_request()
    record = sent.resource_logs[0].scope_logs[0].log_records[0]
    document = {
        "timeUnixNano": str(record.time_unix_nano),
        "observedTimeUnixNano": record.observed_time_unix_nano,
        "severityNumber": 24,
        "severityText": "FATAL4",
        "eventName": "event",
        "body": {"stringValue": "x"},
        "attributes": [{"key": "k", "value": {"intValue": "1"}}],
        "droppedAttributesCount": 1,
        "flags": 1,
        "traceId": record.trace_id.hex(),
        "spanId": record.span_id.hex().upper(),
    }
    del record.attributes[:]
    record.attributes.extend(attributes({"k": 1}))

    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [document]}]}]}).encode()
    assert logs_request_from_json(body).resource_logs[0].scope_logs[0].log_records[0] == record


@pytest.mark.parametrize("content", ["x" * 10_000, ["x" * 10_000], {"a": "x" * 10_000}])
def test_what_is_wrong_is_told_without_repeating_it(content: object) -> None:
    with pytest.raises(ValueError, match="resourceSpans must be") as caught:
        request_from_json(json.dumps({"resourceSpans": content}).encode())

    assert len(str(caught.value)) < 200


def test_deep_values_are_refused_not_crashed_upon() -> None:
    value: Any = {"stringValue": "x"}
    for _ in range(200):
        value = {"arrayValue": {"values": [value]}}

    with pytest.raises(ValueError, match="nest deeper"):
        _parsed_value(value)
