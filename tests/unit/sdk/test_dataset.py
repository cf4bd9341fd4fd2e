from typing import Any

import pytest

import spanloom
from spanloom._evals.dataset import example_digest


def test_a_dataset_is_a_sequence_of_rows() -> None:
    dataset = spanloom.Dataset(name="d", rows=[{"a": 1}, {"a": 2, "b": 3}])

    assert len(dataset) == 2
    assert list(dataset) == [{"a": 1}, {"a": 2, "b": 3}]
    assert dataset[1] == {"a": 2, "b": 3}
    assert dataset[:1] == [{"a": 1}]
    assert dataset.columns == ["a", "b"]
    assert repr(dataset) == "Dataset(name='d', 2 rows)"


def test_digests_are_of_content_and_order() -> None:
    one, two = {"a": 1, "b": "x"}, {"a": 2}

    digest = spanloom.Dataset(rows=[one, two]).digest

    assert example_digest({"b": "x", "a": 1}) == example_digest(one)
    assert example_digest(one) != example_digest(two)
    assert digest == spanloom.Dataset(name="other", rows=[one, two]).digest
    assert digest != spanloom.Dataset(rows=[two, one]).digest
    assert len(digest) == 64


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "has no rows"),
        ("text", "must be a list of dicts, not str"),
        ({"a": [1]}, "must be a list of dicts, not dict"),
        (5, "must be a list of dicts, not int"),
        ([{"a": 1}, "b"], "row 1 of dataset 'd' must be a dict"),
        ([{1: "a"}], "row 0 of dataset 'd' must be a dict"),
    ],
)
def test_what_is_no_table_is_refused(rows: Any, message: str) -> None:
    with pytest.raises(spanloom.ConfigurationError, match=message):
        spanloom.Dataset(name="d", rows=rows)
