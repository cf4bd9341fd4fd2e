import dataclasses
import datetime
import enum
import functools
import json
from typing import Any

import numpy
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spanloom
from spanloom._evals.dataset import example_digest
from spanloom._objects.forms import SavedModel, SavedOp, form_of, json_of, object_of
from spanloom._values.encode import canonical
from spanloom_collector.storage import objects as storage

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


class Settings(pydantic.BaseModel):
    threshold: float
    tags: list[str] = []


class Chat(spanloom.Model):
    model_name: str
    inner: Settings

    @spanloom.op(kind="llm")
    def predict(self, question: str) -> str:
        """Answer."""
        return question


@dataclasses.dataclass
class Point:
    x: int
    y: int = 2


class Colour(enum.Enum):
    RED = "red"


@given(st.dictionaries(st.text(), VALUES, max_size=6), st.randoms())
def test_the_digest_is_stable_under_the_order_of_keys(value: dict[str, Any], chance: Any) -> None:
    keys = list(value)
    chance.shuffle(keys)

    assert json_of({key: value[key] for key in keys}) == json_of(value)


@given(VALUES)
def test_client_and_server_write_the_same_json(value: Any) -> None:
    text = json_of(value)

    assert storage.canonical(json.loads(text)) == text == canonical(value)


def test_a_models_version_is_the_digest_that_its_evaluations_name() -> None:
    model = Chat(model_name="m", inner=Settings(threshold=0.5))
    form = form_of(model)

    assert (form.kind, form.name, form.class_name) == ("model", "Chat", "Chat")
    assert storage.digest_of("model", json.loads(json_of(form.value))) == model.digest


def test_a_datasets_rows_are_named_as_evaluations_name_their_examples() -> None:
    row = {"b": [1, 2.0, None], "a": "ü"}

    assert storage.hashlib.sha256(json_of(row)).hexdigest() == example_digest(row)


def test_an_op_is_published_with_its_source() -> None:
    saved = form_of(Chat.predict).value

    assert saved.name == "Chat.predict"
    assert saved.source.startswith('@spanloom.op(kind="llm")\ndef predict(self, question')
    assert (saved.kind, saved.documentation) == ("llm", "Answer.")
    assert saved.signature == "(self, question: str) -> str"
    assert form_of(json_of).value.name == "json_of"
    assert object_of("op", "Op", json.loads(json_of(saved)), {}) == saved


def test_an_op_without_source_is_refused() -> None:
    scope: dict[str, Any] = {}
    exec("def nowhere(): return 1", scope)

    with pytest.raises(spanloom.ObjectError, match="source of nowhere cannot be found"):
        form_of(spanloom.op(scope["nowhere"]))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Point(1), {"x": 1, "y": 2}),
        ((1, {2}), [1, [2]]),
        (Colour.RED, "red"),
        (datetime.date(2026, 11, 25), "2026-11-25"),
        (numpy.float64(1.5), 1.5),
        (numpy.zeros((2, 1_000)), [[0.0] * 1_000] * 2),
        ({"inner": Settings(threshold=1)}, {"inner": {"threshold": 1.0, "tags": []}}),
        (b"abc", "YWJj"),
        (float("nan"), None),
    ],
)
def test_data_is_published_whole(value: Any, expected: Any) -> None:
    assert json.loads(json_of(value)) == expected


@pytest.mark.parametrize("value", [object(), {"f": print}, functools.partial(print), "\ud800"])
def test_what_is_no_data_is_refused(value: Any) -> None:
    with pytest.raises(spanloom.ObjectError, match="cannot be published"):
        json_of(value)


def test_circles_are_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)

    with pytest.raises(spanloom.ObjectError, match="cannot be published"):
        json_of(circle)


def test_a_saved_model_has_its_fields_as_attributes() -> None:
    saved = object_of("model", "Settings", {"name": "Settings", "fields": {"threshold": 1}}, {})

    assert isinstance(saved, SavedModel)
    assert saved.threshold == 1
    with pytest.raises(AttributeError, match="published Settings has no field 'other'"):
        _ = saved.other


def test_kinds_and_classes_of_later_versions_come_as_data() -> None:
    assert object_of("tune", "Tune", {"a": 1}, {}) == {"a": 1}
    assert object_of("prompt", "OtherPrompt", {"a": 1}, {}) == {"a": 1}
    assert object_of("op", "Op", {"name": "f", "more": 1}, {}) == SavedOp(
        "f",
        None,
        None,
        None,
        None,
        None,  # type: ignore[arg-type]
    )
