from typing import Any

import pytest

from spanloom._evals.binding import bind_model, bind_scorer, parameters_of
from spanloom.errors import BindingError


def test_arguments_are_picked_by_name() -> None:
    def f(a: int, /, b: int, *, c: int = 3) -> None: ...

    arguments = parameters_of(f).arguments({"a": 1, "b": 2, "z": 9}, {})

    assert arguments == ((1,), {"b": 2})


def test_renamed_parameters_take_another_column_and_kwargs_take_the_rest() -> None:
    def f(query: str, **rest: Any) -> None: ...

    arguments = parameters_of(f).arguments({"input": "q", "b": 2}, {"query": "input"})

    assert arguments == ((), {"query": "q", "b": 2})


def test_a_function_without_a_signature_takes_everything() -> None:
    assert parameters_of(dict).arguments({"a": 1}, {}) == ((), {"a": 1})


def model(query: str, limit: int = 3) -> None: ...


def test_a_lone_parameter_takes_the_lone_column_that_nobody_wants() -> None:
    renamed = bind_model("model", parameters_of(model), ["input", "expected"], {"expected"})

    assert renamed == {"query": "input"}


@pytest.mark.parametrize(
    ("columns", "scorer_columns"),
    [(["input", "extra", "expected"], {"expected"}), (["expected"], {"expected"}), ([], set())],
)
def test_what_is_not_plain_is_not_guessed(columns: list[str], scorer_columns: set[str]) -> None:
    with pytest.raises(BindingError, match="model needs 'query'") as caught:
        bind_model("model", parameters_of(model), columns, scorer_columns)

    text = str(caught.value)
    assert "Three ways out" in text
    assert "preprocess_model_input" in text


def test_a_scorers_missing_parameter_is_named_with_the_ways_out() -> None:
    def judge(expected: str, output: str, judge_model: object) -> None: ...

    with pytest.raises(BindingError) as caught:
        bind_scorer("judge", parameters_of(judge), ["input", "expected"], {})

    text = str(caught.value)
    assert "scorer judge needs 'judge_model'" in text
    assert "the columns 'input', 'expected'" in text
    assert "functools.partial(judge, judge_model=…)" in text


def test_a_column_map_must_name_columns() -> None:
    with pytest.raises(BindingError, match="names 'answer', but the dataset has only 'expected'"):
        bind_scorer("judge", parameters_of(model), ["expected"], {"expected": "answer"})
