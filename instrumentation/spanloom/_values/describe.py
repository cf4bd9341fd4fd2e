"""Plain stand-ins for values that JSON does not know, found without importing their libraries."""

import re
import types
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import PurePath
from typing import Any, Final

import msgspec

from spanloom._outgoing.redaction import redactor
from spanloom._values import media

REPR_MAX_CHARS: Final = 2000
ARRAY_MAX_ITEMS: Final = 1000
"""An array with more elements is described by its shape instead of its content."""

COLUMNS_MAX_COUNT: Final = 1000
MAPPING_MAX_ITEMS: Final = 1000
"""A mapping that is no dict may make its items up, without end."""

ITERATOR_SEARCH_DEPTH: Final = 4
"""How deep in a pydantic model an iterator is looked for that must not be read."""

FIELDS_METHOD: Final = "__spanloom_fields__"
"""A method by which an object says what of it is recorded: field name to value."""

_ATOMS: Final = frozenset({str, int, float, bool, bytes, type(None)})
_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")


def describe(value: Any) -> Any:
    """Return something encodable in place of ``value``; never raises, never consumes iterators."""
    try:
        return _describe(value)
    except Exception as error:  # noqa: BLE001  # the app's own code runs in there
        return f"<{type(value).__name__}: {type(error).__name__} when recorded>"


def _describe(value: Any) -> Any:
    kind = type(value)
    if kind is tuple or kind is frozenset:
        return text_of_key(value)  # the encoder knows them itself, except as keys
    if hasattr(kind, FIELDS_METHOD):
        return getattr(kind, FIELDS_METHOD)(value)
    if hasattr(kind, "__pydantic_serializer__"):
        return _pydantic_model(value)
    for base in kind.__mro__:
        found = _BUILTIN.get(base)
        if found is None:
            library = _LIBRARIES.get(base.__module__.partition(".")[0])
            found = library.get(base.__name__) if library else None
        if found is not None:
            return found(value)
    if isinstance(value, Mapping):
        return {text_of_key(key): item for key, item in islice(value.items(), MAPPING_MAX_ITEMS)}
    return text_of(value)


def fields_of(value: Any) -> Mapping[Any, Any] | None:
    """Return what an object is made of, name to value, by reference; None when it is no record."""
    if isinstance(value, dict):
        return value
    kind = type(value)
    if hasattr(kind, FIELDS_METHOD):
        return dict(getattr(kind, FIELDS_METHOD)(value))
    if hasattr(kind, "__pydantic_serializer__"):
        return _pydantic_fields(value)
    for listing in ("__dataclass_fields__", "__attrs_attrs__", "__struct_fields__"):
        listed = getattr(kind, listing, None)
        if listed is not None:
            names = [getattr(field, "name", field) for field in listed]
            return {name: getattr(value, name) for name in names if hasattr(value, name)}
    return None


def text_of(value: Any) -> str:
    """Return a repr without addresses and secrets, at most REPR_MAX_CHARS long."""
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
        return f"{value.__module__}.{value.__qualname__}"
    text = repr(value)
    if len(text) > REPR_MAX_CHARS:
        text = f"{text[:REPR_MAX_CHARS]}… [{len(text)} characters in full]"
    return redactor().masked_text(_ADDRESS.sub("", text))


def text_of_key(key: object) -> str:
    """Return a mapping's key as text, as JSON needs it."""
    if isinstance(key, str):
        return str.__str__(key)
    return text_of(key)


def _pydantic_model(value: Any) -> Any:
    if _holds_iterator(vars(value).values(), 0):
        return _pydantic_fields(value)  # pydantic would read it to its end
    serializer = value.__pydantic_serializer__
    return msgspec.Raw(serializer.to_json(value, warnings=False, fallback=_pydantic_fallback))


def _holds_iterator(values: Iterable[Any], depth: int) -> bool:
    for value in values:
        kind = type(value)
        if kind in _ATOMS:
            continue
        if hasattr(kind, "__next__"):
            return True
        if depth < ITERATOR_SEARCH_DEPTH and _holds_iterator(_parts(value), depth + 1):
            return True
    return False


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return value
    return list(vars(value).values()) if hasattr(type(value), "__pydantic_serializer__") else ()


def _pydantic_fields(value: Any) -> dict[str, Any]:
    fields = getattr(type(value), "__pydantic_fields__", {})
    excluded = {name for name, field in fields.items() if field.exclude}
    return {name: item for name, item in vars(value).items() if name not in excluded}


def _pydantic_fallback(value: Any) -> Any:
    described = describe(value)
    return msgspec.json.decode(described) if isinstance(described, msgspec.Raw) else described


def _exception(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception as fault:  # noqa: BLE001  # the app's __str__
        return f"{type(error).__name__}: <its text raised {type(fault).__name__}>"


def _array(value: Any) -> Any:
    if value.ndim == 0:
        return value.item()
    if value.size <= ARRAY_MAX_ITEMS:
        return value.tolist()
    facts = _summary(value, shape=list(value.shape), dtype=str(value.dtype))
    return media.array_apart(facts, value)


def _tensor(value: Any) -> Any:
    count = value.numel()
    # Reading a tensor from another device would make the app wait for that device.
    if value.device.type == "cpu" and count <= ARRAY_MAX_ITEMS:
        plain = value.detach()
        return plain.item() if plain.ndim == 0 else plain.tolist()
    device = str(value.device)
    facts = _summary(value, shape=list(value.shape), dtype=str(value.dtype), device=device)
    return media.tensor_apart(facts, value) if value.device.type == "cpu" else facts


def _frame(value: Any) -> Any:
    kinds = value.dtypes if isinstance(value.dtypes, list) else value.dtypes.tolist()
    named = zip(value.columns, kinds, strict=False)
    columns = {str(name): str(kind) for name, kind in islice(named, COLUMNS_MAX_COUNT)}
    facts = _summary(value, shape=list(value.shape), columns=columns)
    is_polars = isinstance(value.dtypes, list)
    return media.polars_apart(facts, value) if is_polars else media.pandas_apart(facts, value)


def _series(value: Any) -> Any:
    if len(value) <= ARRAY_MAX_ITEMS:
        return value.to_list()
    facts = _summary(value, shape=[len(value)], dtype=str(value.dtype))
    frame = value.to_frame()
    is_polars = isinstance(frame.dtypes, list)
    return media.polars_apart(facts, frame) if is_polars else media.pandas_apart(facts, frame)


def _picture(value: Any) -> Any:
    return media.picture_apart(_summary(value, size=list(value.size), mode=value.mode), value)


def _summary(value: Any, **facts: Any) -> dict[str, Any]:
    kind = type(value)
    return {"type": f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}", **facts}


_BUILTIN: Final[dict[type, Callable[[Any], Any]]] = {
    str: str.__str__,
    int: lambda value: int.__add__(value, 0),
    float: lambda value: float.__add__(value, 0.0),
    list: list,
    tuple: list,
    dict: dict,
    deque: list,
    set: list,
    frozenset: list,
    PurePath: str,
    BaseException: _exception,
    types.SimpleNamespace: vars,
    types.MappingProxyType: dict,
}

_LIBRARIES: Final[dict[str, dict[str, Callable[[Any], Any]]]] = {
    "numpy": {"ndarray": _array, "generic": lambda value: value.item()},
    "torch": {"Tensor": _tensor},
    "pandas": {
        "DataFrame": _frame,
        "Series": _series,
        "Index": _series,
        "Timestamp": str,
        "Timedelta": str,
    },
    "polars": {"DataFrame": _frame, "Series": _series},
    "PIL": {"Image": _picture},
}
