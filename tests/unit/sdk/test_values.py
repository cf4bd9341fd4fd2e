"""What an op is given and returns is recorded whatever it is, and the app never notices."""

import collections
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import threading
import types
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy
import pandas  # type: ignore[import-untyped]
import pydantic
import pytest
from hypothesis import given, settings, strategies
from PIL import Image

import spanloom
from spanloom._settings import Settings
from spanloom._values.describe import describe
from spanloom._values.encode import canonical, clean_text, encode
from spanloom.testing import CapturedCalls

LIMITS = Settings()


class Colour(enum.Enum):
    RED = "red"


class Strange(enum.Enum):
    ODD = object()


class Address(pydantic.BaseModel):
    street: str
    pin: pydantic.SecretStr = pydantic.SecretStr("hidden")


class Loose(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    thing: Any


@dataclasses.dataclass
class Point:
    x: int
    y: Any = None


class Pair(NamedTuple):
    left: int
    right: int


class Text(str):
    pass


class Number(int):
    pass


class Ratio(float):
    pass


class Plain:
    pass


class BadRepr:
    def __repr__(self) -> str:
        raise ValueError("no repr")


class BadGetattr:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no attributes")

    def __repr__(self) -> str:
        return "BadGetattr()"


class BadTextError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class Lazy(collections.abc.Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        return 1

    def __iter__(self) -> Any:
        return iter(["a"])

    def __len__(self) -> int:
        return 1


def cycle() -> dict[str, Any]:
    value: dict[str, Any] = {"n": 1}
    value["self"] = value
    return value


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


PROBES: list[tuple[Callable[[], Any], Any]] = [
    (lambda: None, None),
    (lambda: True, True),
    (lambda: "텍스트 🙂", "텍스트 🙂"),
    (lambda: "\ud800 lone", "\\ud800 lone"),
    (lambda: {"\udfff": "\udfff"}, {"\\udfff": "\\udfff"}),
    (lambda: 2**80, 2**80),
    (lambda: float("nan"), None),
    (lambda: [float("inf"), 1.5], [None, 1.5]),
    (lambda: b"bytes", "Ynl0ZXM="),
    (lambda: {(1, 2): "tuple key"}, {"(1, 2)": "tuple key"}),
    (lambda: {1: "a", None: "b"}, {"1": "a", "None": "b"}),
    (lambda: {3}, [3]),
    (lambda: frozenset({4}), [4]),
    (lambda: collections.deque([1, 2]), [1, 2]),
    (lambda: Pair(1, 2), [1, 2]),
    (lambda: Text("sub"), "sub"),
    (lambda: Number(7), 7),
    (lambda: Ratio(0.5), 0.5),
    (lambda: Colour.RED, "red"),
    (lambda: decimal.Decimal("1.50"), "1.50"),
    (lambda: datetime.date(2026, 11, 23), "2026-11-23"),
    (lambda: uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (lambda: pathlib.PurePosixPath("/a/b"), "/a/b"),
    (lambda: Point(1, {2}), {"x": 1, "y": [2]}),
    (lambda: Address(street="Elm"), {"street": "Elm", "pin": "**********"}),
    (lambda: Loose(thing=Plain()), {"thing": "<tests.unit.sdk.test_values.Plain object>"}),
    (lambda: Loose(thing=Address(street="Elm")), {"thing": {"street": "Elm", "pin": "*" * 10}}),
    (lambda: numpy.float32(0.5), 0.5),
    (lambda: numpy.bool_(True), True),
    (lambda: numpy.array(3), 3),
    (lambda: numpy.arange(3), [0, 1, 2]),
    (
        lambda: numpy.zeros((1000, 1000)),
        {"type": "numpy.ndarray", "shape": [1000, 1000], "dtype": "float64"},
    ),
    (
        lambda: pandas.DataFrame({"a": [1], "b": ["x"]}),
        {"type": "pandas.DataFrame", "shape": [1, 2], "columns": {"a": "int64", "b": "str"}},
    ),
    (lambda: pandas.Series([1, 2]), [1, 2]),
    (
        lambda: pandas.Series(range(5000)),
        {"type": "pandas.Series", "shape": [5000], "dtype": "int64"},
    ),
    (lambda: ValueError("wrong"), "ValueError: wrong"),
    (BadTextError, "BadTextError: <its text raised ValueError>"),
    (BadRepr, "<BadRepr: ValueError when recorded>"),
    (BadGetattr, "BadGetattr()"),
    (Plain, "<tests.unit.sdk.test_values.Plain object>"),
    (cycle, {"n": 1, "self": "<dict, contains itself>"}),
    (lambda: types.SimpleNamespace(a=1), {"a": 1}),
    (lambda: types.MappingProxyType({"a": 1}), {"a": 1}),
    (Lazy, {"a": 1}),
    (lambda: Plain, "tests.unit.sdk.test_values.Plain"),
    (lambda: encode, "spanloom._values.encode.encode"),
    (lambda: 10**5000, hex(10**5000)),
    (lambda: Point(1, "\ud800"), {"x": 1, "y": "\\ud800"}),
    (lambda: [None, 1.5, True, "\ud800"], [None, 1.5, True, "\\ud800"]),
    (lambda: [Plain(), "\ud800"], ["<tests.unit.sdk.test_values.Plain object>", "\\ud800"]),
    (lambda: [Address(street="E"), "\ud800"], [{"street": "E", "pin": "*" * 10}, "\\ud800"]),
    (lambda: [numpy.arange(2), "\ud800"], [[0, 1], "\\ud800"]),
]


@spanloom.op
def echo(value: Any) -> Any:
    return value


@pytest.mark.parametrize(
    ("make", "expected"), PROBES, ids=[f"{n} {PROBES[n][1]!r:.30}" for n in range(len(PROBES))]
)
def test_every_kind_of_value_is_recorded_and_returned_as_it_is(
    calls: CapturedCalls, make: Callable[[], Any], expected: Any
) -> None:
    value = make()

    result = echo(value)

    assert result is value
    call = calls.one("echo")
    assert call.inputs == {"value": expected}
    assert call.output == expected
    assert call.error is None


@pytest.mark.parametrize(
    "make", [lambda: nested(2000), lambda: Strange.ODD, threading.Lock], ids=str
)
def test_what_has_no_json_form_is_recorded_as_some_text(
    calls: CapturedCalls, make: Callable[[], Any]
) -> None:
    echo(make())

    assert json.dumps(calls.one("echo").output)


def test_iterators_are_not_consumed(calls: CapturedCalls) -> None:
    numbers = (n for n in range(3))

    assert list(echo(numbers)) == [0, 1, 2]
    assert calls.one("echo").output.startswith("<generator object")


def test_inputs_are_recorded_as_they_were_before_the_call(calls: CapturedCalls) -> None:
    @spanloom.op
    def append(items: list[int]) -> list[int]:
        items.append(2)
        return items

    append([1]).append(3)

    assert calls.one("append").inputs == {"items": [1]}
    assert calls.one("append").output == [1, 2]


def test_objects_are_recorded_without_their_addresses() -> None:
    assert encode(Plain(), LIMITS) == encode(Plain(), LIMITS)


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        ("x" * 5000, '"xxxxx', '… [truncated, 5000 characters in full]"'),
        ("\u00e9\n" * 900, '"\u00e9', '… [truncated, 1800 characters in full]"'),
        ({"long": "x" * 5000, "short": 1}, '{"long":"xxx', ',"short":1}'),
        ({"long": "\n" * 900, "n": 1}, '{"long":"\\n', '900 characters in full]","n":1}'),
        ({"a": list(range(900)), "n": 1}, '{"a":{"$truncated":{"type":"list",', ',"n":1}'),
        (list(range(900)), '{"$truncated":{"type":"list","length":900,"estimated_bytes":', "]}}"),
        (
            ["€"] * 300,
            '{"$truncated":{"type":"list","length":300,"size_bytes":1801,"preview":["€"',
            "}}",
        ),
        ({n: n for n in range(300)}, '{"$truncated":{"type":"dict","length":300,"', "}}}"),
    ],
)
def test_what_is_too_long_is_cut_marked_and_sized(value: object, start: str, end: str) -> None:
    text = encode(value, Settings(value_max_bytes=1000))

    assert text.startswith(start)
    assert text.endswith(end)
    assert len(text.encode()) <= 1000
    json.loads(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"api_key": "sk-1"}, {"api_key": "***"}),
        ({"a": [{"OPENAI_API_KEY": "sk-1"}]}, {"a": [{"OPENAI_API_KEY": "***"}]}),
        ({"openaiApiKey": "k", "x-api-key": "k"}, {"openaiApiKey": "***", "x-api-key": "***"}),
        ({"Authorization": {"Bearer": "t"}}, {"Authorization": "***"}),
        ({"db_password": "p", "passwords": 3}, {"db_password": "***", "passwords": 3}),
        ({"token": "t", "token_count": 5}, {"token": "***", "token_count": 5}),
        ({"access_token": "t", "eos_token": "</s>"}, {"access_token": "***", "eos_token": "</s>"}),
        ({"token": 12, "secret": None, "cookie": ""}, {"token": 12, "secret": None, "cookie": ""}),
        (Point(1, {"client_secret": "s"}), {"x": 1, "y": {"client_secret": "***"}}),
        ({"note": 'say "token": now'}, {"note": 'say "token": now'}),
        ({"ssn": "1", "person": {"SSN": "2"}}, {"ssn": "***", "person": {"SSN": "***"}}),
    ],
)
def test_values_under_secret_keys_are_masked_at_any_depth(value: object, expected: object) -> None:
    assert json.loads(encode(value, Settings(redact_keys=("ssn",)))) == expected


