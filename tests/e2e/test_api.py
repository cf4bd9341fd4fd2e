"""The API as a client meets it: paths, one shape of errors, its own description."""

import gzip
import urllib.request

import pytest

from tests.support.otlp import request, span
from tests.support.server import Server

_ID = "0" * 32


def _stored_trace(server: Server, project: str) -> str:
    sent = span("root", attrs={"input.value": "x" * 5_000})
    server.export(request(sent).SerializeToString(), project)
    return sent.trace_id.hex()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/nope", 404),
        ("/api/nope", 404),
        ("/nope.js", 404),
        (f"/api/v1/projects/p/traces/{_ID}", 404),
        (f"/api/v1/projects/p/traces/{_ID}/spans/{'0' * 16}", 404),
        (f"/api/v1/projects/p/traces/{_ID}/spans/{'0' * 16}/otlp", 404),
        (f"/api/v1/projects/p/evaluations/{'0' * 16}", 404),
        (f"/api/v1/projects/p/evaluations/{'0' * 16}/rows", 404),
        ("/api/v1/projects/p/traces/xyz", 400),
        ("/api/v1/projects/p/traces/xyz/spans/x", 400),
        ("/api/v1/projects/p/evaluations/x", 400),
        ("/api/v1/projects/p/traces?sort=price", 400),
        ("/api/v1/projects/p/traces?cursor=x", 400),
        ("/api/v1/projects/p/evaluations?cursor=x", 400),
        ("/api/v1/projects/p/traces?where=name+%3D", 400),
        ("/api/v1/projects/p/traces?limit=0", 422),
        ("/api/v1/projects/p/traces?limit=x", 422),
    ],
)
def test_every_error_is_a_problem(server: Server, path: str, status: int) -> None:
    answer = server.request("GET", path)

    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == status
    assert {"type", "title", "detail", "request_id"} <= answer.json.keys()
    assert answer.json["detail"]


def test_a_faulty_filter_says_where_it_is_faulty(server: Server) -> None:
    answer = server.request(
        "GET", "/api/v1/projects/p/traces", parameters={"where": "name = 'x' AND staus = 'ok'"}
    )

    assert (answer.json["position"], answer.json["length"]) == (15, 5)
    assert answer.json["suggestions"][0] == "status"


@pytest.mark.parametrize("separator", ["/", "%2F"])
def test_a_project_may_hold_a_slash(server: Server, separator: str) -> None:
    entity = server.fresh_project()
    trace_id = _stored_trace(server, f"{entity}/app")
    path = f"/projects/{entity}{separator}app/traces"

    assert [t["trace_id"] for t in server.get(path)["traces"]] == [trace_id]
    assert server.get(f"{path}/{trace_id}")["project"] == f"{entity}/app"


def test_a_project_may_hold_any_script(server: Server) -> None:
    project = f"{server.fresh_project()}-日本 ü%"
    sent = request(span(), resource={"spanloom.project": project})
    server.export(sent.SerializeToString())
    quoted = urllib.request.quote(project)

    assert len(server.get(f"/projects/{quoted}/traces")["traces"]) == 1


def test_ids_are_read_in_either_case(server: Server) -> None:
    project = server.fresh_project()
    trace_id = _stored_trace(server, project)

    assert server.get(f"/projects/{project}/traces/{trace_id.upper()}")["trace_id"] == trace_id


def test_projects_count_what_they_hold(server: Server) -> None:
    project = server.fresh_project()
    root = span("root", status={"code": 2})
    child = span("child", trace_id=root.trace_id, parent_span_id=root.span_id)
    server.export(request(root, child).SerializeToString(), project)

    (found,) = [p for p in server.get("/projects")["projects"] if p["name"] == project]
    assert (found["trace_count"], found["span_count"], found["error_count"]) == (1, 2, 1)


def test_long_answers_are_compressed_when_asked_for(server: Server) -> None:
    project = server.fresh_project()
    trace_id = _stored_trace(server, project)
    span_id = server.get(f"/projects/{project}/traces/{trace_id}")["root_span_id"]
    path = f"/api/v1/projects/{project}/traces/{trace_id}/spans/{span_id}"
    answer = server.request("GET", path, headers={"accept-encoding": "gzip"})

    assert answer.headers["content-encoding"] == "gzip"
    assert b"x" * 5_000 in gzip.decompress(answer.body)


def test_the_api_describes_itself(server: Server) -> None:
    document = server.request("GET", "/api/openapi.json").json

    assert set(document["paths"]) == {
        "/api/v1/projects",
        "/api/v1/projects/{project}/traces",
        "/api/v1/projects/{project}/traces/{trace_id}",
        "/api/v1/projects/{project}/traces/{trace_id}/spans/{span_id}",
        "/api/v1/projects/{project}/traces/{trace_id}/spans/{span_id}/otlp",
        "/api/v1/projects/{project}/traces/{trace_id}/spans/{span_id}/logs/otlp",
        "/api/v1/projects/{project}/blobs/{digest}",
        "/api/v1/projects/{project}/traces/{trace_id}/spans/{span_id}/feedback",
        "/api/v1/projects/{project}/traces/{trace_id}/spans/{span_id}/feedback/{feedback_id}",
        "/api/v1/projects/{project}/calls",
        "/api/v1/projects/{project}/calls/count",
        "/api/v1/projects/{project}/evaluations",
        "/api/v1/projects/{project}/evaluations/{evaluation_id}",
        "/api/v1/projects/{project}/evaluations/{evaluation_id}/rows",
        "/api/v1/projects/{project}/dataset-rows",
        "/api/v1/projects/{project}/objects",
        "/api/v1/projects/{project}/objects/{name}",
        "/api/v1/projects/{project}/objects/{name}/aliases/{alias}",
        "/api/v1/projects/{project}/objects/{name}/versions/{selector}",
        "/api/v1/projects/{project}/objects/{name}/versions/{selector}/rows",
        "/api/v1/projects/{project}/objects/{name}/versions/{selector}/tags/{tag}",
        "/api/v1/server",
        "/healthz",
        "/readyz",
    }
    assert server.request("GET", "/api/docs").status == 200


def test_the_server_says_how_to_reach_it(server: Server) -> None:
    info = server.get("/server")

    assert (info["endpoint"], info["otlp_http"], info["otlp_grpc"]) == (
        server.endpoint,
        server.otlp_http,
        server.otlp_grpc,
    )
    assert info["auth_required"] is False


def test_a_running_server_is_healthy_and_ready(server: Server) -> None:
    assert server.request("GET", "/healthz").json == {"status": "ok"}
    ready = server.request("GET", "/readyz")
    assert (ready.status, ready.json["checks"][0]["name"]) == (200, "engine")
