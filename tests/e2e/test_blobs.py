"""Large or binary content is put and got by its digest, and never runs in the page."""

import hashlib
import http.client
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.server import Answer, Server, running_server

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def blob_path(project: str, content: bytes) -> str:
    return f"/api/v1/projects/{project}/blobs/{digest_of(content)}"


def put(server: Server, project: str, content: bytes) -> Answer:
    return server.request("PUT", blob_path(project, content), body=content)


@pytest.mark.parametrize("content", [PNG, b"", b"x" * 3_000_000], ids=["png", "empty", "large"])
def test_content_comes_back_as_it_was_put_once_or_twice(server: Server, content: bytes) -> None:
    project = server.fresh_project()

    answers = [put(server, project, content) for _ in range(2)]
    got = server.request("GET", blob_path(project, content))

    expected = {"digest": digest_of(content), "size_bytes": len(content)}
    assert [answer.json for answer in answers] == [expected] * 2
    assert got.body == content


def test_content_that_is_not_what_its_digest_says_is_refused(server: Server) -> None:
    project = server.fresh_project()

    answer = server.request("PUT", blob_path(project, PNG), body=PNG + b"!")

    assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
    assert digest_of(PNG + b"!") in answer.json["detail"]
    assert server.request("HEAD", blob_path(project, PNG)).status == 404


def test_a_head_says_whether_it_is_there_and_how_long_it_is(server: Server) -> None:
    project = server.fresh_project()
    put(server, project, PNG)

    answer = server.request("HEAD", blob_path(project, PNG))

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == str(len(PNG))


def test_a_part_of_the_content_can_be_had(server: Server) -> None:
    project = server.fresh_project()
    put(server, project, PNG)

    headers = {"range": "bytes=8-11", "accept-encoding": "gzip"}
    answer = server.request("GET", blob_path(project, PNG), headers=headers)

    assert (answer.status, answer.body) == (206, bytes(range(4)))
    assert answer.headers["content-range"] == f"bytes 8-11/{len(PNG)}"


@pytest.mark.parametrize(
    ("content", "media_type", "disposition"),
    [
        (PNG, "image/png", "inline"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav", "inline"),
        ("텍스트".encode(), "text/plain; charset=utf-8", "inline"),
        (b"<html><script>alert(1)</script>", "text/plain; charset=utf-8", "inline"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "text/plain; charset=utf-8", "inline"),
        (b"%PDF-1.7", "application/pdf", "attachment"),
        (b"\x93NUMPY\x01\0\0", "application/octet-stream", "attachment"),
    ],
)
def test_content_is_served_so_that_nothing_of_it_runs(
    server: Server, content: bytes, media_type: str, disposition: str
) -> None:
    project = server.fresh_project()
    put(server, project, content)

    headers = server.request("GET", blob_path(project, content)).headers

    assert headers["content-type"] == media_type
    assert headers["content-disposition"].startswith(f"{disposition};")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox;")


@pytest.mark.parametrize("digest", ["x", "sha256:12", "..%2F..%2Fetc%2Fpasswd", "md5:" + "0" * 64])
def test_what_is_no_digest_is_refused(server: Server, digest: str) -> None:
    for method in ("GET", "PUT"):
        answer = server.request(method, f"/api/v1/projects/p/blobs/{digest}")

        assert answer.status in (400, 404, 405)
        assert answer.headers["content-type"] == "application/problem+json"


def test_content_belongs_to_its_project_and_to_holders_of_its_token(tmp_path: Path) -> None:
    environment = {"SPANLOOM_TOKENS": "one-token=one,two-token=two"}
    with running_server(tmp_path, environment=environment) as server:

        def ask(method: str, project: str, token: str, body: bytes | None = None) -> int:
            headers = {"authorization": f"Bearer {token}"}
            path = blob_path(project, PNG)
            return server.request(method, path, body=body, headers=headers).status

        assert ask("PUT", "one", "one-token", PNG) == 200
        assert ask("GET", "one", "one-token") == 200
        assert ask("GET", "one", "two-token") == 403
        assert ask("GET", "two", "two-token") == 404
        assert ask("PUT", "one", "wrong", PNG) == 401


def test_content_survives_a_kill_right_after_the_answer(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        put(server, "p", PNG)
        server.kill()
    with running_server(tmp_path) as server:
        assert server.request("GET", blob_path("p", PNG)).body == PNG


def test_too_much_is_refused_before_and_while_it_comes(server: Server) -> None:
    path = blob_path("p", PNG)
    address = urlsplit(server.endpoint)
    for headers in ({"content-length": str(1 << 40)}, {"transfer-encoding": "chunked"}):
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        connection.putrequest("PUT", path)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        if "transfer-encoding" in headers:
            chunk = b"%x\r\n%s\r\n" % (1 << 20, bytes(1 << 20))
            try:
                for _ in range(80):
                    connection.send(chunk)
            except OSError:
                pass  # the server has answered and hung up

        assert connection.getresponse().status == 413
        connection.close()
