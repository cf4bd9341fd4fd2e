"""OTLP/JSON on the wire. A test's number is that of the case it holds."""

import gzip
import json
from typing import Any

import pytest

from tests.e2e.conformance.clients import post_json, project_traces, stored_span
from tests.support.server import Answer, Server

_TRACE_ID, _SPAN_ID = "0AF7651916CD43DD8448EB211C80319C", "B7AD6B7169203331"


def _document(**members: Any) -> dict[str, Any]:
    defaults = {"traceId": _TRACE_ID, "spanId": _SPAN_ID, "name": "json"}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [defaults | members]}]}]}


def _stored(server: Server, **members: Any) -> Any:
    """The span that comes back when these members were sent."""
    project = server.fresh_project()
    answer = post_json(server, _document(**members), x_spanloom_project=project)
    assert (answer.status, answer.json) == (200, {})
    return stored_span(server, project, bytes.fromhex(_TRACE_ID), bytes.fromhex(_SPAN_ID))


def _stored_value(server: Server, value: Any) -> Any:
    (attribute,) = _stored(server, attributes=[{"key": "k", "value": value}])["attributes"]
    return attribute["value"]


def _refused(server: Server, **members: Any) -> Answer:
    answer = post_json(server, _document(**members))
    assert (answer.status, answer.json["code"]) == (400, 3)
    return answer


@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_case_49_ids_are_hex_in_either_case(server: Server, change: Any) -> None:
    document = _stored(server, traceId=change(_TRACE_ID), spanId=change(_SPAN_ID))

    assert (document["traceId"], document["spanId"]) == (_TRACE_ID.lower(), _SPAN_ID.lower())


@pytest.mark.parametrize("name", ["traceId", "spanId", "parentSpanId"])
def test_case_49_ids_in_base64_are_refused(server: Server, name: str) -> None:
    assert name in _refused(server, **{name: "CvdlGRbNQ92ESOshHIAxnA=="}).json["message"]


@pytest.mark.parametrize("number", [2**53 + 1, 2**63 - 1, -(2**63)])
@pytest.mark.parametrize("written", [int, str])
def test_case_50_integers_are_exact(server: Server, number: int, written: Any) -> None:
    assert _stored_value(server, {"intValue": written(number)}) == {"intValue": str(number)}


@pytest.mark.parametrize("written", [int, str])
def test_case_50_times_are_exact(server: Server, written: Any) -> None:
    start = 1_700_000_000_123_456_789
    document = _stored(server, startTimeUnixNano=written(start), endTimeUnixNano=written(start + 1))

    assert document["startTimeUnixNano"] == str(start)
    assert document["endTimeUnixNano"] == str(start + 1)


@pytest.mark.parametrize("number", ["1e3", "0x10", "1_000", " 1", "", 2**64, 1.5, True])
def test_case_50_what_is_no_integer_is_refused(server: Server, number: Any) -> None:
    _refused(server, startTimeUnixNano=number)


def test_case_51_enums_are_integers(server: Server) -> None:
    document = _stored(server, kind=3, status={"code": 2, "message": "m"})

    assert (document["kind"], document["status"]) == (3, {"code": 2, "message": "m"})


@pytest.mark.parametrize(
    "members", [{"kind": "SPAN_KIND_CLIENT"}, {"status": {"code": "STATUS_CODE_OK"}}], ids=str
)
def test_case_51_names_of_enums_are_refused(server: Server, members: dict[str, Any]) -> None:
    _refused(server, **members)


def test_case_52_names_in_snake_case_are_unknown(server: Server) -> None:
    document = _stored(server, trace_state="ignored", start_time_unix_nano=5)

    assert document["traceState"] == ""
    assert int(document.get("startTimeUnixNano", 0)) == 0


def test_case_53_unknown_members_are_ignored_at_every_level(server: Server) -> None:
    project = server.fresh_project()
    extra: dict[str, Any] = {"unknown": [1, {"a": None}]}
    value = {"stringValue": "v"} | extra
    attribute = {"key": "k", "value": value} | extra
    event = {"name": "e", "attributes": [attribute]} | extra
    link = {"traceId": _TRACE_ID, "spanId": _SPAN_ID} | extra
    document = _document(
        attributes=[attribute], events=[event], links=[link], status={"code": 1} | extra, **extra
    )
    scope_spans = document["resourceSpans"][0]["scopeSpans"][0]
    scope_spans |= {"scope": {"name": "s"} | extra} | extra
    document["resourceSpans"][0] |= {"resource": extra} | extra

    assert post_json(server, document | extra, x_spanloom_project=project).json == {}
    assert len(project_traces(server, project)) == 1


