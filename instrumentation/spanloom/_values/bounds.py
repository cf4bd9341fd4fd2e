"""How large a value is, roughly and fast, and a smaller one to record in its place."""

from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from spanloom._values import media
from spanloom._values.describe import describe, fields_of, text_of_key

TRUNCATED: Final = "$truncated"
"""Key of the object that stands for a cut value. Below it are ``type``, ``length`` (of items, keys
or bytes), ``size_bytes`` as JSON, or ``estimated_bytes`` where that was never found out, and
``preview``, the value's beginning."""

PREVIEW_MAX_BYTES: Final = 16 << 10
MAX_DEPTH: Final = 40
_SAMPLE_NODES: Final = 200
_SAMPLE_WIDTH: Final = 16
_ROOT_WIDTH: Final = 64
_MIN_SHARE_BYTES: Final = 512
_ARGUMENTS_MAX_COUNT: Final = 20
_SMALL_MAX_NODES: Final = 60
_SMALL_MAX_CHARS: Final = 10_000
_SCALARS: Final = frozenset({int, float, bool, type(None)})
_SEQUENCES: Final = (list, tuple, set, frozenset, deque)


def is_small(value: Any) -> bool:
    """Whether a value is evidently small: the usual case, found out at almost no cost."""
    kind = type(value)
    if kind is dict or kind is list or kind is tuple:
        return _room_left(value, _SMALL_MAX_NODES - len(value)) >= 0
    return kind in _SCALARS or not _is_long(value, kind)


def _room_left(container: Any, room: int) -> int:
    if room < 0:
        return room
    for item in container.values() if type(container) is dict else container:
        kind = type(item)
        if kind is str:  # the usual ones first: this runs in every call of an op
            if len(item) > _SMALL_MAX_CHARS:
                return -1
        elif kind in _SCALARS:
            continue
        elif kind is dict or kind is list or kind is tuple:
            room = _room_left(item, room - len(item))
            if room < 0:
                return room
        elif _is_long(item, kind):
            return -1
    return room


def _is_long(value: Any, kind: type) -> bool:
    if kind is str or kind is bytes or kind is bytearray:
        return len(value) > _SMALL_MAX_CHARS
    return kind in _SEQUENCES and len(value) > _SMALL_MAX_NODES


def estimated_bytes(value: Any) -> int:
    """Return about how long a value's JSON is, from a sample of at most some hundred parts."""
    total = 0.0
    waiting: deque[tuple[Any, float]] = deque([(value, 1.0)])
    for count in range(_SAMPLE_NODES):
        if not waiting:
            break
        item, weight = waiting.popleft()
        kind = type(item)
        if kind is str or kind is bytes or kind is bytearray:
            total += weight * len(item)
        elif kind is dict or kind in _SEQUENCES:
            total += weight * len(item) * (12 if kind is dict else 1)
            sample = _sample(item, _SAMPLE_WIDTH if count else _ROOT_WIDTH)
            if sample:
                weight *= len(item) / len(sample)
                waiting.extend((part, weight) for part in sample)
        else:
            total += weight * 8
    return int(total + sum(weight * 8 for _, weight in waiting))


