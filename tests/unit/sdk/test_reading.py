"""What the SDK asks the server for when calls are read, and what it makes of the answers."""

import builtins
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import numpy
import pytest

import spanloom
from spanloom.errors import (
    ConfigurationError,
    MissingLibraryError,
    NotFoundError,
    UnreachableError,
)
from tests.unit.sdk.api_server import ApiServer, Reply


@pytest.fixture
def server() -> Iterator[ApiServer]:
    server = ApiServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(server: ApiServer) -> spanloom.Client:
    return spanloom.Client("shop", endpoint=server.url)


def page(*numbers: int, next_cursor: str | None = None, **members: object) -> Reply:
    calls = [{"span_id": f"{number:016x}", "trace_id": "a" * 32, **members} for number in numbers]
    return Reply(200, msgspec.json.encode({"calls": calls, "next_cursor": next_cursor}))


def query_of(server: ApiServer, place: int) -> dict[str, str]:
    texts = parse_qs(urlsplit(server.asked[place].target).query)
    return {name: values[0] for name, values in texts.items()}


def numbers(calls: Any) -> list[int]:
    return [int(call.id, 16) for call in calls]


def test_nothing_is_asked_before_it_is_looked_at(server: ApiServer, client: Any) -> None:
    calls = client.calls(op="answer")

    assert repr(calls) == "Calls(op='answer', sort='-start_time')"
    assert server.asked == []


def test_pages_are_read_as_they_are_wanted(server: ApiServer, client: Any) -> None:
    server.replies = [page(1, 2, next_cursor="c2"), page(3)]
    calls = iter(client.calls(page_size=2))

    first_two = numbers([next(calls), next(calls)])
    asked_count = len(server.asked)
    rest = numbers(calls)

    assert (first_two, asked_count, rest) == ([1, 2], 1, [3])
    assert query_of(server, 1) == {"sort": "-start_time", "cursor": "c2", "limit": "2"}


def test_every_condition_is_sent(server: ApiServer, client: Any) -> None:
    server.replies = [page()]

    @spanloom.op
    def answer() -> None: ...

    list(
        client.calls(
            op=answer,
            where="a = 1",
            parent_id="b" * 16,
            roots_only=True,
            started_from=datetime(2026, 1, 2, tzinfo=UTC),
            columns=["name", "kind"],
            payloads=False,
        )[:5]
    )

    sent = query_of(server, 0)
    assert sent["op"].endswith("answer")
    assert (sent["where"], sent["parent_span_id"], sent["roots_only"]) == (
        "a = 1",
        "b" * 16,
        "true",
    )
    assert datetime.fromisoformat(sent["started_from"]) == datetime(2026, 1, 2, tzinfo=UTC)
    assert (sent["columns"], sent["payloads"], sent["limit"]) == ("name,kind", "false", "5")


def test_no_more_is_read_than_the_limit(server: ApiServer, client: Any) -> None:
    server.replies = [page(1, 2, next_cursor="c2"), page(3, next_cursor="c3")]

    assert numbers(client.calls(limit=3, page_size=2)) == [1, 2, 3]
    assert query_of(server, 1)["limit"] == "1"
    assert numbers(client.calls(limit=0)) == []
    assert len(server.asked) == 2


def test_a_page_that_is_cut_short_is_gone_on_from(server: ApiServer, client: Any) -> None:
    server.replies = [page(1, next_cursor="c1"), page(2, 3, next_cursor="c3")]

    assert numbers(client.calls(limit=3)) == [1, 2, 3]


def test_len_counts_at_the_server_within_the_limit(server: ApiServer, client: Any) -> None:
    server.replies = [Reply(200, b'{"count": 70}')] * 2

    assert (len(client.calls(kind="llm")), len(client.calls(limit=9))) == (70, 9)
    assert server.asked[0].target == "/api/v1/projects/shop/calls/count?kind=llm"


def test_a_slice_skips_without_payloads(server: ApiServer, client: Any) -> None:
    server.replies = [page(1, 2, next_cursor="c2"), page(3, 4, next_cursor="c4")]

    assert numbers(client.calls()[2:4]) == [3, 4]
    assert query_of(server, 0) | {"columns": "span_id", "limit": "2"} == query_of(server, 0)
    assert query_of(server, 1) == {"sort": "-start_time", "cursor": "c2", "limit": "2"}


def test_an_index_out_of_range_is_an_index_error(server: ApiServer, client: Any) -> None:
    server.replies = [page(1, 2), page(7)]

    with pytest.raises(IndexError, match="no call number 5"):
        client.calls()[5]
    assert client.calls()[0].id == f"{7:016x}"


def test_what_a_list_left_out_is_fetched_when_it_is_looked_at(
    server: ApiServer, client: Any
) -> None:
    everything = {"input": {"q": 1}, "output": [2], "attributes": {"user": "ann"}, "op_name": "f"}
    server.replies = [page(1, op_name="f"), page(1, **everything)]

    (call,) = client.calls(columns=["op_name"])

    assert (call.op_name, len(server.asked)) == ("f", 1)
    assert (call.inputs, call.output, call.attributes) == ({"q": 1}, [2], {"user": "ann"})
    assert len(server.asked) == 2
    assert query_of(server, 1)["span_id"] == call.id


