"""Lists of traces: every trace on exactly one page, in the order asked for."""

import os
import random
import time
import uuid
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanloom_collector.pipeline.columns import rows_of
from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.rows import insert_spans
from spanloom_query.filters.sql import compile_filter
from spanloom_query.filters.syntax import parse
from spanloom_query.reads import traces
from spanloom_query.reads.cursors import CursorError
from spanloom_query.reads.search import UnknownSortError
from spanloom_query.reads.trace_fields import TRACE_FIELDS
from spanloom_query.reads.traces import PageRequest
from tests.support.otlp import request, span

_SECOND = 10**9
_DAY = 86_400 * _SECOND
_NOW = 1_790_000_000 * _SECOND


def _store(engine: Engine, project: str, *spans: Span) -> None:
    rows = list(rows_of(request(*spans), project, time.time_ns()))
    with engine.writer() as client:
        insert_spans(client, rows, uuid.uuid4().hex)


def _at(start: int, length: int = _SECOND, **fields: Any) -> Span:
    return span(start_time_unix_nano=start, end_time_unix_nano=start + length, **fields)


def _names(page: traces.TracePage) -> list[str]:
    return [trace.name for trace in page.traces]


def _all_pages(engine: Engine, project: str, sort: str, limit: int) -> list[str]:
    names: list[str] = []
    cursor: str | None = None
    while True:
        page = traces.list_traces(engine, project, PageRequest(limit, cursor, sort))
        names += _names(page)
        cursor = page.next_cursor
        if cursor is None:
            return names


def _filtered(engine: Engine, project: str, where: str) -> list[str]:
    condition = compile_filter(parse(where), TRACE_FIELDS)
    page = PageRequest(50, None, "-start_time")
    return sorted(_names(traces.list_traces(engine, project, page, condition)))


@pytest.fixture
def project() -> str:
    return uuid.uuid4().hex


def test_an_unknown_project_has_no_traces(embedded_engine: Engine, project: str) -> None:
    page = traces.list_traces(embedded_engine, project, PageRequest(10, None, "-start_time"))

    assert page == traces.TracePage([], None)


@pytest.mark.parametrize("sort", ["-start_time", "start_time", "-duration_ms", "name", "-name"])
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_hold_every_trace_once_in_order(
    embedded_engine: Engine, project: str, sort: str, limit: int
) -> None:
    random_ = random.Random(1)
    ages = [0, 0, 1, 60, 3_599, 3_600, 7_200, 90_000, 700_000, 5_000_000, 50_000_000]
    spans = [
        _at(_NOW - age * _SECOND, random_.randrange(1, 9) * _SECOND, name=f"n{i:02}")
        for i, age in enumerate(ages)
    ]
    _store(embedded_engine, project, *spans)
    keys = {
        "start_time": lambda s: (s.start_time_unix_nano, s.trace_id.hex()),
        "duration_ms": lambda s: (s.end_time_unix_nano - s.start_time_unix_nano, s.trace_id.hex()),
        "name": lambda s: (s.name, s.trace_id.hex()),
    }
    key = keys[sort.removeprefix("-")]
    expected = [s.name for s in sorted(spans, key=key, reverse=sort.startswith("-"))]

    assert _all_pages(embedded_engine, project, sort, limit) == expected


def test_a_trace_is_listed_by_its_true_start(embedded_engine: Engine, project: str) -> None:
    long_id = os.urandom(16)
    _store(
        embedded_engine,
        project,
        _at(_NOW - 3 * _DAY, 3 * _DAY, trace_id=long_id, name="long"),
        _at(_NOW, trace_id=long_id, parent_span_id=b"12345678", name="its late child"),
        _at(_NOW - _DAY, name="middle"),
        _at(_NOW - 10, name="new"),
    )

    assert _all_pages(embedded_engine, project, "-start_time", 1) == ["new", "middle", "long"]


def test_a_trace_whose_root_is_missing_is_listed(embedded_engine: Engine, project: str) -> None:
    child = _at(_NOW, parent_span_id=b"12345678", name="child")
    _store(embedded_engine, project, child)
    trace = traces.get_trace(embedded_engine, project, child.trace_id.hex())

    assert _all_pages(embedded_engine, project, "-start_time", 5) == ["child"]
    assert trace is not None
    assert trace.missing_parents == {child.span_id.hex(): b"12345678".hex()}
    assert trace.spans.parent == [-1]


def test_a_cursor_of_another_order_is_refused(embedded_engine: Engine, project: str) -> None:
    _store(embedded_engine, project, _at(_NOW), _at(_NOW))
    first = traces.list_traces(embedded_engine, project, PageRequest(1, None, "name"))

    with pytest.raises(CursorError, match="another order"):
        traces.list_traces(
            embedded_engine, project, PageRequest(1, first.next_cursor, "-start_time")
        )


@pytest.mark.parametrize("cursor", ["x", "!!!", "e30", "WzFd"])
def test_a_damaged_cursor_is_refused(embedded_engine: Engine, project: str, cursor: str) -> None:
    with pytest.raises(CursorError, match="damaged"):
        traces.list_traces(embedded_engine, project, PageRequest(1, cursor, "-start_time"))


def test_an_unknown_order_names_those_that_exist(embedded_engine: Engine, project: str) -> None:
    with pytest.raises(UnknownSortError, match="start_time, duration_ms, name"):
        traces.list_traces(embedded_engine, project, PageRequest(1, None, "-price"))