def test_case_53_unknown_kinds_of_value_are_no_value(server: Server) -> None:
    assert _stored_value(server, {"futureValue": 1}) == {}


def test_case_54_null_is_the_default(server: Server) -> None:
    names = ("parentSpanId", "kind", "attributes", "events", "links", "status", "traceState")
    document = _stored(server, **dict.fromkeys(names))

    assert not {"parentSpanId", "attributes", "events", "links"} & {
        name for name, value in document.items() if value
    }


@pytest.mark.parametrize("number", [1.5, 0, -0.0, 1e300, "NaN", "Infinity", "-Infinity"])
def test_case_55_doubles_are_numbers_or_three_words(server: Server, number: Any) -> None:
    (stored,) = _stored_value(server, {"doubleValue": number}).values()

    assert str(stored if isinstance(stored, str) else float(stored)) == (
        number if isinstance(number, str) else str(float(number))
    )


@pytest.mark.parametrize("number", ["1.5", "nan", "inf", True, None, []])
def test_case_55_other_words_are_no_doubles(server: Server, number: Any) -> None:
    value = {"key": "k", "value": {"doubleValue": number}}
    answer = post_json(server, _document(attributes=[value]))

    assert answer.status == (200 if number is None else 400)


@pytest.mark.parametrize("text", ["+/+/AA==", "-_-_AA==", "-_-_AA", "+/+/AA"])
def test_case_56_bytes_are_base64_of_any_flavour(server: Server, text: str) -> None:
    assert _stored_value(server, {"bytesValue": text}) == {"bytesValue": "+/+/AA=="}


def test_case_57_an_empty_parent_is_none(server: Server) -> None:
    assert not _stored(server, parentSpanId="").get("parentSpanId")


def test_case_57_ids_of_links_are_hex_too(server: Server) -> None:
    (link,) = _stored(server, links=[{"traceId": _TRACE_ID, "spanId": _SPAN_ID}])["links"]

    assert (link["traceId"], link["spanId"]) == (_TRACE_ID.lower(), _SPAN_ID.lower())


def test_case_58_json_may_be_compressed(server: Server) -> None:
    project = server.fresh_project()
    content = gzip.compress(json.dumps(_document()).encode())
    answer = post_json(server, content, content_encoding="gzip", x_spanloom_project=project)

    assert (answer.status, len(project_traces(server, project))) == (200, 1)


@pytest.mark.parametrize("depth", [1_000, 100_000])
@pytest.mark.parametrize("begin", ['{"resourceSpans":', '{"unknown":'])
@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")], ids=["array", "object"])
def test_case_59_deep_json_is_no_crash(
    server: Server, depth: int, begin: str, left: str, right: str
) -> None:
    content = begin + left * depth + "1" + right * depth + "}"
    answer = post_json(server, content.encode())

    assert answer.status == (200 if depth == 1_000 and "unknown" in begin else 400)


def test_case_59_deep_values_are_refused(server: Server) -> None:
    value: dict[str, Any] = {"stringValue": "core"}
    for _ in range(200):
        value = {"kvlistValue": {"values": [{"key": "k", "value": value}]}}

    answer = _refused(server, attributes=[{"key": "k", "value": value}])
    assert "nest deeper" in answer.json["message"]


@pytest.mark.parametrize("name", [b'"\\ud800"', b'"\\udc00x"', b'"\xff"', b'"\xed\xa0\x80"'])
def test_case_60_broken_text_is_refused(server: Server, name: bytes) -> None:
    content = json.dumps(_document(name="NAME")).encode().replace(b'"NAME"', name)

    assert post_json(server, content).status == 400


def test_case_60_text_beyond_the_basic_plane_is_kept(server: Server) -> None:
    assert _stored(server, name="\U0001f9f5 \ud55c\uad6d")["name"] == "\U0001f9f5 \ud55c\uad6d"