def test_a_call_has_its_recorded_values(server: ApiServer, client: Any) -> None:
    members = {
        "parent_span_id": None, "status": "error", "status_message": "ValueError: no", "kind": "llm",
        "start_time_unix_nano": 1_700_000_000_000_000_000, "end_time_unix_nano": None,
        "duration_ms": None, "input": "text", "output": None, "attributes": {}, "model": "m",
        "input_tokens": 3, "output_tokens": None, "total_tokens": 3, "cost_usd": None,
        "display_name": "shown", "op_name": "f",
    }  # fmt: skip
    server.replies = [page(1, **members)]

    call = client.call(f"{1:016x}", trace_id="a" * 32)

    assert (call.error, call.status, call.kind) == ("ValueError: no", "error", "llm")
    assert call.started_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert call.ended_at is call.duration_ms is call.cost_usd is call.output_tokens is None
    assert (call.inputs, call.output, call.parent_id) == ({"inputs": "text"}, None, None)
    assert (call.input_tokens, call.total_tokens, call.model) == (3, 3, "m")
    assert (call.display_name, call.op_name) == ("shown", "f")
    assert call.url == f"{server.url}/p/shop/traces/{'a' * 32}?span={call.id}"
    assert call.to_dict()["status"] == "error"
    assert call == next(iter({call, call}))


def test_a_call_that_is_not_there_is_not_found(server: ApiServer, client: Any) -> None:
    server.replies = [page()]

    with pytest.raises(NotFoundError, match="'shop' has no call 00f067aa0ba902b7"):
        client.call("00f067aa0ba902b7")


def test_the_calls_of_an_op_are_asked_for_by_its_name(server: ApiServer) -> None:
    spanloom.init("shop", endpoint=server.url)
    server.replies = [page(1)]

    class Shop:
        @spanloom.op
        def sell(self) -> None: ...

    assert numbers(Shop().sell.calls(limit=1)) == [1]
    assert query_of(server, 0)["op"].endswith("Shop.sell")


def said(kind: str, **members: object) -> bytes:
    names = ("emoji", "text", "name", "value", "label", "explanation")
    given = {"feedback_id": "f" * 32, "creator": "", "created_time": "2026-01-02T03:04:05.6Z"}
    return msgspec.json.encode({**dict.fromkeys(names), **given, "kind": kind, **members})


def test_feedback_may_be_sent_twice(server: ApiServer, client: Any) -> None:
    server.replies = [page(1), Reply(says_nothing=True, hangs_up=True)]
    server.replies += [Reply(201, said("reaction", emoji="👍"))]
    call = client.call(f"{1:016x}")

    given = call.feedback.add_reaction("👍", creator="ann")

    first, second = server.asked[1:]
    assert first.content == second.content
    assert first.target.endswith(f"/traces/{'a' * 32}/spans/{call.id}/feedback")
    assert (given.emoji, given.created_at.second) == ("👍", 5)


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ((0.5,), {"value": 0.5}),
        ((True,), {"value": True}),
        ((numpy.float32(0.5),), {"value": 0.5}),
        ((numpy.bool_(False),), {"value": False}),
        (("good",), {"label": "good"}),
    ],
)
def test_a_score_is_a_number_a_truth_or_a_word(
    server: ApiServer, client: Any, arguments: tuple[Any, ...], sent: dict[str, object]
) -> None:
    server.replies = [page(1), Reply(201, said("score", name="tone"))]

    client.call(f"{1:016x}").feedback.add_score("tone", *arguments)

    body = server.asked[1].json()
    assert isinstance(body, dict)
    assert body.pop("feedback_id")
    assert body == {"kind": "score", "name": "tone", "creator": "", **sent}


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), object()])
def test_a_score_of_nothing_is_refused_at_once(server: ApiServer, client: Any, value: Any) -> None:
    server.replies = [page(1)]
    call = client.call(f"{1:016x}")

    with pytest.raises(ConfigurationError, match="label"):
        call.feedback.add_score("tone", value)
    assert len(server.asked) == 1


def test_an_untraced_call_cannot_be_commented() -> None:
    @spanloom.op
    def answer() -> int:
        return 42

    _, call = answer.call()

    with pytest.raises(ConfigurationError, match="call spanloom"):
        _ = call.feedback


def test_a_reader_is_of_the_project_that_init_named(server: ApiServer) -> None:
    assert spanloom.Client().project == "default"
    recording = spanloom.init("shop", endpoint=server.url, api_key="key")

    assert spanloom.Client().settings == recording.settings
    assert spanloom.Client("other").settings.api_key == "key"
    assert spanloom.Client("other").project == "other"


def test_a_reader_made_by_hand_flushes_what_the_process_recorded(dead_url: str) -> None:
    assert spanloom.Client().flush()
    spanloom.init("shop", endpoint=dead_url, settings={"exit_timeout_s": 0.1})

    @spanloom.op
    def answer() -> None: ...

    answer()

    assert not spanloom.Client().flush(timeout_s=0.1)


def test_a_library_that_is_missing_is_named_with_its_command(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("polars", "pandas", "pyarrow", "pyarrow.ipc"):
        monkeypatch.setitem(sys.modules, name, None)

    for method, package in (("to_polars", "polars"), ("to_pandas", "pandas")):
        with pytest.raises(MissingLibraryError, match=f"pip install {package}") as caught:
            getattr(client.calls(), method)()
        assert isinstance(caught.value, builtins.ImportError)


def test_an_unreachable_server_is_told(dead_url: str) -> None:
    with pytest.raises(UnreachableError, match=dead_url):
        list(spanloom.Client(endpoint=dead_url).calls())


@pytest.mark.parametrize("options", [{"limit": -1}, {"page_size": 0}, {"page_size": 1501}])
def test_sizes_that_cannot_work_are_refused(client: Any, options: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError):
        client.calls(**options)
