"""Objects over HTTP: what a client of any language does with them."""

import json
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Answer, Server, running_server


def _send(server: Server, method: str, path: str, body: Any = None) -> Answer:
    return server.request(
        method,
        f"/api/v1/projects{path}",
        body=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )


def _published(server: Server, project: str, **publication: Any) -> Any:
    answer = _send(server, "POST", f"/{project}/objects", publication)
    assert answer.status == 200, answer.body.decode()
    return answer.json


def test_an_object_is_published_found_named_and_deleted(server: Server) -> None:
    project = server.fresh_project()
    first = _published(server, project, name="thing", value={"a": 1}, tags=["t"], aliases=["best"])
    _published(server, project, name="thing", value={"a": 2})
    path = f"/{project}/objects/thing"

    assert (first["version"], first["tags"], first["aliases"]) == ("v0", ["t"], ["best"])
    assert server.get(f"/projects{path}/versions/best")["value"] == {"a": 1}
    assert _send(server, "PUT", f"{path}/aliases/best", {"version": "latest"}).status == 200
    assert server.get(f"/projects{path}/versions/best")["version"] == "v1"
    assert _send(server, "PUT", f"{path}/versions/v1/tags/new").json["tags"] == ["new"]
    assert _send(server, "DELETE", f"{path}/versions/v1/tags/new").status == 204
    assert _send(server, "DELETE", f"{path}/aliases/best").status == 204
    assert _send(server, "DELETE", f"{path}/versions/v0").status == 204
    assert _send(server, "DELETE", f"{path}/versions/v0").status == 204
    (left,) = server.get(f"/projects{path}")["versions"]
    assert (left["version"], left["tags"], left["aliases"]) == ("v1", [], [])
    assert _send(server, "DELETE", path).status == 204
    assert _send(server, "GET", path).status == 404


def test_lists_come_in_pages(server: Server) -> None:
    project = server.fresh_project()
    for index in range(5):
        _published(server, project, name=f"thing {index % 3}", value=index, description=f"{index}")
    names, versions = [], []
    parameters: dict[str, Any] = {"limit": 2}
    while True:
        page = server.get(f"/projects/{project}/objects", **parameters)
        names += [(found["name"], found["description"]) for found in page["objects"]]
        if page["next_cursor"] is None:
            break
        parameters["cursor"] = page["next_cursor"]
    name = urllib.parse.quote("thing 1")
    page = server.get(f"/projects/{project}/objects/{name}", limit=1)
    versions.append(page["versions"][0]["version"])
    page = server.get(f"/projects/{project}/objects/{name}", limit=1, cursor=page["next_cursor"])
    versions.append(page["versions"][0]["version"])

    assert names == [("thing 0", "3"), ("thing 1", "4"), ("thing 2", "2")]
    assert versions == ["v1", "v0"]
    assert page["next_cursor"] is None
    assert server.get(f"/projects/{project}/objects", kind="prompt")["objects"] == []


