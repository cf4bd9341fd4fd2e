"""What a generator has yielded, folded or kept as far as there is room."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from spanloom._settings import Settings
from spanloom._tracing.call import NOTHING, Call, note_usage
from spanloom._tracing.spec import guarded
from spanloom._values.encode import encode

TEXT_MAX_CHARS: Final = 10_000
"""Longer texts are encoded at once, so that what is too long is cut before it piles up."""

_SMALL: Final = frozenset({int, float, bool, type(None)})
_SMALL_BYTES: Final = 8


class Yields:
    """The output of a generator so far.

    Texts and numbers cannot change and are kept as they are; anything else is encoded when it
    comes by, so that no item is kept alive. With an accumulator its latest result is the output.
    """

    def __init__(self, call: Call, settings: Settings) -> None:
        options = call._spec.options
        self._call = call
        self._settings = settings
        self._accumulate = options.accumulator
        self._accumulated: Any = None
        self._is_recorded = call._client is not None and call._spec.captures_output
        self._keeps_items = self._is_recorded and options.postprocess_output is None
        self._items: list[Any] = []
        self._room_bytes = settings.value_max_bytes // 2
        self._left_out_count = 0

    def taker(self) -> Callable[[Any], None]:
        """Return what takes an item in."""
        if self._accumulate is not None:
            return self._fold
        return self._keep if self._keeps_items else self._watch

    def output(self) -> object:
        """Return what to record as the output."""
        if not self._is_recorded:
            return NOTHING
        if self._accumulate is not None:
            return self._accumulated
        if not self._keeps_items:
            return None
        if self._left_out_count:
            self._items.append(f"… [truncated, {self._left_out_count} more items]")
            self._left_out_count = 0
        return self._items

    def _keep(self, item: Any) -> None:
        kind = type(item)
        if self._room_bytes <= 0:
            self._left_out_count += 1
        elif kind in _SMALL:
            self._room_bytes -= _SMALL_BYTES
            self._items.append(item)
        elif kind is str and len(item) < TEXT_MAX_CHARS:
            self._room_bytes -= len(item) + 3
            self._items.append(item)
        else:
            text = encode(item, self._settings)
            self._room_bytes -= len(text) + 1
            self._items.append(msgspec.Raw(text.encode()))
            note_usage(self._call, item)

    def _watch(self, item: Any) -> None:
        if type(item) not in _SMALL and type(item) is not str:
            note_usage(self._call, item)

    def _fold(self, item: Any) -> None:
        if not self._is_recorded:
            return
        accumulate, before = self._accumulate, self._accumulated
        assert accumulate is not None

        def folded(_: object) -> Any:
            return accumulate(before, item)

        folded.__name__ = getattr(accumulate, "__name__", "accumulator")
        self._accumulated = guarded(folded, item)
