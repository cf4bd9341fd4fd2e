import dataclasses
from decimal import Decimal
from typing import Any

import numpy
import pydantic
import pytest

from spanloom._evals.scorer import Scorer, auto_summarize


class Verdict(pydantic.BaseModel):
    correct: bool
    confidence: float


@dataclasses.dataclass
class Judgement:
    correct: bool


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([True, False, True, True], {"true_count": 3, "true_fraction": 0.75}),
        ([{}, True, False], {"true_count": 1, "true_fraction": 1 / 3}),
        ([True, None], {"true_count": 1, "true_fraction": 1.0}),
        ([1, 2, 6], {"mean": 3.0}),
        ([{}, 1, 2], {"mean": 1.5}),
        ([Decimal("0.5")], {"mean": Decimal("0.5")}),
        ([{"correct": True}, {}], {"correct": {"true_count": 1, "true_fraction": 1.0}}),
        ([{"a": {"b": 1}}, {"a": {"b": 2}}], {"a": {"b": {"mean": 1.5}}}),
        ([{"mean": 1}, {"mean": 2}], {"mean": 1.5}),
        ([{"text": "x", "n": 1}], {"n": {"mean": 1.0}}),
        ([numpy.float32(0.5), numpy.float64(1.5)], {"mean": 1.0}),
        ([numpy.bool_(True)], {"true_count": 1, "true_fraction": 1.0}),
        ([Judgement(True)], {"correct": {"true_count": 1, "true_fraction": 1.0}}),
        (
            [Verdict(correct=True, confidence=0.5)],
            {
                "correct": {"true_count": 1, "true_fraction": 1.0},
                "confidence": {"mean": 0.5},
            },
        ),
        (["text", "text"], None),
        ([[1, 2]], None),
        ([{"text": "x"}], None),
        ([{}, {}], None),
        ([None], None),
        ([], None),
    ],
    ids=str,
)
def test_scores_are_summed_up_by_the_type_of_the_first(values: list[Any], expected: Any) -> None:
    assert auto_summarize(values) == expected


def test_a_scorer_without_a_score_says_so() -> None:
    with pytest.raises(NotImplementedError, match="Scorer must define score"):
        Scorer().score(output=1)
