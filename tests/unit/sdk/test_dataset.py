import datetime
from typing import Any

import pandas
import polars
import pytest

import spanloom
from spanloom._evals.dataset import example_digest
from spanloom._evals.sources import library
from spanloom.testing import CapturedCalls


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


def test_selecting_and_adding_make_new_datasets() -> None:
    dataset = spanloom.Dataset(name="d", rows=[{"a": 1}, {"a": 2}], description="numbers")
    more = dataset.add_rows([{"b": 3}])
    some = more.select([2, 0])

    assert dataset.rows == [{"a": 1}, {"a": 2}]
    assert more.rows == [{"a": 1}, {"a": 2}, {"b": 3}]
    assert some.rows == [{"b": 3}, {"a": 1}]
    assert (some.name, some.description, some.num_rows) == ("d", "numbers", 2)
    assert some.columns_names == ["b", "a"]
    with pytest.raises(IndexError):
        dataset.select([2])
    with pytest.raises(spanloom.ConfigurationError, match="row 0 of dataset 'd' must be a dict"):
        dataset.add_rows([5])  # type: ignore[list-item]


def test_a_pandas_frame_makes_a_dataset_and_back() -> None:
    moment = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)
    frame = pandas.DataFrame(
        {
            "n": [1, 2],
            "x": [0.5, None],
            "t": [moment, None],
            "s": ["a", None],
            "w": pandas.array([1, None], dtype="Int64"),
            "d": [pandas.Timedelta(seconds=1), pandas.NaT],
        },
        index=[7, 8],
    )
    second = datetime.timedelta(seconds=1)
    dataset = spanloom.Dataset.from_pandas(frame, name="p")

    assert dataset.rows == [
        {"n": 1, "x": 0.5, "t": moment, "s": "a", "w": 1, "d": second},
        {"n": 2, "x": None, "t": None, "s": None, "w": None, "d": None},
    ]
    assert {type(value) for value in dataset[0].values()} == {
        int, float, datetime.datetime, str, datetime.timedelta,
    }  # fmt: skip
    assert dataset.to_pandas()["n"].tolist() == [1, 2]


def test_a_polars_frame_makes_a_dataset_and_back() -> None:
    frame = polars.DataFrame({"n": [1, 2], "s": ["a", None]})
    dataset = spanloom.Dataset.from_polars(frame)

    assert dataset.rows == [{"n": 1, "s": "a"}, {"n": 2, "s": None}]
    assert dataset.to_polars().equals(frame)
    mixed = spanloom.Dataset(rows=[{"a": 1}, {"a": "x", "b": 2}]).to_polars()
    assert mixed.to_dicts() == [{"a": "1", "b": None}, {"a": "x", "b": 2}]


def test_a_split_of_a_hugging_face_dataset_makes_a_dataset() -> None:
    split = [{"text": "a", "label": 0}]  # iterates as theirs does

    assert spanloom.Dataset.from_hf(split).rows == split
    with pytest.raises(spanloom.ConfigurationError, match=r"choose a split .*: 'train', 'test'"):
        spanloom.Dataset.from_hf({"train": split, "test": split})


def test_calls_make_a_dataset_of_what_they_returned(calls: CapturedCalls) -> None:
    class Divider(spanloom.Model):
        by: int

        @spanloom.op
        def predict(self, n: int) -> float:
            return n / self.by

    for by in (2, 0, 4):
        Divider.predict.call(Divider(by=by), 8)

    assert spanloom.Dataset.from_calls(calls).rows == [
        {"n": 8, "expected": 4.0},
        {"n": 8, "expected": 2.0},
    ]
    with pytest.raises(spanloom.ConfigurationError, match="choose another output_column"):
        spanloom.Dataset.from_calls(calls, output_column="n")


def test_a_missing_library_is_named() -> None:
    with pytest.raises(spanloom.ConfigurationError, match="pip install nothing_of_that_name"):
        library("nothing_of_that_name")
