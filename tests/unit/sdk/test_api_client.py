import dataclasses
import gzip
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

import spanloom
from spanloom._api import Api, shared_api
from spanloom._settings import Settings
from spanloom.errors import (
    AccessError,
    ApiError,
    NotFoundError,
    ServerError,
    SpanloomError,
    UnreachableError,
)
from tests.unit.sdk.api_server import DROPPED, ApiServer, Reply


@pytest.fixture
def server() -> Iterator[ApiServer]:
    server = ApiServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def api(server: ApiServer) -> Iterator[Api]:
    api = Api(Settings(project="team/shop", endpoint=server.url, api_key="secret"))
    yield api
    api.close()


def problem(status: int, **members: object) -> Reply:
    return Reply(status, msgspec.json.encode({"status": status, **members}))


def test_json_is_sent_and_read(server: ApiServer, api: Api) -> None:
    server.replies.append(Reply(201, b'{"id": "f1"}'))

    answer = api.post(api.path("spans", "a/b"), {"emoji": "👍"})

    assert answer == {"id": "f1"}
    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", "/api/v1/projects/team%2Fshop/spans/a%2Fb")
    assert asked.json() == {"emoji": "👍"}
    assert asked.headers["Authorization"] == "Bearer secret"
    assert asked.headers["Content-Type"] == "application/json"


def test_parameters_are_quoted_repeated_and_left_out(server: ApiServer, api: Api) -> None:
    where = "name = 'a&b'"

    api.get("/x", {"where": where, "full": True, "id": [1, 2], "cursor": None, "limit": 5})

    expected = "/api/v1/x?where=name+%3D+%27a%26b%27&full=true&id=1&id=2&limit=5"
    assert server.asked[0].target == expected


@pytest.mark.parametrize(("timeout_s", "wait"), [(60.0, "wait=30"), (8.0, "wait=4")])
def test_the_server_is_asked_to_wait_for_what_was_flushed(
    server: ApiServer, timeout_s: float, wait: str
) -> None:
    Api(Settings(endpoint=server.url, read_timeout_s=timeout_s)).get("/x")

    assert server.asked[0].headers["Prefer"] == wait


def test_an_endpoint_below_a_path_keeps_it(server: ApiServer) -> None:
    Api(Settings(endpoint=f"{server.url}/behind/proxy")).get("/projects")

    assert server.asked[0].target == "/behind/proxy/api/v1/projects"


def test_an_answer_may_be_compressed_or_empty(server: ApiServer, api: Api) -> None:
    compressed = gzip.compress(b'["many", "words"]')
    server.replies = [Reply(200, compressed, (("Content-Encoding", "gzip"),)), Reply(204, b"")]

    assert api.get("/x") == ["many", "words"]
    assert api.delete("/x") is None
    assert server.asked[0].headers["Accept-Encoding"] == "gzip"


def test_a_connection_is_used_again(server: ApiServer, api: Api) -> None:
    for _ in range(5):
        api.get("/x")

    assert server.connection_count == 1


def test_threads_do_not_wait_for_each_other(server: ApiServer, api: Api) -> None:
    server.replies = [Reply(delay_s=0.2)] * 8

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(api.get, ["/x"] * 8))

    assert answers == [{}] * 8
    assert server.connection_count == 8


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AccessError), (403, AccessError), (404, NotFoundError), (422, ServerError)],
)
def test_a_problem_is_an_error_that_says_all_of_it(
    server: ApiServer, api: Api, status: int, kind: type[ServerError]
) -> None:
    server.replies.append(problem(status, title="What it is", detail="what would be right"))

    with pytest.raises(kind) as caught:
        api.get("/x")

    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.title) == (status, "What it is")
    assert str(caught.value) == f"What it is ({status}): what would be right"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_what_is_not_there_is_a_lookup_error(server: ApiServer, api: Api) -> None:
    server.replies.append(problem(404, title="Not found", detail="there is no call 1"))

    with pytest.raises(LookupError, match="no call 1"):
        api.get("/x")


def test_the_page_of_a_proxy_is_a_server_error(server: ApiServer, api: Api) -> None:
    server.replies.append(Reply(502, b"<h1>Bad Gateway</h1>"))

    with pytest.raises(ServerError, match=r"Bad Gateway \(502\): <h1>Bad Gateway</h1>"):
        api.get("/x")


def test_a_redirect_is_not_followed(server: ApiServer, api: Api) -> None:
    server.replies.append(Reply(302, b"", (("Location", "http://elsewhere.example/"),)))

    with pytest.raises(ServerError, match="302"):
        api.get("/x")


def test_an_answer_that_is_no_json_is_told(server: ApiServer, api: Api) -> None:
    server.replies.append(Reply(200, b"<!doctype html>"))

    with pytest.raises(UnreachableError, match="no JSON but b'<!doctype html>'"):
        api.get("/x")


def test_a_dead_server_is_unreachable(dead_url: str) -> None:
    api = Api(Settings(endpoint=dead_url))

    with pytest.raises(UnreachableError, match=dead_url) as caught:
        api.get("/x")

    assert isinstance(caught.value, ConnectionError)
    assert isinstance(caught.value, ApiError)
    assert isinstance(caught.value, SpanloomError)


def test_a_silent_server_is_unreachable_after_the_timeout(server: ApiServer) -> None:
    api = Api(Settings(endpoint=server.url, read_timeout_s=0.1))
    server.replies.append(Reply(delay_s=0.5))

    with pytest.raises(UnreachableError, match="timed out"):
        api.get("/x")

    assert len(server.asked) <= 1