def test_a_tree_is_in_columns_without_payloads(embedded_engine: Engine, project: str) -> None:
    trace_id = os.urandom(16)
    root = _at(_NOW, trace_id=trace_id, name="root", attrs={"input.value": "secret"})
    child = _at(
        _NOW + 1_500,
        2_500,
        trace_id=trace_id,
        parent_span_id=root.span_id,
        name="call",
        attrs={"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 5},
        status={"code": 2},
    )
    _store(embedded_engine, project, child, root)
    trace = traces.get_trace(embedded_engine, project, trace_id.hex())

    assert trace is not None
    assert trace.spans == traces.SpanColumns(
        span_id=[root.span_id.hex(), child.span_id.hex()],
        parent=[-1, 0],
        name=["root", "call"],
        kind=["span", "llm"],
        status=["unset", "error"],
        start_us=[0.0, 1.5],
        duration_us=[1_000_000.0, 2.5],
        input_tokens=[None, 5],
        output_tokens=[None, None],
        total_tokens=[None, 5],
        model=[None, "m"],
    )
    assert (trace.span_count, trace.error_count, trace.total_tokens) == (2, 1, 5)
    assert (trace.models, trace.input_preview) == (["m"], "secret")


@pytest.mark.parametrize(
    ("payload", "preview"),
    [
        ('"a \\"text\\""', 'a "text"'),
        ('{"a": "b"}', '{"a": "b"}'),
        ("no json", "no json"),
        ("é" * 500, "é" * 240),
        ('"' + "é" * 500 + '"', "é" * 240),
    ],
    ids=["string", "object", "text", "long text", "long string"],
)
def test_a_preview_is_plain_text(
    embedded_engine: Engine, project: str, payload: str, preview: str
) -> None:
    _store(embedded_engine, project, _at(_NOW, attrs={"output.value": payload}))
    (trace,) = traces.list_traces(
        embedded_engine, project, PageRequest(1, None, "-start_time")
    ).traces

    assert (trace.input_preview, trace.output_preview) == (None, preview)


def test_a_trace_with_a_running_span_has_no_end(embedded_engine: Engine, project: str) -> None:
    running = span(start_time_unix_nano=_NOW, end_time_unix_nano=0)
    _store(embedded_engine, project, running)
    (trace,) = traces.list_traces(
        embedded_engine, project, PageRequest(1, None, "-start_time")
    ).traces

    assert (trace.status, trace.end_time, trace.duration_ms) == ("running", None, None)


def test_an_agents_own_sum_is_not_added_to_its_calls(embedded_engine: Engine, project: str) -> None:
    trace_id = os.urandom(16)
    tokens = {"gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 4}
    agent = _at(
        _NOW,
        trace_id=trace_id,
        attrs={**tokens, "gen_ai.operation.name": "invoke_agent"},
    )
    call = _at(
        _NOW,
        trace_id=trace_id,
        parent_span_id=agent.span_id,
        attrs={**tokens, "gen_ai.operation.name": "chat"},
    )
    again = _at(
        _NOW,
        trace_id=trace_id,
        parent_span_id=call.span_id,
        attrs={**tokens, "gen_ai.operation.name": "chat"},
    )
    _store(embedded_engine, project, agent, call, again)
    (trace,) = traces.list_traces(
        embedded_engine, project, PageRequest(1, None, "-start_time")
    ).traces

    assert (trace.input_tokens, trace.output_tokens, trace.total_tokens) == (3, 4, 7)


def test_a_trace_of_very_many_model_calls_is_added_up(
    embedded_engine: Engine, project: str
) -> None:
    trace_id = os.urandom(16)
    attrs = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 2}
    calls = [
        _at(_NOW, trace_id=trace_id, parent_span_id=os.urandom(8), attrs=attrs)
        for _ in range(20_000)
    ]
    _store(embedded_engine, project, *calls)
    trace = traces.get_trace(embedded_engine, project, trace_id.hex())

    assert trace is not None
    assert (trace.input_tokens, trace.output_tokens) == (40_000, None)


def test_an_agents_sum_counts_where_no_call_reports_any(
    embedded_engine: Engine, project: str
) -> None:
    trace_id = os.urandom(16)
    attrs = {"spanloom.op.kind": "agent", "gen_ai.usage.input_tokens": 9}
    outer = _at(_NOW, trace_id=trace_id, attrs=attrs)
    inner = _at(_NOW, trace_id=trace_id, parent_span_id=outer.span_id, attrs=attrs)
    _store(embedded_engine, project, outer, inner)
    trace = traces.get_trace(embedded_engine, project, trace_id.hex())

    assert trace is not None
    assert trace.input_tokens == 9


def test_filters_find_traces_by_their_root_and_their_counts(
    embedded_engine: Engine, project: str
) -> None:
    failed = _at(_NOW - _DAY, name="failed", status={"code": 2, "message": "boom"}, attrs={"n": 1})
    slow = _at(_NOW, 5 * _SECOND, name="slow", attrs={"tier": "gold", "n": 2.5, "vip": True})
    child = _at(_NOW, trace_id=slow.trace_id, parent_span_id=slow.span_id, attrs={"tier": "x"})
    asked = _at(_NOW - 9 * _DAY, name="asked", attrs={"input.value": '{"q": "Paris?"}', "n": "1"})
    _store(embedded_engine, project, failed, slow, child, asked)

    found = {
        where: _filtered(embedded_engine, project, where)
        for where in (
            "status = 'error'",
            "duration_ms > 2000 AND span_count = 2",
            "attributes.tier = 'gold'",
            "attributes.tier = 'x'",
            "attributes.n >= 1",
            "attributes.vip = true",
            "attributes.\"input.value\" LIKE '%Paris%'",
            "input LIKE '%Paris%' OR status_message = 'boom'",
            "start_time < '2026-09-15T00:00:00Z'",
        )
    }
    assert list(found.values()) == [
        ["failed"],
        ["slow"],
        ["slow"],
        [],
        ["failed", "slow"],
        ["slow"],
        ["asked"],
        ["asked", "failed"],
        ["asked"],
    ]
