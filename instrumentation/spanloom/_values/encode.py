"""Any value as bounded JSON text; the text is the snapshot, and making it never raises."""

import dataclasses
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from spanloom._client import state
from spanloom._outgoing.redaction import redactor_of
from spanloom._settings import Settings
from spanloom._values.bounds import bare_marker, cut, estimated_bytes, is_small
from spanloom._values.describe import MAPPING_MAX_ITEMS, describe, text_of_key

WALK_MAX_DEPTH: Final = 40
WALK_MAX_NODES: Final = 50_000
LONG_INT_BITS: Final = 3000
"""Longer integers are written in hexadecimal: Python refuses to print them in decimal."""
_CUT_ATTEMPTS: Final = 4

_encoder: Final = msgspec.json.Encoder(enc_hook=describe)
_encode: Final = _encoder.encode
_canonical_encoder: Final = msgspec.json.Encoder(enc_hook=describe, order="sorted")


def encode(value: Any, settings: Settings) -> str:
    """Return ``value`` as JSON text, secrets masked, at most ``value_max_bytes`` long.

    What JSON lacks is described (arrays by their shape, objects by their repr). NaN and infinity
    become null, cycles and too deep nesting are marked. Never raises; iterators stay unread.
    """
    text = snapshot(value, settings)
    redactor = redactor_of(settings)
    return text if redactor is None else redactor.redacted(text)


def recorded(value: Any, settings: Settings) -> str:
    """Return an input or output as text for a span: masked now, or later, but before it leaves."""
    return snapshot(value, settings) if state.redacts_late() else encode(value, settings)


def snapshot(value: Any, settings: Settings) -> str:
    """Return what :func:`encode` does with the secrets still in it.

    For spans whose only reader is our own delivery thread, which masks them.
    """
    max_bytes = settings.value_max_bytes
    try:
        if not is_small(value) and estimated_bytes(value) > max_bytes:
            return _encode_cut(value, None, max_bytes).decode()
        raw = _encode(value)
    except Exception:  # noqa: BLE001  # cycles, surrogates, depth, the app's own code or threads
        raw = _encode_carefully(value)
    if len(raw) > max_bytes:
        raw = _encode_cut(value, len(raw), max_bytes)
    return raw.decode()


def decode(text: str | bytes) -> Any:
    """Return the plain data that :func:`encode` wrote."""
    return msgspec.json.decode(text)


def canonical(value: Any) -> bytes:
    """Return JSON with sorted keys, whole and unmasked: equal data gives equal bytes."""
    try:
        # Sorted twice: what libraries encode themselves comes in their own order.
        return _canonical_encoder.encode(decode(_canonical_encoder.encode(value)))
    except Exception:  # noqa: BLE001  # as in _encode_whole
        return _canonical_encoder.encode(decode(_encode_carefully(value)))


def clean_text(text: str) -> str:
    """Return text that UTF-8 can hold; lone surrogates become visible escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _encode_whole(value: Any) -> bytes:
    try:
        return _encoder.encode(value)
    except Exception:  # noqa: BLE001  # cycles, surrogates, depth, and the app's own code
        return _encode_carefully(value)


def _encode_carefully(value: Any) -> bytes:
    return _encoder.encode(_Walk().plain(value, 0))


def _encode_cut(value: Any, size_bytes: int | None, max_bytes: int) -> bytes:
    budget_bytes = max_bytes * 3 // 4
    for _ in range(_CUT_ATTEMPTS):
        raw = _encode_whole(cut(value, budget_bytes, size_bytes))
        if len(raw) <= max_bytes:
            return raw
        budget_bytes //= 6  # as much as escapes and wide characters may add
    return _encoder.encode(bare_marker(value, size_bytes or estimated_bytes(value)))


class _Walk:
    """Makes plain data of anything, slowly: for what the fast encoder refuses."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._node_count = 0

    def plain(self, value: Any, depth: int) -> Any:
        self._node_count += 1
        if self._node_count > WALK_MAX_NODES:
            return f"<more than {WALK_MAX_NODES} values>"
        try:
            return self._plain(value, depth)
        except Exception as error:  # noqa: BLE001  # the app's own code runs in there
            return f"<{type(value).__name__}: {type(error).__name__} when recorded>"

    def _plain(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, int):
            return value if value.bit_length() < LONG_INT_BITS else hex(value)
        if isinstance(value, str):
            return clean_text(value)
        if depth >= WALK_MAX_DEPTH:
            return f"<{type(value).__name__}, nested deeper than {WALK_MAX_DEPTH}>"
        if id(value) in self._open:
            return f"<{type(value).__name__}, contains itself>"
        return self._container(value, depth)

    def _container(self, value: Any, depth: int) -> Any:
        self._open.add(id(value))
        try:
            if isinstance(value, dict):
                return self._mapping(dict.items(value), depth)
            if isinstance(value, Mapping):
                return self._mapping(islice(value.items(), MAPPING_MAX_ITEMS), depth)
            if isinstance(value, list | tuple | set | frozenset):
                return [self.plain(item, depth + 1) for item in list(value)]
            if dataclasses.is_dataclass(value) and not isinstance(value, type):
                names = [field.name for field in dataclasses.fields(value)]
                return self._mapping([(name, getattr(value, name)) for name in names], depth)
            return self._described(value, depth)
        finally:
            self._open.discard(id(value))

    def _mapping(self, items: Iterable[tuple[Any, Any]], depth: int) -> dict[str, Any]:
        return {
            clean_text(text_of_key(key)): self.plain(item, depth + 1) for key, item in list(items)
        }

    def _described(self, value: Any, depth: int) -> Any:
        described = describe(value)
        if isinstance(described, msgspec.Raw):
            return described
        if isinstance(described, str):
            return clean_text(described)
        return self.plain(described, depth + 1)
