"""Keyset paging: where a page ended, as an opaque text."""

import base64
import binascii
from typing import NamedTuple

import orjson


class CursorError(ValueError):
    """A cursor that this server did not make, or made for another order."""


class Cursor(NamedTuple):
    """The sort value and the id of a page's last row."""

    value: int | str
    id: str


def encoded(cursor: Cursor) -> str:
    """The text that stands in a URL."""
    return base64.urlsafe_b64encode(orjson.dumps(list(cursor))).decode().rstrip("=")


def decoded(text: str | None, value_type: type[int] | type[str]) -> Cursor | None:
    """The cursor, or None for the first page.

    Raises:
        CursorError: it is no cursor of a list in this order.
    """
    if not text:
        return None
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        value, id_ = parts
    except (binascii.Error, ValueError, TypeError):
        raise CursorError("the cursor is damaged: pass next_cursor as it was returned") from None
    if type(value) is not value_type or type(id_) is not str:
        raise CursorError("the cursor belongs to a list in another order: start without one")
    return Cursor(value, id_)
