"""Calls, feedback, names and deletions, as a client of the API meets them."""

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pyarrow as pa
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.otlp import request, span
from tests.support.server import Answer, Server

_JSON = {"content-type": "application/json"}


def _stored(server: Server, project: str, *names: str) -> list[Span]:
    """A chain of spans, each below the one before."""
    spans: list[Span] = []
    for name in names:
        above = (
            {"trace_id": spans[0].trace_id, "parent_span_id": spans[-1].span_id} if spans else {}
        )
        spans.append(span(name, attrs={"input.value": '{"x": 1}'}, **above))
    server.export(request(*spans).SerializeToString(), project)
    return spans


def _path(project: str, sent: Span) -> str:
    ids = f"traces/{sent.trace_id.hex()}/spans/{sent.span_id.hex()}"
    return f"/api/v1/projects/{project}/{ids}"


def _send(server: Server, method: str, path: str, body: Any = None) -> Answer:
    content = None if body is None else json.dumps(body).encode()
    return server.request(method, path, body=content, headers=_JSON)


def _names(server: Server, project: str, **parameters: object) -> list[str]:
    calls = server.get(f"/projects/{project}/calls", sort="start_time", **parameters)["calls"]
    return [call["display_name"] for call in calls]


def test_calls_are_listed_filtered_and_counted(server: Server) -> None:
    project = server.fresh_project()
    root, _ = _stored(server, project, "root", "child")

    listed = server.get(f"/projects/{project}/calls", where="name = 'root'")
    counted = server.get(f"/projects/{project}/calls/count", trace_id=root.trace_id.hex())

    (call,) = listed["calls"]
    assert (call["name"], call["input"]) == ("root", {"x": 1})
    assert listed["next_cursor"] is None
    assert counted == {"count": 2}


def test_only_the_columns_that_were_asked_for_are_sent(server: Server) -> None:
    project = server.fresh_project()
    _stored(server, project, "root")

    (some,) = server.get(f"/projects/{project}/calls", columns="name,output")["calls"]
    (light,) = server.get(f"/projects/{project}/calls", payloads="false")["calls"]

    assert list(some) == ["trace_id", "span_id", "name", "output"]
    assert not {"input", "output", "attributes"} & light.keys()


@pytest.mark.parametrize("by", ["format", "accept"])
def test_calls_come_as_an_arrow_stream(server: Server, by: str) -> None:
    project = server.fresh_project()
    _stored(server, project, "a", "b", "c")
    media_type = "application/vnd.apache.arrow.stream"
    asked = {"format": "arrow"} if by == "format" else {}

    answer = server.request(
        "GET",
        f"/api/v1/projects/{project}/calls",
        parameters={"limit": 2, "columns": "name", **asked},
        headers={"accept": media_type} if by == "accept" else {},
    )

    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-spanloom-next-cursor"]
    assert pa.ipc.open_stream(answer.body).read_all().num_rows == 2


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"columns": "nmae"}, "there is no column 'nmae': try name"),
        ({"sort": "price"}, "cannot sort by 'price'"),
        ({"cursor": "x"}, "the cursor"),
        ({"trace_id": "x"}, "trace_id must be 32 hexadecimal digits"),
        ({"where": "nmae = 'x'"}, "There is no field nmae"),
    ],
)
def test_what_cannot_be_is_told(server: Server, query: dict[str, object], detail: str) -> None:
    answer = server.request("GET", "/api/v1/projects/p/calls", parameters=query)

    assert answer.status == 400
    assert detail in answer.json["detail"]


def test_feedback_is_there_as_soon_as_it_is_answered(server: Server) -> None:
    project = server.fresh_project()
    (root,) = _stored(server, project, "root")
    path = f"{_path(project, root)}/feedback"
    score = {"kind": "score", "name": "tone", "value": True, "label": "kind", "explanation": "…"}

    given = [
        _send(server, "POST", path, {"kind": "reaction", "emoji": "👍", "creator": "ann"}),
        _send(server, "POST", path, {"kind": "note", "text": "good"}),
        _send(server, "POST", path, score),
    ]

    assert [answer.status for answer in given] == [201] * 3
    listed = server.request("GET", path).json["feedback"]
    assert listed == [answer.json for answer in given]
    assert (listed[0]["emoji"], listed[0]["creator"]) == ("👍", "ann")
    detail = server.request("GET", _path(project, root)).json
    assert detail["feedback"] == listed
    (shown,) = detail["scores"]
    assert (shown["name"], shown["value"], shown["label"]) == ("tone", True, "kind")
    assert shown["source"] == "feedback"


