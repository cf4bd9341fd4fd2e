"""The one builder of queries over traces: its text is pinned, its windows reach back in steps."""

import uuid

import pytest

from spanloom_collector.pipeline.columns import rows_of
from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.rows import insert_spans
from spanloom_query.filters.fields import Field
from spanloom_query.filters.sql import compile_filter
from spanloom_query.filters.syntax import parse
from spanloom_query.reads import search
from spanloom_query.reads.cursors import Cursor
from spanloom_query.reads.search import Order, Window, parsed_order, windows
from spanloom_query.reads.trace_fields import TRACE_FIELDS
from spanloom_query.reads.traces import PageRequest, list_traces
from tests.support.otlp import request, span
from tests.support.snapshots import assert_snapshot

_HOUR = 3_600 * 10**9


@pytest.mark.parametrize("sort", ["-start_time", "duration_ms", "-name"])
def test_the_query_is_pinned(sort: str) -> None:
    condition = compile_filter(parse("status = 'error' AND attributes.k > 1"), TRACE_FIELDS)
    order = parsed_order(sort)

    text = search._search_sql(order, [search._after(order), condition.sql])

    assert_snapshot(f"sql/search/{sort.replace('-', 'descending_')}.sql", text)


@pytest.mark.parametrize("field", TRACE_FIELDS.fields, ids=lambda field: field.name)
def test_the_engine_understands_every_field(embedded_engine: Engine, field: Field) -> None:
    condition = compile_filter(parse(f"{field.name} IS NOT NULL"), TRACE_FIELDS)
    page = PageRequest(1, None, "-start_time")
    project = uuid.uuid4().hex
    with embedded_engine.writer() as client:
        insert_spans(client, list(rows_of(request(span()), project, 1)), project)

    assert len(list_traces(embedded_engine, project, page, condition).traces) == 1
    assert field.description


def test_newest_first_looks_at_the_last_hour_first() -> None:
    found = windows(Order("start_time", True), 100 * _HOUR, cursor=None)

    assert found[0] == Window(99 * _HOUR + 1, 100 * _HOUR + 1)
    assert found[-1].low_ns < 0
    assert [window.low_ns for window in found] == sorted(
        (window.low_ns for window in found), reverse=True
    )


def test_a_cursor_moves_the_windows_back() -> None:
    found = windows(Order("start_time", True), 100 * _HOUR, Cursor(50 * _HOUR, "id"))

    assert {window.high_ns for window in found} == {50 * _HOUR + 1}


def test_other_orders_look_at_everything_at_once() -> None:
    assert len(windows(Order("name", False), 1, cursor=None)) == 1
