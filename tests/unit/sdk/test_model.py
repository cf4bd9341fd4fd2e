from typing import Any

import pytest

import spanloom
from spanloom._evals.model import infer_method
from spanloom.testing import CapturedCalls


class Chat(spanloom.Model):
    model_name: str
    temperature: float = 0.0

    @spanloom.op
    def predict(self, query: str) -> str:
        return query


class Loaded(Chat):
    def model_post_init(self, context: Any) -> None:
        self.weights = object()

    @property
    def label(self) -> str:
        return self.model_name

    @label.setter
    def label(self, value: str) -> None:
        self.model_name = value


def test_undeclared_attributes_can_be_set_at_any_time_and_are_not_data() -> None:
    model = Loaded(model_name="a")
    model.cache = {}
    model._private = 1

    assert model.weights is not None
    assert model.model_dump() == {
        "name": None,
        "description": None,
        "model_name": "a",
        "temperature": 0.0,
    }
    assert repr(model) == "Loaded(model_name='a', temperature=0.0)"
    assert model == Loaded(model_name="a")
    assert model.digest == Loaded(model_name="a").digest


def test_fields_and_properties_are_set_as_usual() -> None:
    model = Loaded(model_name="a")

    model.label = "b"
    model.temperature = 0.5

    assert model.__spanloom_fields__() == {"model_name": "b", "temperature": 0.5}


def test_a_typing_error_in_a_field_is_refused() -> None:
    with pytest.raises(ValueError, match="model_name"):
        Chat(model_name=object())


def test_the_digest_is_the_class_and_its_fields() -> None:
    digest = Chat(model_name="a").digest

    assert len(digest) == 64
    assert digest == Chat(model_name="a").digest
    assert digest != Chat(model_name="b").digest
    assert digest != Chat(model_name="a", name="given").digest
    assert digest != Loaded(model_name="a").digest


def test_a_models_call_records_its_declared_fields(calls: CapturedCalls) -> None:
    Loaded(model_name="a").predict("why")

    assert calls.one("Chat.predict").inputs == {
        "self": {"model_name": "a", "temperature": 0.0},
        "query": "why",
    }


@pytest.mark.parametrize("name", ["predict", "infer", "forward", "invoke"])
def test_the_method_that_predicts_may_have_any_usual_name(name: str) -> None:
    model = type("M", (), {name: lambda self: name})()

    assert infer_method(model)() == name


@pytest.mark.parametrize("model", [spanloom.Model(), object(), Chat, 3])
def test_what_cannot_predict_is_refused(model: object) -> None:
    with pytest.raises(spanloom.ConfigurationError, match="predict, infer, forward, invoke"):
        infer_method(model)
