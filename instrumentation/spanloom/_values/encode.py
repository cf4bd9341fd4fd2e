"""Any value as bounded JSON text; the text is the snapshot, and making it never raises."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from spanloom._settings import Settings
from spanloom._values.describe import describe, text_of_key
from spanloom._values.redact import redactor

WALK_MAX_DEPTH: Final = 40
WALK_MAX_NODES: Final = 50_000
LONG_INT_BITS: Final = 3000
"""Longer integers are written in hexadecimal: Python refuses to print them in decimal."""
PREVIEW_MAX_BYTES: Final = 64 << 10
TRUNCATED: Final = "$truncated"
"""Key of the object that stands for a cut value: ``{"type", "size_bytes", "preview"}``."""

_encoder: Final = msgspec.json.Encoder(enc_hook=describe)
_canonical_encoder: Final = msgspec.json.Encoder(enc_hook=describe, order="sorted")


def encode(value: Any, settings: Settings) -> str:
    """Return ``value`` as JSON text, secrets masked, at most about ``value_max_bytes`` long.

    What JSON lacks is described (arrays by their shape, objects by their repr). NaN and infinity
    become null, cycles and too deep nesting are marked. Never raises; iterators stay unread.
    """
    raw = _encode_whole(_shortened(value, settings.value_max_bytes))
    if len(raw) > settings.value_max_bytes:
        raw = _encode_cut(value, raw, settings)
    return _masked(raw.decode(), settings)


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


def _masked(text: str, settings: Settings) -> str:
    if not settings.redact or not redactor(settings.redact_keys).may_hold_secrets(text):
        return text
    try:
        return _encoder.encode(redactor(settings.redact_keys).masked(decode(text))).decode()
    except Exception:  # noqa: BLE001  # better nothing than a secret
        return '"<not recorded: its secrets could not be masked>"'


def _shortened(value: Any, max_bytes: int) -> Any:
    # A long string is cut before it is encoded: its length is known, and the copy is saved.
    if isinstance(value, str) and len(value) > max_bytes:
        return _cut_text(value, max_bytes)
    if type(value) is dict:
        for item in value.values():
            if isinstance(item, str) and len(item) > max_bytes:
                return {key: _shortened(item, max_bytes // 2) for key, item in value.items()}
    return value


def _cut_text(text: str, max_chars: int) -> str:
    return f"{text[:max_chars]}… [truncated, {len(text)} characters in full]"


def _encode_cut(value: Any, raw: bytes, settings: Settings) -> bytes:
    if isinstance(value, str):
        # Escapes and wide characters may fill six bytes each.
        return _encode_whole(_cut_text(value, settings.value_max_bytes // 6))
    if type(value) is dict and value:
        share_bytes = settings.value_max_bytes // len(value)
        if share_bytes > 100:
            members = (_member(key, item, share_bytes, settings) for key, item in value.items())
            return b"{" + b",".join(members) + b"}"
    return _marker(value, raw, settings.value_max_bytes, settings)


def _member(key: Any, item: Any, share_bytes: int, settings: Settings) -> bytes:
    raw = _encode_whole(item)
    if len(raw) > share_bytes:
        raw = (
            _encode_whole(_cut_text(item, share_bytes // 6))
            if isinstance(item, str)
            else _marker(item, raw, share_bytes, settings)
        )
    return _encode_whole(text_of_key(key)) + b":" + raw


def _marker(value: Any, raw: bytes, max_bytes: int, settings: Settings) -> bytes:
    # Masked before it is quoted: inside the preview a key would no longer be found.
    preview = _masked(raw.decode(), settings)[: min(PREVIEW_MAX_BYTES, max_bytes // 6)]
    facts = {"type": type(value).__name__, "size_bytes": len(raw), "preview": preview}
    return _encoder.encode({TRUNCATED: facts})


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
            if isinstance(value, Mapping):
                return self._mapping(value.items(), depth)
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
