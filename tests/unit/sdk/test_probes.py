"""Every strange value is delivered, none raises into the app, none leaks, none is changed."""

import asyncio
import collections
import dataclasses
import datetime
import decimal
import enum
import io
import json
import pathlib
import threading
import types
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy
import pandas  # type: ignore[import-untyped]
import polars
import pydantic
import pytest
from hypothesis import given, settings, strategies
from PIL import Image

import spanloom
from spanloom import conventions
from spanloom._settings import Settings
from spanloom._values.encode import encode
from tests.unit.sdk.sink import Sink, attributes_of
from tests.unit.sdk.test_values import BadGetattr, BadRepr, BadTextError, NoClass, cycle, nested

SECRET = "sk-live-1"


class Colour(enum.Enum):
    RED = "red"
    ODD = object()


class Text(str):
    pass


class Number(int):
    pass


class Table(dict[str, int]):
    def items(self) -> Any:
        raise RuntimeError("not now")


class Row(list[int]):
    def __iter__(self) -> Any:
        raise RuntimeError("not now")


class Endless(collections.abc.Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        while True:
            yield "key"

    def __len__(self) -> int:
        return 1


class Contrary:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no equality")

    def __hash__(self) -> int:
        raise RuntimeError("no hash")

    def __bool__(self) -> bool:
        raise RuntimeError("no truth")

    def __len__(self) -> int:
        raise RuntimeError("no length")


class Person(pydantic.BaseModel):
    name: str = "Ann"
    pin: pydantic.SecretStr = pydantic.SecretStr(SECRET)
    anything: Any = None


@dataclasses.dataclass
class Login:
    user: str
    password: str = SECRET


@attrs.define
class Crate:
    size: int
    api_key: str = SECRET


def a_generator() -> Iterator[int]:
    yield from range(3)


async def an_async_generator() -> Any:
    yield 1


PROBES: dict[str, Callable[[], Any]] = {
    "repr raises": BadRepr,
    "getattr raises": BadGetattr,
    "class raises": NoClass,
    "equality, hash, truth and length raise": Contrary,
    "circular dict": cycle,
    "circular through an object": lambda: _circular_object(),
    "2,000 deep": lambda: nested(2000),
    "tuple keys": lambda: {(1, 2): "a", None: "b", 1.5: "c", b"x": "d"},
    "lone surrogate": lambda: "\ud800",
    "lone surrogate as a key": lambda: {"\ud800": 1},
    "int of 81 bits": lambda: 2**80,
    "int of 5,000 digits": lambda: 10**5000,
    "nan and infinity": lambda: [float("nan"), float("inf"), -float("inf")],
    "complex": lambda: 1j,
    "exception without text": BadTextError,
    "group of exceptions": lambda: ExceptionGroup("g", [ValueError("a")]),
    "numpy, a million": lambda: numpy.zeros(1_000_000),
    "numpy of objects": lambda: numpy.array([BadRepr(), None] * 1000),
    "numpy of structures": lambda: numpy.zeros(3, dtype=[("a", "i4"), ("b", "M8[s]")]),
    "picture": lambda: Image.new("P", (50, 50)),
    "pandas": lambda: pandas.DataFrame({"a": [1, None], ("b", 1): [BadRepr(), "x"]}),
    "polars": lambda: polars.DataFrame({"a": [1], "b": [[1, 2]]}),
    "polars, lazy": lambda: polars.LazyFrame({"a": [1]}),
    "pydantic with a secret": Person,
    "pydantic with a generator": lambda: Person(anything=[a_generator()]),
    "dataclass with a secret": lambda: Login("ann"),
    "attrs with a secret": lambda: Crate(3),
    "secrets by key": lambda: {
        "password": SECRET,
        "openai_api_key": SECRET,
        "a": {"token": SECRET},
    },
    "secrets in headers": lambda: {"headers": {"Authorization": SECRET, "Cookie": [SECRET]}},
    "secrets in quoted JSON": lambda: {"arguments": json.dumps({"secret": SECRET})},
    "enums": lambda: list(Colour),
    "subclasses": lambda: [Text("a"), Number(1), Table(a=1), Row([1]), collections.Counter("aab")],
    "endless mapping": Endless,
    "generator": a_generator,
    "async generator": an_async_generator,
    "file": io.BytesIO,
    "lock": threading.Lock,
    "times and numbers": lambda: [
        datetime.datetime.now(datetime.UTC),
        datetime.timedelta(1),
        decimal.Decimal("NaN"),
        uuid.UUID(int=1),
        pathlib.Path("/"),
        {1, "a"},
        range(3),
    ],
    "bytes": lambda: [b"\xff", bytearray(b"a"), memoryview(b"abc"), bytes(10_000)],
    "modules, classes and functions": lambda: [types, Person, encode, len, print],
    "long repr": lambda: types.SimpleNamespace(**{f"n{n}": "x" * 100 for n in range(1000)}),
}


def _circular_object() -> Any:
    person = Person()
    person.anything = {"me": person}
    return person


@spanloom.op
def echo(value: Any) -> Any:
    return value


def strictly_read(span: Any, name: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(str(attributes_of(span)[name]), parse_constant=refuse)


@pytest.mark.parametrize("make", PROBES.values(), ids=PROBES)
def test_every_probe_is_delivered_and_comes_back_as_it_was(
    sink: Sink, make: Callable[[], Any]
) -> None:
    spanloom.init(endpoint=sink.url)
    value = make()

    result = echo(value)

    assert result is value
    assert spanloom.flush()
    (span,) = sink.await_spans(1)
    shown = [strictly_read(span, conventions.INPUT_VALUE)["value"]]
    shown.append(strictly_read(span, conventions.OUTPUT_VALUE))
    assert type(shown[0]) is type(shown[1])
    assert SECRET not in json.dumps(shown)
    assert shown[0] is not None
    assert span.status.code == 0


def test_nothing_that_can_be_read_but_once_is_read() -> None:
    generator, file = a_generator(), io.BytesIO(b"content")

    encode([generator, file, Person(anything={"in": generator}), map(str, generator)], Settings())

    assert (list(generator), file.read()) == ([0, 1, 2], b"content")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, BadTextError, ValueError])