def test_feedback_that_is_sent_twice_is_there_once(server: Server) -> None:
    path = f"/api/v1/projects/{server.fresh_project()}/traces/{'1' * 32}/spans/{'2' * 16}/feedback"
    body = {"kind": "note", "text": "once", "feedback_id": "f" * 32}

    for _ in range(2):
        _send(server, "POST", path, body)
    assert len(server.request("GET", path).json["feedback"]) == 1

    assert _send(server, "DELETE", f"{path}/{'f' * 32}").status == 204
    assert _send(server, "DELETE", f"{path}/{'f' * 32}").status == 204
    assert server.request("GET", path).json["feedback"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "applause"},
        {"kind": "note", "text": ""},
        {"kind": "note", "text": "x", "emoji": "y"},
        {"kind": "reaction", "emoji": "x" * 65},
        {"kind": "score", "name": "s"},
        {"kind": "score", "name": "s", "value": "high"},
        {"kind": "score", "name": "", "value": 1},
        {"kind": "note", "text": "x", "feedback_id": "../x"},
    ],
)
def test_feedback_that_says_nothing_is_refused(server: Server, body: dict[str, object]) -> None:
    path = f"/api/v1/projects/p/traces/{'1' * 32}/spans/{'2' * 16}/feedback"

    answer = _send(server, "POST", path, body)

    assert answer.status == 422
    assert answer.json["errors"]


def test_the_longest_note_is_taken(server: Server) -> None:
    path = f"/api/v1/projects/{server.fresh_project()}/traces/{'1' * 32}/spans/{'2' * 16}/feedback"

    answer = _send(server, "POST", path, {"kind": "note", "text": "😀" * 16_384})

    assert answer.status == 201


@pytest.mark.parametrize("header", [("content-length", "600000"), ("transfer-encoding", "chunked")])
def test_a_body_beyond_all_notes_is_refused_before_it_is_sent(
    server: Server, header: tuple[str, str]
) -> None:
    path = f"/api/v1/projects/p/traces/{'1' * 32}/spans/{'2' * 16}/feedback"
    with closing(HTTPConnection(server.endpoint.removeprefix("http://"), timeout=10)) as connection:
        connection.putrequest("POST", path)
        connection.putheader(*header)
        connection.endheaders()

        answer = connection.getresponse()

        assert (answer.status, json.loads(answer.read())["title"]) == (413, "Too large")


def test_another_web_page_cannot_write(server: Server) -> None:
    """Without asking first, a page may send text, but no JSON and no DELETE."""
    path = f"/api/v1/projects/p/traces/{'1' * 32}/spans/{'2' * 16}/feedback"
    body = json.dumps({"kind": "note", "text": "forged"}).encode()

    sent = server.request("POST", path, body=body, headers={"content-type": "text/plain"})
    asked = server.request(
        "OPTIONS",
        path,
        headers={"origin": "https://evil.example", "access-control-request-method": "POST"},
    )

    assert sent.status == 422
    assert "access-control-allow-origin" not in asked.headers


def test_a_name_survives_a_late_end_and_can_be_taken_away(server: Server) -> None:
    project = server.fresh_project()
    (root,) = _stored(server, project, "root")

    answer = _send(server, "PATCH", _path(project, root), {"display_name": "the odd one"})
    root.end_time_unix_nano += 1_000
    server.export(request(root).SerializeToString(), project)

    assert answer.json == {"display_name": "the odd one"}
    assert _names(server, project) == ["the odd one"]
    detail = server.request("GET", _path(project, root)).json
    assert (detail["name"], detail["display_name"]) == ("root", "the odd one")
    tree = server.get(f"/projects/{project}/traces/{root.trace_id.hex()}")
    assert tree["spans"]["name"] == ["the odd one"]
    _send(server, "PATCH", _path(project, root), {"display_name": None})
    assert _names(server, project) == ["root"]


def test_what_is_not_there_cannot_be_renamed(server: Server) -> None:
    path = f"/api/v1/projects/p/traces/{'1' * 32}/spans/{'2' * 16}"

    assert _send(server, "PATCH", path, {"display_name": "x"}).status == 404


def test_a_call_is_deleted_with_all_below_it_and_does_not_come_back(server: Server) -> None:
    project = server.fresh_project()
    root, middle, leaf = _stored(server, project, "root", "middle", "leaf")
    feedback = f"{_path(project, leaf)}/feedback"
    _send(server, "POST", feedback, {"kind": "note", "text": "x"})

    deleted = _send(server, "DELETE", _path(project, middle))
    leaf.end_time_unix_nano += 1_000
    server.export(request(root, middle, leaf).SerializeToString(), project)

    assert deleted.json == {"deleted_count": 2}
    assert _names(server, project) == ["root"]
    assert server.request("GET", _path(project, leaf)).status == 404
    assert server.request("GET", feedback).json["feedback"] == []
    assert _send(server, "DELETE", _path(project, middle)).json == {"deleted_count": 0}
