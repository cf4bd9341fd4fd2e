"""Values written in a filter, as bound parameters take them."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from spanloom_query.filters.errors import FilterError
from spanloom_query.filters.tree import Boolean, Literal, Number, Text

_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<clock>\d\d:\d\d(?::\d\d)?)(?:\.(?P<fraction>\d{1,9}))?"
    r"(?P<zone>[Zz]|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = 1900, 2261  # what nanoseconds in 64 bits can tell


class BoundType(NamedTuple):
    """A value and the ClickHouse type under which it is bound."""

    value: Any
    type: str


def bound_number(value: float) -> BoundType:
    """Whole numbers keep all their digits."""
    if isinstance(value, float):
        return BoundType(value, "Float64")
    return BoundType(value, "Int64" if value < 2**63 else "UInt64")


def bound_list(literals: Sequence[Literal]) -> BoundType:
    """Bind the members of an IN list, all of one kind.

    Raises:
        FilterError: A member of another kind than the first, or null.
    """
    kinds = (Text, Number, Boolean)
    kind = next((kind for kind in kinds if isinstance(literals[0], kind)), None)
    values: list[Any] = []
    for literal in literals:
        if not isinstance(literal, kinds):
            raise FilterError("A list holds no null; write: OR x IS NULL.", literal.span)
        if kind is None or not isinstance(literal, kind):
            raise FilterError("All members of a list are of one type.", literal.span)
        values.append(literal.value)
    if kind is not Number:
        return BoundType(values, "Array(String)" if kind is Text else "Array(Bool)")
    return _bound_numbers(values)


def _bound_numbers(values: list[int | float]) -> BoundType:
    if any(isinstance(value, float) for value in values):
        return BoundType([float(value) for value in values], "Array(Float64)")
    fits = all(value < 2**63 for value in values)
    return BoundType(values, "Array(Int64)" if fits else "Array(Int128)")


def unix_nanoseconds(text: Text) -> int:
    """Read a time such as `2026-11-23`, `2026-11-23 10:30` or `2026-11-23T10:30:00.25+09:00`.

    Returns:
        Nanoseconds since 1970; a time without a zone is UTC.

    Raises:
        FilterError: The text is no time.
    """
    found = _TIME.fullmatch(text.value)
    remedy = "Write a time as '2026-11-23' or '2026-11-23T10:30:00Z'."
    if found is None:
        raise FilterError(f"'{text.value}' is no time. {remedy}", text.span)
    zone = (found["zone"] or "Z").upper()
    try:
        moment = datetime.fromisoformat(f"{found['date']}T{found['clock'] or '00:00'}{zone}")
    except ValueError as error:
        message = f"There is no such time: {error}. {remedy}"
        raise FilterError(message, text.span) from error
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        message = f"Times reach from {_FIRST_YEAR} to {_LAST_YEAR}."
        raise FilterError(message, text.span)
    whole_seconds = (moment - _EPOCH) // timedelta(seconds=1)
    return whole_seconds * 10**9 + int((found["fraction"] or "").ljust(9, "0"))