def test_the_app_sees_its_own_exception(sink: Sink, error: type[BaseException]) -> None:
    spanloom.init(endpoint=sink.url)

    @spanloom.op
    def fail() -> None:
        raise error

    with pytest.raises(error):
        fail()

    assert spanloom.flush()
    assert sink.names() == ["test_the_app_sees_its_own_exception.<locals>.fail".rpartition(".")[2]]


def test_wrong_arguments_raise_what_they_always_raise(sink: Sink) -> None:
    spanloom.init(endpoint=sink.url)

    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        echo(nonsense=1)

    assert spanloom.flush()
    assert sink.names() == ["echo"]


def test_values_that_another_thread_changes_are_recorded_somehow() -> None:
    busy: dict[int, Any] = {n: {"text": "x" * 100} for n in range(5000)}
    stopped = threading.Event()

    def change() -> None:
        while not stopped.is_set():
            busy[0] = busy.pop(0, None)
            busy[len(busy) + 1] = "y"
            busy.pop(len(busy), None)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for limit in (1000, 100_000, 10_000_000):
            for _ in range(20):
                json.loads(
                    encode({"busy": busy, "other": BadRepr()}, Settings(value_max_bytes=limit))
                )
    finally:
        stopped.set()
        thread.join()


def test_an_awaited_coroutine_stays_awaitable() -> None:
    async def answer() -> int:
        return 42

    async def main() -> int:
        waiting = answer()
        encode({"task": waiting}, Settings())
        return await waiting

    assert asyncio.run(main()) == 42


# Some are too slow to be repeated, and two are more than hypothesis itself can bear.
LEFT_OUT = (
    "2,000 deep",
    "class raises",
    "endless mapping",
    "equality, hash, truth and length raise",
    "long repr",
    "numpy, a million",
)
LEAVES = strategies.one_of(
    strategies.none(),
    strategies.integers(),
    strategies.floats(),
    strategies.text(strategies.characters(), max_size=500),
    strategies.binary(max_size=500),
    strategies.sampled_from([name for name in PROBES if name not in LEFT_OUT]).map(
        lambda name: PROBES[name]()
    ),
)
KEYS = strategies.one_of(
    strategies.text(strategies.characters(), max_size=30),
    strategies.integers(),
    strategies.tuples(strategies.integers()),
    strategies.builds(object),
)
OBJECTS = strategies.recursive(
    LEAVES,
    lambda children: strategies.one_of(
        strategies.lists(children),
        strategies.dictionaries(KEYS, children),
        strategies.tuples(children, children),
        strategies.builds(lambda item: Person(anything=item), children),
        strategies.builds(lambda item: Login("a", item), children),
        strategies.builds(lambda item: types.SimpleNamespace(a=item), children),
        strategies.builds(lambda item: collections.deque([item] * 9), children),
    ),
    max_leaves=12,
)


@given(OBJECTS, strategies.sampled_from([500, 2000, 50_000, 2 << 20]))
@settings(max_examples=100, deadline=None)
def test_anything_becomes_json_within_its_bounds(value: Any, max_bytes: int) -> None:
    text = encode(value, Settings(value_max_bytes=max_bytes))

    json.loads(text)
    assert len(text.encode()) <= max_bytes


@given(OBJECTS)
@settings(max_examples=50, deadline=None)
def test_what_is_recorded_does_not_change_what_was_given(value: Any) -> None:
    before = encode(value, Settings(redact=False))

    assert encode(value, Settings(redact=False)) == before
