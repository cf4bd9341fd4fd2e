"""Lists of calls, on both ways to the engine."""

import json
import uuid
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.edits import rename_span
from spanloom_collector.storage.rows import SpanRow, insert_spans
from spanloom_query.filters.fields import Field
from spanloom_query.filters.sql import compile_filter
from spanloom_query.filters.syntax import parse
from spanloom_query.reads import calls
from spanloom_query.reads.call_columns import COLUMNS, chosen_columns
from spanloom_query.reads.call_fields import CALL_FIELDS
from spanloom_query.reads.call_search import CALL_SORTS, CallFilter
from spanloom_query.reads.calls import CallRequest, calls_as_arrow, count_calls, list_calls
from tests.support.rows import span_row

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
START_NS = 20_000 * DAY_NS
EVERYTHING = CallFilter()
IDS = ("trace_id", "span_id")


def fresh_project() -> str:
    return f"calls-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def project() -> str:
    return fresh_project()


def insert(engine: Engine, *rows: SpanRow) -> None:
    with engine.writer() as client:
        insert_spans(client, rows, uuid.uuid4().hex)


def asked(
    wanted: CallFilter = EVERYTHING,
    sort: str = "-start_time",
    limit: int = 100,
    cursor: str | None = None,
    columns: tuple[str, ...] = IDS,
) -> CallRequest:
    return CallRequest(wanted, sort, limit, cursor, columns)


def span_ids(engine: Engine, project: str, request: CallRequest) -> list[str]:
    """The ids on all pages, and the last digit of each is enough to tell them apart."""
    found: list[str] = []
    while True:
        page = list_calls(engine, project, request)
        found += [call["span_id"][-1] for call in page.calls]
        if page.next_cursor is None:
            return found
        request = request._replace(cursor=page.next_cursor)


def filtered(where: str) -> CallFilter:
    return CallFilter(compile_filter(parse(where), CALL_FIELDS))


def three_calls(project: str) -> list[SpanRow]:
    attributes = {"spanloom.op.name": "answer", "user": "ann"}
    root = span_row(
        project, "a" * 32, "1" * 16, name="nice name", kind="agent", start_time=START_NS,
        end_time=START_NS + 3_000_000, status_code=1, attr_str=attributes, attr_int={"n": 1},
        attr_bool={"b": True}, attr_float={"f": 0.5}, attr_other={"list": b"5\n\x03\n\x01x"},
        input='{"question": "why?"}', input_key="input.value", output="plain text",
    )  # fmt: skip
    model = span_row(
        project, "a" * 32, "2" * 16, name="chat", kind="llm", start_time=START_NS + 1_000_000,
        end_time=START_NS + 2_000_000, status_code=2, parent_span_id="1" * 16, model="m",
        input_tokens=3, output_tokens=2, total_tokens=5,
    )  # fmt: skip
    running = span_row(project, "b" * 32, "3" * 16, name="job", start_time=START_NS + 9 * DAY_NS)
    return [root, model, running]


def test_a_call_is_shown_with_all_of_it(engine: Engine, project: str) -> None:
    insert(engine, *three_calls(project))

    page = list_calls(
        engine, project, asked(CallFilter(span_id="1" * 16), columns=chosen_columns(None))
    )

    (call,) = page.calls
    assert list(call) == list(COLUMNS) == list(calls.Call.__dataclass_fields__)
    assert (call["op_name"], call["display_name"]) == ("answer", "nice name")
    assert (call["input"], call["output"]) == ({"question": "why?"}, "plain text")
    expected = {"spanloom.op.name": "answer", "user": "ann", "n": 1, "f": 0.5, "b": True}
    assert call["attributes"] == {**expected, "list": ["x"]}
    assert (call["status"], call["duration_ms"], call["parent_span_id"]) == ("ok", 3.0, None)
    assert call["start_time_unix_nano"] == START_NS
    assert call["total_tokens"] is call["cost_usd"] is call["model"] is None


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (EVERYTHING, "321"),
        (CallFilter(op="answer"), "1"),
        (CallFilter(op="chat"), "2"),
        (CallFilter(trace_id="a" * 32), "21"),
        (CallFilter(parent_span_id="1" * 16), "2"),
        (CallFilter(kind="llm"), "2"),
        (CallFilter(status="lost"), "3"),
        (CallFilter(roots_only=True), "31"),
        (CallFilter(started_from_ns=START_NS + 1_000_000), "32"),
        (CallFilter(started_before_ns=START_NS + 1_000_000), "1"),
        (CallFilter(trace_id="a" * 32, kind="agent"), "1"),
        (filtered("op = 'answer' AND attributes.user = 'ann'"), "1"),
        (filtered("total_tokens > 4 OR end_time IS NULL"), "32"),
        (filtered("attributes.n >= 1"), "1"),
        (filtered("name = 'nothing'"), ""),
    ],
)
def test_a_filter_lets_through_what_it_says(
    engine: Engine, project: str, wanted: CallFilter, expected: str
) -> None:
    insert(engine, *three_calls(project))
    insert(engine, *three_calls(f"{project}-other"))

    assert "".join(span_ids(engine, project, asked(wanted))) == expected
    assert count_calls(engine, project, wanted) == len(expected)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("start_time", "123"),
        ("-duration_ms", "123"),
        ("duration_ms", "321"),
        ("name", "231"),
        ("-total_tokens", "231"),
    ],
)
def test_calls_come_in_the_order_that_was_asked_for(
    engine: Engine, project: str, sort: str, expected: str
) -> None:
    insert(engine, *three_calls(project))

    assert "".join(span_ids(engine, project, asked(sort=sort))) == expected


