"""The one builder of queries over calls: its text is pinned, its windows reach back in steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanloom_query.filters.sql import compile_filter
from spanloom_query.filters.syntax import parse
from spanloom_query.reads.call_columns import COLUMNS, UnknownColumnError, chosen_columns
from spanloom_query.reads.call_fields import CALL_FIELDS
from spanloom_query.reads.call_search import (
    CALL_SORTS,
    NEWEST_FIRST,
    OLDEST_FIRST,
    CallFilter,
    call_windows,
    count_query,
    page_query,
)
from spanloom_query.reads.cursors import Cursor
from spanloom_query.reads.search import Window, parsed_order
from spanloom_query.reads.subtrees import below_first
from tests.support.snapshots import assert_snapshot

_HOUR = 3_600 * 10**9


@pytest.mark.parametrize("sort", ["-start_time", "duration_ms", "-name", "total_tokens"])
def test_the_query_of_a_page_is_pinned(sort: str) -> None:
    condition = compile_filter(parse("status = 'error' AND attributes.k > 1"), CALL_FIELDS)
    order = parsed_order(sort, CALL_SORTS)

    query = page_query("p", CallFilter(condition), order, Window(0, 1), Cursor(1, "x"), 5)

    assert_snapshot(f"sql/calls/{sort.replace('-', 'descending_')}.sql", query.sql)


def test_the_query_of_a_count_is_pinned() -> None:
    wanted = CallFilter(op="x", kind="x", status="x", roots_only=True, started_from_ns=1)

    assert_snapshot("sql/calls/count.sql", count_query("p", wanted).sql)


def test_newest_first_looks_at_the_last_hour_first() -> None:
    windows = call_windows(CallFilter(), NEWEST_FIRST, 100 * _HOUR, None)

    assert windows[0] == Window(99 * _HOUR + 1, 100 * _HOUR + 1)
    assert windows[-1].low_ns < 0


@pytest.mark.parametrize(
    "wanted", [CallFilter(trace_id="a"), CallFilter(span_id="b"), CallFilter(parent_span_id="c")]
)
def test_what_an_id_names_is_looked_for_at_once_everywhere(wanted: CallFilter) -> None:
    assert call_windows(wanted, NEWEST_FIRST, 100 * _HOUR, None) == [Window(0, 100 * _HOUR + 1)]


def test_a_cursor_moves_the_window_on() -> None:
    found = call_windows(CallFilter(), OLDEST_FIRST, 100 * _HOUR, Cursor(50 * _HOUR, "x"))

    assert found == [Window(50 * _HOUR, 100 * _HOUR + 1)]


def test_columns_come_in_order_with_the_ids_and_unknown_ones_are_told() -> None:
    assert chosen_columns(["output", "name"]) == ("trace_id", "span_id", "name", "output")
    assert set(COLUMNS) - set(chosen_columns(None, False)) == {"input", "output", "attributes"}
    with pytest.raises(UnknownColumnError, match="try input_tokens"):
        chosen_columns(["input_token"])


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdef"), min_size=1))
def test_a_subtree_holds_each_span_once_and_its_top_last(parents: dict[str, str]) -> None:
    """Also where spans stand below each other in a circle, which only a broken client sends."""
    top = min(parents)

    found = below_first(parents, top)

    assert len(found) == len(set(found))
    assert found[-1] == top
    above = {span: parents[span] for span in found[:-1]}
    assert all(parent in found for parent in above.values())
