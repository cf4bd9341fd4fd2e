"""Tokens are counted once, however many spans repeat them."""

import os
import random
import time
import uuid
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanloom_collector.pipeline.columns import rows_of
from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.rows import insert_spans
from spanloom_query.reads import traces, usage_totals
from spanloom_query.reads.traces import PageRequest
from spanloom_query.reads.usage import (
    NO_TOKENS,
    SpanUsage,
    Tokens,
    duplicates,
    subtree_tokens,
    summed,
    total_tokens,
    wrapped_duplicates,
)
from tests.support.otlp import request, span

_SEVEN = Tokens(3, 4, 7)


def _call(
    span_id: str, parent: str, scope: str, start: int = 0, end: int = 9, **also: Any
) -> SpanUsage:
    fields: dict[str, Any] = {"own": _SEVEN, "is_call": True, "model": "m"} | also
    return SpanUsage(span_id, parent, scope=scope, start_ns=start, end_ns=end, **fields)


def test_a_wrapper_repeats_the_tokens_of_what_it_wraps() -> None:
    spans = [
        SpanUsage("agent", "", Tokens(6, 8, 14)),
        SpanUsage("step", "agent", NO_TOKENS),
        SpanUsage("call1", "step", _SEVEN),
        SpanUsage("call2", "step", _SEVEN),
    ]
    totals = subtree_tokens(spans)

    assert totals["agent"] == totals["step"] == total_tokens(spans) == Tokens(6, 8, 14)
    assert totals["call1"] == _SEVEN


def test_tokens_that_only_a_wrapper_knows_count() -> None:
    spans = [SpanUsage("agent", "", _SEVEN), SpanUsage("call", "agent", NO_TOKENS)]

    assert subtree_tokens(spans)["agent"] == total_tokens(spans) == _SEVEN


def test_a_span_with_a_missing_parent_is_a_root() -> None:
    assert subtree_tokens([SpanUsage("orphan", "gone", _SEVEN)]) == {"orphan": _SEVEN}


def test_a_chain_deeper_than_the_stack_is_no_trouble() -> None:
    chain = [SpanUsage(str(i), str(i - 1), NO_TOKENS) for i in range(50_000)]
    totals = subtree_tokens([*chain, SpanUsage("leaf", "49999", _SEVEN)])

    assert totals["0"] == _SEVEN


def test_a_span_that_is_its_own_ancestor_ends_nowhere() -> None:
    assert subtree_tokens([SpanUsage("a", "b", _SEVEN), SpanUsage("b", "a", _SEVEN)]) == {}


def test_sums_leave_out_what_was_not_reported() -> None:
    assert summed([Tokens(1, None, None), NO_TOKENS, Tokens(2, 5, None)]) == Tokens(3, 5, None)
    assert summed([]) == NO_TOKENS


def test_one_response_counts_once_wherever_its_spans_are() -> None:
    first = _call("a", "x", "one", provider="openai", response_id="r1")
    again = _call("b", "y", "two", 20, 30, provider="openai", response_id="r1", own=Tokens(3, 5, 8))
    other = _call("c", "x", "one", provider="azure", response_id="r1")

    assert duplicates([first, again, other]) == {"b": "a"}
    assert total_tokens([first, again, other]) == Tokens(6, 8, 14)


def test_what_two_instrumentations_report_side_by_side_counts_once() -> None:
    spans = [
        SpanUsage("op", "", NO_TOKENS),
        _call("stream", "op", "openinference", 0, 9),
        _call("chat", "op", "genai", 1, 9, response_id="r1"),
        _call("native", "chat", "com.anthropic.sdk.python", 2, 8, response_id="r1"),
    ]

    assert duplicates(spans) == {"native": "stream"}
    assert total_tokens(spans) == subtree_tokens(spans)["op"] == _SEVEN


def test_an_instrumentation_is_kept_rather_than_what_a_client_says_itself() -> None:
    native = _call("a", "", "com.anthropic.sdk.python", 0, 9)

    assert duplicates([native, _call("b", "", "genai", 1, 8)]) == {"a": "b"}


def test_an_instrumentation_right_around_another_is_told() -> None:
    outer, inner = _call("a", "op", "genai"), _call("b", "a", "openinference")
    op = _call("op", "", "spanloom", is_call=True)

    assert wrapped_duplicates([op, outer, inner]) == {"a": "b"}
    assert duplicates([op, outer, inner]) == {}


def test_all_reports_of_a_call_point_at_the_one_that_counts() -> None:
    first = _call("a", "op", "two", 0, 9)
    spans = [first, *(_call(i, "op", "one", 1, 8, provider="p", response_id="r") for i in "bc")]

    assert duplicates(spans) == {"b": "a", "c": "a"}


def test_calls_alike_at_the_same_time_pair_off_one_by_one() -> None:
    one = [_call(f"a{i}", "op", "one", 0, 100) for i in range(5)]
    two = [_call(f"b{i}", "op", "two", 1, 99) for i in range(5)]

    assert len(duplicates([*one, *two])) == 5


