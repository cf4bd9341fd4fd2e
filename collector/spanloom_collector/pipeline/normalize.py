"""Interpret the rules over one span's attributes."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from spanloom_collector.pipeline import dialects
from spanloom_collector.storage.attributes import TypedAttributes

_DEFAULT_KIND = "span"
_MAX_COUNT = 9.2e18
_DIGITS = re.compile(r"[0-9]{1,18}")


class Payload(NamedTuple):
    """A payload's exact text and the attribute it was moved out of ("" when there is none)."""

    text: str
    key: str


def first_text(strings: Mapping[str, str], rules: tuple[str, ...]) -> str:
    """The first non-empty text among the keys, or ""."""
    return next((value for key in rules if (value := strings.get(key))), "")


def first_count(attributes: TypedAttributes, rules: tuple[str, ...]) -> int | None:
    """The first whole, non-negative number among the keys, whatever its type."""
    counts = (_count(attributes, key) for key in rules)
    return next((count for count in counts if count is not None), None)


def taken_payload(attributes: TypedAttributes, rules: tuple[str, ...]) -> Payload:
    """Move the first non-empty payload out of the attributes."""
    for key in rules:
        if attributes.strings.get(key):
            return Payload(attributes.strings.pop(key), key)
    return Payload("", "")


def kind_of(strings: Mapping[str, str], has_model: bool) -> str:
    """What the call is for; a span that names a model and nothing else is taken for a model call."""
    for key, kinds in dialects.KIND_RULES.items():
        kind = kinds.get(strings.get(key, ""))
        if kind is not None:
            return kind
    return "llm" if has_model else _DEFAULT_KIND


def _count(attributes: TypedAttributes, key: str) -> int | None:
    if key in attributes.ints:
        count = attributes.ints[key]
        return count if count >= 0 else None
    if key in attributes.floats:
        number = attributes.floats[key]
        return int(number) if 0 <= number < _MAX_COUNT else None
    digits = attributes.strings.get(key, "")
    return int(digits) if _DIGITS.fullmatch(digits) else None