def test_secrets_stay_out_of_previews_reprs_and_are_kept_only_on_request() -> None:
    class Client:
        def __repr__(self) -> str:
            return "Client(api_key='sk-1', headers={'Authorization': 'Bearer sk-1'}, n=1)"

    many = [{"password": "sk-1", "n": n} for n in range(200)]

    preview = encode(many, Settings(value_max_bytes=1000))
    shown = encode(Client(), LIMITS)

    assert "$truncated" in preview
    assert "sk-1" not in preview
    assert "sk-1" not in shown
    assert json.loads(shown) == "Client(api_key='***', headers={'Authorization': '***'}, n=1)"
    assert encode({"password": "p"}, Settings(redact=False)) == '{"password":"p"}'


def test_a_long_repr_says_how_long_it_is() -> None:
    class Long:
        def __repr__(self) -> str:
            return "z" * 5000

    assert encode(Long(), LIMITS).endswith('z… [5000 characters in full]"')


def test_a_tensor_is_read_only_where_that_is_cheap() -> None:
    small, scalar, remote = (tensor(3, "cpu"), tensor(0, "cpu"), tensor(3, "cuda"))

    assert describe(small) == [0, 1, 2]
    assert describe(scalar) == 7
    assert describe(remote) == {
        "type": "torch.Tensor",
        "shape": [3],
        "dtype": "torch.float32",
        "device": "cuda",
    }