def test_calls_are_two_when_anything_tells_them_apart() -> None:
    call = _call("a", "op", "one", 0, 9, provider="p", response_id="r1")
    others = {
        "the same instrumentation": _call("b", "op", "one", 0, 9),
        "another time": _call("b", "op", "two", 10, 19),
        "another model": _call("b", "op", "two", 0, 9, model="n"),
        "other counts": _call("b", "op", "two", 0, 9, own=Tokens(3, 5, 8)),
        "another response": _call("b", "op", "two", 0, 9, provider="p", response_id="r2"),
        "another place": _call("b", "elsewhere", "two", 0, 9),
        "no model call": _call("b", "op", "two", 0, 9, is_call=False),
    }

    assert [why for why, other in others.items() if duplicates([call, other])] == []


def test_a_wrapper_of_a_second_report_does_not_count_in_its_place() -> None:
    spans = [
        SpanUsage("op", "", NO_TOKENS),
        _call("a", "op", "one", 0, 9),
        _call("wrapper", "op", "two", 0, 9, is_call=False),
        _call("b", "wrapper", "two", 1, 8),
    ]

    assert duplicates(spans) == {"b": "a"}
    assert total_tokens(spans) == subtree_tokens(spans)["op"] == _SEVEN


_TREES = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.sampled_from(["one", "two"]),
        st.sampled_from([NO_TOKENS, _SEVEN, Tokens(1, None, 1)]),
        st.sampled_from(["", "r1", "r2"]),
        st.integers(0, 20),
        st.booleans(),
    ),
    max_size=12,
)


def _tree(parts: list[Any]) -> list[SpanUsage]:
    return [
        SpanUsage(str(i), str(up) if up < i else "", own, is_call, scope, "p", "m", id_, at, at + 5)
        for i, (up, scope, own, id_, at, is_call) in enumerate(parts)
    ]


@given(_TREES)
def test_roots_hold_what_a_trace_holds(parts: list[Any]) -> None:
    spans = _tree(parts)
    totals = subtree_tokens(spans)

    assert summed([totals[s.span_id] for s in spans if not s.parent_span_id]) == total_tokens(spans)


@given(_TREES)
def test_what_stands_for_a_second_report_counts_itself(parts: list[Any]) -> None:
    found = duplicates(_tree(parts))

    assert not found.keys() & set(found.values())


def _stored(rng: random.Random, trace_id: bytes, count: int) -> list[Span]:
    spans: list[Span] = []
    for _ in range(count):
        parent = rng.choice(spans).span_id if spans and rng.random() < 0.9 else b""
        attrs: dict[str, Any] = {}
        if rng.random() < 0.5:
            attrs = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
            attrs |= {"gen_ai.usage.input_tokens": rng.choice([2, 3])}
        if rng.random() < 0.2:
            attrs |= {"gen_ai.response.id": rng.choice(["r1", "r2", "r3"])}
        start = 1_790_000_000 * 10**9 + rng.randrange(100)
        times = {"start_time_unix_nano": start, "end_time_unix_nano": start + 50}
        spans.append(span(trace_id=trace_id, parent_span_id=parent, attrs=attrs, **times))
    return spans


def _insert(engine: Engine, project: str, spans: list[Span], scope: str) -> None:
    message = request(*spans)
    message.resource_spans[0].scope_spans[0].scope.name = scope
    with engine.writer() as client:
        insert_spans(client, list(rows_of(message, project, time.time_ns())), uuid.uuid4().hex)


def test_lists_and_trees_count_by_one_rule(embedded_engine: Engine) -> None:
    project, rng = uuid.uuid4().hex, random.Random(7)
    spans = [each for _ in range(20) for each in _stored(rng, os.urandom(16), rng.randrange(1, 15))]
    rng.shuffle(spans)
    _insert(embedded_engine, project, spans[::2], "one")
    _insert(embedded_engine, project, spans[1::2], "two")
    listed = traces.list_traces(embedded_engine, project, PageRequest(100, None, "name")).traces

    for trace in listed:
        tree = traces.get_trace(embedded_engine, project, trace.trace_id)
        assert tree is not None
        usages = _usages_of(tree)
        assert trace.input_tokens == tree.input_tokens == usages, trace.trace_id


def _usages_of(tree: traces.Trace) -> int | None:
    """What the page adds up: a span's own tokens, unless one below reports any."""
    columns = tree.spans
    reports = [tokens is not None for tokens in columns.total_tokens]
    below = [False] * len(reports)
    for place, reporting in enumerate(reports):
        up = columns.parent[place]
        while reporting and up >= 0 and not below[up]:
            below[up] = True
            up = columns.parent[up]
    counted = [
        tokens
        for place, tokens in enumerate(columns.input_tokens)
        if not below[place] and columns.span_id[place] not in tree.duplicates
    ]
    known = [tokens for tokens in counted if tokens is not None]
    return sum(known) if known else None


def test_traces_beyond_the_bound_keep_the_engines_sum(
    embedded_engine: Engine, monkeypatch: Any
) -> None:
    project, trace_id = uuid.uuid4().hex, os.urandom(16)
    attrs = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 3}
    wrapper = span(trace_id=trace_id, attrs=attrs)
    step = span(trace_id=trace_id, parent_span_id=wrapper.span_id)
    call = span(trace_id=trace_id, parent_span_id=step.span_id, attrs=attrs)
    _insert(embedded_engine, project, [wrapper, step, call], "one")
    page = PageRequest(5, None, "name")

    (exact,) = traces.list_traces(embedded_engine, project, page).traces
    monkeypatch.setattr(usage_totals, "MAX_DETAIL_SPANS", 2)
    (rough,) = traces.list_traces(embedded_engine, project, page).traces

    assert (exact.input_tokens, rough.input_tokens) == (3, 6)
