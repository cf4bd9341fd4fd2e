"""What a filter finds in ClickHouse is what its tree means, told a second time in Python."""

from hypothesis import HealthCheck, given, settings

from spanloom_query.filters.formatting import format_filter
from spanloom_query.filters.sql import compile_filter
from spanloom_query.filters.syntax import parse
from spanloom_query.filters.tree import Node
from tests.unit.filters.example import CATALOGUE, Table
from tests.unit.filters.oracle import evaluate
from tests.unit.filters.trees import conditions


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(tree=conditions)
def test_clickhouse_finds_the_rows_for_which_the_filter_is_true(table: Table, tree: Node) -> None:
    read_back = parse(format_filter(tree))

    assert read_back == tree
    expected = [row.row_number for row in table.rows if evaluate(tree, row) is True]
    assert table.row_numbers_where(compile_filter(read_back, CATALOGUE)) == expected