def test_a_broken_read_is_repeated_once(server: ApiServer, api: Api) -> None:
    server.replies = [DROPPED, Reply(200, b'{"found": 1}')]

    assert api.get("/x") == {"found": 1}
    assert len(server.asked) == 2


def test_a_read_that_breaks_again_is_unreachable(server: ApiServer, api: Api) -> None:
    server.replies = [DROPPED, DROPPED, Reply()]

    with pytest.raises(UnreachableError):
        api.get("/x")

    assert len(server.asked) == 2


def test_half_an_answer_is_asked_for_again(server: ApiServer, api: Api) -> None:
    half = Reply(200, b'{"found"', promised_bytes=100, hangs_up=True)
    server.replies = [half, Reply(200, b'{"found": 1}')]

    assert api.get("/x") == {"found": 1}


def test_a_change_is_repeated_only_where_that_is_harmless(server: ApiServer, api: Api) -> None:
    server.replies = [DROPPED, DROPPED, Reply(), DROPPED, Reply()]

    with pytest.raises(UnreachableError):
        api.post("/x", {})
    api.post("/x", {}, idempotent=True)
    api.put("/x", {})

    assert [asked.method for asked in server.asked] == ["POST", "POST", "POST", "PUT", "PUT"]


def test_a_change_is_not_sent_into_a_connection_that_has_ended(server: ApiServer, api: Api) -> None:
    server.replies = [Reply(hangs_up=True), Reply(200, b'{"made": 1}')]
    with ThreadPoolExecutor(1) as pool:
        pool.submit(api.get, "/x").result()
    idle = api._connections._idle[0].sock
    idle.settimeout(5)
    assert idle.recv(1, 2) == b""  # MSG_PEEK: wait until the end has arrived

    assert api.post("/x", {}) == {"made": 1}
    assert server.connection_count == 2


def test_bytes_come_as_a_stream_and_the_connection_lives_on(server: ApiServer, api: Api) -> None:
    content = os.urandom(3_000_000)
    server.replies.append(Reply(200, content))

    with api.download("/blobs/1", {"part": 2}, media_type="image/png") as stream:
        first = stream.read(10)
        rest = stream.read()
    api.get("/x")

    assert first + rest == content
    assert server.asked[0].headers["Accept"] == "image/png"
    assert server.connection_count == 1


def test_a_stream_that_is_left_half_read_leaves_nothing_to_the_next(
    server: ApiServer, api: Api
) -> None:
    server.replies = [Reply(200, os.urandom(3_000_000)), Reply(200, b'{"found": 1}')]

    with api.download("/blobs/1") as stream:
        stream.read(10)

    assert api.get("/x") == {"found": 1}
    assert server.connection_count == 2


def test_a_stream_that_breaks_is_no_shorter_stream(server: ApiServer, api: Api) -> None:
    server.replies.append(Reply(200, b"half", promised_bytes=8, hangs_up=True))

    with api.download("/blobs/1") as stream, pytest.raises(UnreachableError):
        stream.read()


def test_what_fails_beside_a_stream_stays_what_it_is(server: ApiServer, api: Api) -> None:
    server.replies.append(Reply(200, b"content"))

    with pytest.raises(OSError, match="disk full") as caught, api.download("/blobs/1"):
        raise OSError("disk full")

    assert not isinstance(caught.value, ApiError)


def test_a_download_of_nothing_is_not_found(server: ApiServer, api: Api) -> None:
    server.replies.append(problem(404, title="Not found", detail="no blob"))

    with pytest.raises(NotFoundError, match="no blob"), api.download("/blobs/1"):
        pytest.fail("there is nothing to read")


def test_parts_are_sent_as_they_come(server: ApiServer, api: Api) -> None:
    parts = [os.urandom(100_000) for _ in range(3)]

    api.upload("PUT", "/blobs/1", iter(parts), media_type="image/png")

    assert server.asked[0].content == b"".join(parts)
    assert server.asked[0].headers["Transfer-Encoding"] == "chunked"
    assert server.asked[0].headers["Content-Type"] == "image/png"


def test_whole_bytes_are_sent_again_parts_are_not(server: ApiServer, api: Api) -> None:
    server.replies = [DROPPED, Reply(), DROPPED]

    api.upload("PUT", "/blobs/1", b"whole")
    with pytest.raises(UnreachableError):
        api.upload("PUT", "/blobs/1", iter([b"part"]))

    assert [asked.content for asked in server.asked] == [b"whole", b"whole", b"part"]


def test_an_early_refusal_of_a_long_body_is_heard(server: ApiServer, api: Api) -> None:
    refusal = problem(413, title="Too large", detail="at most 1 MB")
    server.replies.append(refusal._replace(reads_content=False, hangs_up=True))

    with pytest.raises(ApiError):
        api.upload("POST", "/blobs", (b"x" * 65_536 for _ in range(200)))

    assert len(server.asked) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows cannot fork")
def test_a_forked_child_opens_connections_of_its_own(server: ApiServer, api: Api) -> None:
    api.get("/x")

    child = os.fork()
    if child == 0:
        os._exit(0 if api.get("/x") == {} else 1)

    assert os.waitpid(child, 0)[1] == 0
    api.get("/x")
    assert server.connection_count == 2


def test_a_client_shares_its_connections_with_equal_settings(server: ApiServer) -> None:
    client = spanloom.init("shop", endpoint=server.url)

    assert client.api is shared_api(dataclasses.replace(client.settings))
