"""Scores are folded once, for whoever shows them."""

import pytest

from spanloom_query.reads.scores import LatencySummary, latency_summary, score_summaries


def test_booleans_count_and_numbers_average() -> None:
    rows = [
        {"exact": {"correct": True}, "length": 4},
        {"exact": {"correct": False}, "length": 8.0},
    ]
    exact, length = score_summaries(rows)

    assert (exact.path, exact.scorer, exact.type) == ("exact.correct", "exact", "boolean")
    assert (exact.true_count, exact.mean) == (1, 0.5)
    assert (length.type, length.mean, length.true_count) == ("number", 6.0, None)


def test_rows_without_a_value_are_not_scored() -> None:
    (score,) = score_summaries([{"s": 1.0}, {"s": None}, {}, {"s": "text"}, {"s": float("nan")}])

    assert (score.scored_count, score.row_count, score.mean) == (1, 5, 1.0)


def test_the_first_value_decides_the_type() -> None:
    (score,) = score_summaries([{"s": True}, {"s": 5}])

    assert (score.type, score.scored_count) == ("boolean", 1)


def test_no_rows_have_no_scores() -> None:
    assert score_summaries([]) == []


@pytest.mark.parametrize(
    ("latencies", "summary"),
    [
        ([], None),
        ([5.0], LatencySummary(5.0, 5.0, 5.0)),
        ([1.0, 2.0, 3.0, 4.0], LatencySummary(2.5, 2.5, 3.8499999999999996)),
    ],
    ids=["none", "one", "four"],
)
def test_percentiles_interpolate(latencies: list[float], summary: LatencySummary | None) -> None:
    assert latency_summary(latencies) == summary