def test_a_dataset_is_sent_in_chunks_and_read_in_pages(server: Server) -> None:
    project, rows = server.fresh_project(), [{"a": index} for index in range(5)]
    chunks = [
        _send(server, "POST", f"/{project}/dataset-rows", {"rows": part}).json["digest"]
        for part in (rows[:3], rows[3:])
    ]
    version = _published(server, project, name="numbers", kind="dataset", chunks=chunks)

    page = server.get(f"/projects/{project}/objects/numbers/versions/v0/rows", offset=2, limit=2)
    assert version["row_count"] == page["total"] == 5
    assert [(row["index"], row["value"]) for row in page["rows"]] == [(2, {"a": 2}), (3, {"a": 3})]
    assert page["next_offset"] == 4


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        ("GET", "/objects/none", None, 404, "has no object 'none'"),
        ("GET", "/objects/none/versions/v0", None, 404, "has no version 'v0' of 'none'"),
        ("DELETE", "/objects/none/versions/v0", None, 404, "has no version 'v0' of 'none'"),
        ("GET", "/objects/none/versions/v0/rows", None, 404, "has no version 'v0' of 'none'"),
        ("PUT", "/objects/none/aliases/a", {"version": "v0"}, 404, "has no version 'v0'"),
        ("PUT", "/objects/none/versions/v0/tags/a", None, 404, "has no version 'v0'"),
        ("GET", "/objects?cursor=x", None, 400, "cursor"),
        ("GET", "/objects/none?cursor=Wy0xLCIiXQ", None, 400, "cursor"),
        ("POST", "/objects", {"name": "a/b", "value": 1}, 422, "cannot name an object"),
        ("POST", "/objects", {"name": "a", "kind": "x"}, 422, "there is no kind 'x'"),
        ("POST", "/objects", {"value": 1}, 422, "name"),
        ("POST", "/objects", {"name": "a", "value": "\ud800"}, 422, "cannot be stored as JSON"),
        ("POST", "/objects", {"name": "a", "kind": "dataset"}, 422, "at least one chunk"),
        ("POST", "/dataset-rows", {"rows": []}, 422, "rows"),
        ("POST", "/dataset-rows", {"rows": [1]}, 422, "rows"),
        ("POST", "/dataset-rows", {"rows": [{"a": "\ud800"}]}, 422, "cannot be stored as JSON"),
    ],
)
def test_bad_requests_get_problems(
    server: Server, method: str, path: str, body: Any, status: int, detail: str
) -> None:
    answer = _send(server, method, f"/p{path}", body)

    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in answer.json["detail"]


def test_rows_are_those_of_a_dataset(server: Server) -> None:
    project = server.fresh_project()
    _published(server, project, name="thing", value=1)

    answer = _send(server, "GET", f"/{project}/objects/thing/versions/v0/rows")
    assert (answer.status, "no dataset" in answer.json["detail"]) == (400, True)
    answer = _send(server, "PUT", f"/{project}/objects/thing/aliases/v7", {"version": "v0"})
    assert (answer.status, "follows from" in answer.json["detail"]) == (422, True)
    answer = _send(server, "PUT", f"/{project}/objects/thing/versions/v0/tags/%3A")
    assert (answer.status, "cannot name a tag" in answer.json["detail"]) == (422, True)


def test_a_body_that_is_no_json_or_too_deep_is_a_problem(server: Server) -> None:
    headers = {"content-type": "application/json"}
    for body in (b"{", b"[" * 100_000):
        answer = server.request("POST", "/api/v1/projects/p/objects", body=body, headers=headers)
        assert answer.status in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_long_body_is_refused(server: Server) -> None:
    answer = _send(server, "POST", "/p/objects", {"name": "a", "value": "x" * (17 << 20)})

    assert answer.status == 413
    assert "may be 16 MiB long" in answer.json["detail"]


def test_values_are_kept_exactly(server: Server) -> None:
    project = server.fresh_project()
    version = _published(server, project, name="thing", value={"text": "ü" * 1_000, "n": 2**64})

    path = f"/projects/{project}/objects/thing/versions/{version['digest']}"
    assert server.get(path)["value"] == {"text": "ü" * 1_000, "n": 2**64}
    assert server.get(path)["digest"] == version["digest"]


def test_a_token_publishes_in_its_own_project_alone(tmp_path: Path) -> None:
    body = json.dumps({"name": "thing", "value": 1}).encode()
    headers = {"content-type": "application/json"}
    statuses = {}
    with running_server(tmp_path, environment={"SPANLOOM_TOKENS": "secret=mine"}) as server:
        for project, token in (("mine", ""), ("other", "secret"), ("mine", "secret")):
            answer = server.request(
                "POST",
                f"/api/v1/projects/{project}/objects",
                body=body,
                headers=headers | ({"authorization": f"Bearer {token}"} if token else {}),
            )
            statuses[project, token] = answer.status

    assert statuses == {("mine", ""): 401, ("other", "secret"): 403, ("mine", "secret"): 200}