@pytest.mark.parametrize("field", CALL_FIELDS.fields, ids=lambda field: field.name)
def test_the_engine_understands_every_field(embedded_engine: Engine, field: Field) -> None:
    project = fresh_project()
    insert(embedded_engine, three_calls(project)[1])

    assert count_calls(embedded_engine, project, filtered(f"{field.name} IS NOT NULL")) == 1
    assert field.description


def test_a_frame_says_the_same_as_json(engine: Engine, project: str) -> None:
    insert(engine, *three_calls(project))
    request = asked(columns=chosen_columns(None))

    rows = list_calls(engine, project, request).calls
    with calls_as_arrow(engine, project, request) as page:
        table = pa.ipc.open_stream(b"".join(page.chunks)).read_all()

    assert table.column_names == list(COLUMNS)
    assert table.schema.field("start_time").type == pa.timestamp("ns", "UTC")
    texts = {"start_time", "end_time", "input", "output", "attributes"}
    for name in set(COLUMNS) - texts:
        assert table[name].to_pylist() == [row[name] for row in rows], name
    inputs = [text and json.loads(text) for text in table["input"].to_pylist()]
    assert inputs == [row["input"] for row in rows]
    attributes = [json.loads(text) for text in table["attributes"].to_pylist()]
    assert attributes == [_without_lists(row["attributes"]) for row in rows]


def _without_lists(attributes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if not isinstance(value, list)}


def test_an_empty_frame_has_its_columns(engine: Engine, project: str) -> None:
    with calls_as_arrow(engine, project, asked(columns=("trace_id", "input"))) as page:
        table = pa.ipc.open_stream(b"".join(page.chunks)).read_all()

    assert (table.column_names, table.num_rows) == (["trace_id", "input"], 0)


def test_a_given_name_is_shown(engine: Engine, project: str) -> None:
    rows = three_calls(project)
    insert(engine, *rows)
    with engine.writer() as client:
        rename_span(client, project, "a" * 32, "1" * 16, "the first")
        rename_span(client, project, "a" * 32, "2" * 16, "the second")
        rename_span(client, project, "a" * 32, "2" * 16, "")
    insert(engine, rows[0]._replace(version=2**63, name="later"))

    page = list_calls(engine, project, asked(sort="start_time", columns=("display_name",)))

    assert [call["display_name"] for call in page.calls] == ["the first", "chat", "job"]


def test_a_page_ends_before_it_holds_too_many_bytes(
    engine: Engine, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "PAGE_BYTES", 2_500)
    rows = [
        span_row(project, "a" * 32, digit * 16, start_time=START_NS + int(digit), output="x" * size)
        for digit, size in (("1", 9_000), ("2", 1_000), ("3", 1_000), ("4", 1_000))
    ]
    insert(engine, *rows)
    request = asked(sort="start_time", columns=("span_id", "output"))

    pages = []
    while True:
        page = list_calls(engine, project, request)
        pages.append("".join(call["span_id"][0] for call in page.calls))
        if page.next_cursor is None:
            break
        request = request._replace(cursor=page.next_cursor)

    assert pages == ["1", "23", "4"]
    assert span_ids(engine, project, asked(limit=9)) == ["4", "3", "2", "1"]


def test_a_span_that_was_sent_with_two_starts_is_no_extra_call_of_a_page(
    engine: Engine, project: str
) -> None:
    times = [("1", 0), ("5", 0), ("1", HOUR_NS), ("5", HOUR_NS)]
    rows = [span_row(project, "a" * 32, d * 16, start_time=START_NS + at) for d, at in times]
    insert(engine, *rows)

    page = list_calls(engine, project, asked(sort="duration_ms", limit=3))

    assert [call["span_id"][0] for call in page.calls] == ["1", "5", "1"]


def test_a_page_of_the_largest_size_is_read(engine: Engine, project: str) -> None:
    insert(
        engine,
        *(
            span_row(project, "a" * 32, f"{n:016x}", start_time=START_NS + n)
            for n in range(calls.MAX_PAGE_CALLS + 1)
        ),
    )

    page = list_calls(
        engine, project, asked(limit=calls.MAX_PAGE_CALLS, columns=chosen_columns(None))
    )

    assert len(page.calls) == calls.MAX_PAGE_CALLS
    assert page.next_cursor


@st.composite
def many_spans(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Spans with many equal sort values, near and far apart in time, some with one id twice."""
    offsets = st.sampled_from([0, 1, 2, HOUR_NS - 1, HOUR_NS, DAY_NS, 8 * DAY_NS])
    one = st.fixed_dictionaries(
        {
            "trace_id": st.sampled_from(["a" * 32, "b" * 32]),
            "span_id": st.sampled_from([digit * 16 for digit in "123456"]),
            "start_time": offsets.map(lambda offset: START_NS + offset),
            "end_time": st.sampled_from([0, START_NS + 9 * DAY_NS, START_NS + 10 * DAY_NS]),
            "name": st.sampled_from(["x", "y"]),
            "total_tokens": st.sampled_from([None, 0, 1]),
        }
    )
    return draw(st.lists(one, max_size=8))


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    spans=many_spans(),
    sort=st.sampled_from(sorted(CALL_SORTS)),
    down=st.booleans(),
    limit=st.integers(1, 3),
)
def test_pages_of_any_size_hold_the_same_sequence(
    embedded_engine: Engine, spans: list[dict[str, Any]], sort: str, down: bool, limit: int
) -> None:
    project = fresh_project()
    if spans:
        insert(embedded_engine, *(span_row(project, **fields) for fields in spans))
    order = f"-{sort}" if down else sort

    whole = span_ids(embedded_engine, project, asked(sort=order, limit=100))
    paged = span_ids(embedded_engine, project, asked(sort=order, limit=limit))

    assert len(whole) == count_calls(embedded_engine, project, EVERYTHING)
    assert paged == whole