def tensor(size: int, device: str) -> Any:
    """Stand for torch, which is too large to install for this."""

    class Device:
        type = device

        def __str__(self) -> str:
            return device

    members = {
        "__module__": "torch",
        "ndim": 1 if size else 0,
        "shape": (size,) if size else (),
        "dtype": "torch.float32",
        "device": Device(),
        "numel": lambda self: size or 1,
        "detach": lambda self: self,
        "tolist": lambda self: list(range(size)),
        "item": lambda self: 7,
    }
    return type("Tensor", (), members)()


def test_a_picture_is_described_by_its_size() -> None:
    assert describe(Image.new("RGB", (2, 3))) == {
        "type": "PIL.Image",
        "size": [2, 3],
        "mode": "RGB",
    }


class NoClass:
    @property
    def __class__(self) -> Any:
        raise RuntimeError("no class")

    @__class__.setter
    def __class__(self, value: Any) -> None: ...


def test_a_hostile_object_beside_a_surrogate_hides_nothing_else(calls: CapturedCalls) -> None:
    echo([NoClass(), "\ud800", 1])

    assert calls.one("echo").output == ["<NoClass: RuntimeError when recorded>", "\\ud800", 1]


def test_secrets_are_masked_even_in_what_is_no_strict_json() -> None:
    class Odd(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(ser_json_inf_nan="constants")
        password: str
        score: float

    assert encode(Odd(password="p", score=float("nan")), LIMITS) == '{"password":"***","score":NaN}'


def test_a_wide_walk_ends(calls: CapturedCalls) -> None:
    echo([*range(60_000), "\ud800"])

    assert calls.one("echo").output[-1] == "<more than 50000 values>"


def test_canonical_json_is_the_same_for_equal_data() -> None:
    assert canonical({"b": 1, "a": {"d": 2, "c": 3}}) == b'{"a":{"c":3,"d":2},"b":1}'
    assert canonical({"s": {"x", "y", "z"}}) == canonical({"s": {"z", "y", "x"}})
    assert canonical({"b": "\ud800", "a": 1}) == b'{"a":1,"b":"\\\\ud800"}'


JSON_VALUES = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers(-(2**53), 2**53)
    | strategies.floats(allow_nan=False, allow_infinity=False)
    | strategies.text(),
    lambda children: (
        strategies.lists(children) | strategies.dictionaries(strategies.text(), children)
    ),
    max_leaves=20,
)


@given(JSON_VALUES)
@settings(max_examples=150, deadline=None)
def test_plain_data_round_trips(value: object) -> None:
    assert json.loads(encode(value, Settings(redact=False))) == value


@given(strategies.text(strategies.characters()))
@settings(max_examples=150, deadline=None)
def test_any_text_becomes_text_that_utf8_can_hold(text: str) -> None:
    assert clean_text(text).encode().decode() == clean_text(text)
    json.loads(encode(text, LIMITS))