def _sample(container: Any, width: int) -> list[Any]:
    if isinstance(container, dict):
        return list(islice(container.values(), width))
    if isinstance(container, list | tuple):
        return list(container[:: max(1, len(container) // width)][:width])
    return list(islice(container, width))


class Part(NamedTuple):
    """What is recorded of a value, and about how many bytes that takes."""

    plain: Any
    size_bytes: int


def cut(value: Any, max_bytes: int, size_bytes: int | None = None) -> Any:
    """Return the beginning of a value, every cut in it marked, of about ``max_bytes`` as JSON.

    Args:
        value: anything; only as much of it is looked at as is kept.
        max_bytes: texts share this among them; what is nested gets PREVIEW_MAX_BYTES of it.
        size_bytes: how long its JSON is, if that is known.
    """
    if type(value) is dict and 0 < len(value) <= _ARGUMENTS_MAX_COUNT:
        return _cut_members(value, max_bytes)
    return _part(value, max_bytes, 0, size_bytes).plain


def bare_marker(value: Any, size_bytes: int) -> dict[str, Any]:
    """Return what stands for a value of which nothing at all could be kept."""
    return {TRUNCATED: {"type": type(value).__name__, "size_bytes": size_bytes}}


def cut_text(text: str, max_chars: int) -> str:
    """Return the beginning of a text and how long it is in full."""
    return f"{text[:max_chars]}… [truncated, {len(text)} characters in full]"


def _cut_members(members: dict[Any, Any], max_bytes: int) -> dict[str, Any]:
    # An op's arguments stay apart, so that a large one does not hide the others.
    left_bytes = max_bytes
    kept: dict[str, Any] = {}
    by_size = sorted(members.items(), key=lambda member: estimated_bytes(member[1]))
    for index, (key, item) in enumerate(by_size):
        part = _part(item, max(0, left_bytes) // (len(members) - index), 1, None, len(members))
        left_bytes -= part.size_bytes + len(text_of_key(key)) + 4
        kept[text_of_key(key)] = part.plain
    return {name: kept[name] for name in map(text_of_key, members)}


def _part(
    value: Any, max_bytes: int, depth: int, size_bytes: int | None = None, sharers: int = 1
) -> Part:
    if value is None or isinstance(value, bool | int | float):
        return Part(value, 8)
    if isinstance(value, str):
        return _text_part(value, max_bytes)
    if isinstance(value, bytes | bytearray):
        return _binary_part(value, max_bytes)
    if type(value) is msgspec.Raw:
        value = msgspec.json.decode(value)
    if depth >= MAX_DEPTH:
        return Part(f"<{type(value).__name__}, nested deeper than {MAX_DEPTH}>", 40)
    max_bytes = min(max_bytes, PREVIEW_MAX_BYTES // sharers)
    try:
        return _container_part(value, max_bytes, depth, size_bytes)
    except Exception as error:  # noqa: BLE001  # the app's own code, or another of its threads
        return Part(f"<{type(value).__name__}: {type(error).__name__} when recorded>", 80)


def _text_part(text: str, max_bytes: int) -> Part:
    if len(text) <= max_bytes:
        return Part(text, len(text) + 2)
    if (
        len(text) > media.TEXT_MIN_CHARS
        and max_bytes > 2 * media.PREVIEW_CHARS
        and media.has_outbox()
    ):
        return Part(media.text_apart(text), media.PREVIEW_CHARS + 200)
    return Part(cut_text(text, max_bytes), max_bytes)


def _binary_part(content: bytes | bytearray, max_bytes: int) -> Part:
    if len(content) > media.BYTES_MIN_COUNT and media.has_outbox():
        return Part(media.bytes_apart(content), 200)
    if len(content) * 4 // 3 <= max_bytes:
        return Part(content, len(content) * 4 // 3)
    facts = {"type": type(content).__name__, "length": len(content)}
    return Part({TRUNCATED: facts}, 60)


def _container_part(value: Any, max_bytes: int, depth: int, size_bytes: int | None) -> Part:
    fields = fields_of(value)
    if fields is not None:
        return _mapping_part(value, fields, max_bytes, depth, size_bytes)
    if isinstance(value, _SEQUENCES):
        return _sequence_part(value, max_bytes, depth, size_bytes)
    return _part(describe(value), max_bytes, depth + 1, size_bytes)


def _mapping_part(
    value: Any, fields: Mapping[Any, Any], max_bytes: int, depth: int, size_bytes: int | None
) -> Part:
    kept: dict[str, Any] = {}
    left_bytes = max_bytes
    for index, (key, item) in enumerate(fields.items()):
        if left_bytes <= 0:
            return _marked(value, len(fields), kept, max_bytes, size_bytes)
        name = (
            cut_text(text_of_key(key), 1000) if len(text_of_key(key)) > 1100 else text_of_key(key)
        )
        part = _part(item, _share(left_bytes, len(fields) - index), depth + 1)
        left_bytes -= part.size_bytes + len(name) + 4
        kept[name] = part.plain
    return Part(kept, max_bytes - left_bytes)


def _sequence_part(value: Any, max_bytes: int, depth: int, size_bytes: int | None) -> Part:
    kept: list[Any] = []
    left_bytes = max_bytes
    for index, item in enumerate(value):
        if left_bytes <= 0:
            return _marked(value, len(value), kept, max_bytes, size_bytes)
        part = _part(item, _share(left_bytes, len(value) - index), depth + 1)
        left_bytes -= part.size_bytes + 1
        kept.append(part.plain)
    return Part(kept, max_bytes - left_bytes)


def _share(left_bytes: int, sharer_count: int) -> int:
    return max(left_bytes // max(1, sharer_count), min(left_bytes, _MIN_SHARE_BYTES))


def _marked(value: Any, length: int, preview: Any, used_bytes: int, size_bytes: int | None) -> Part:
    size = {"size_bytes": size_bytes} if size_bytes else {"estimated_bytes": estimated_bytes(value)}
    facts = {"type": type(value).__name__, "length": length, **size, "preview": preview}
    return Part({TRUNCATED: facts}, used_bytes + 80)
