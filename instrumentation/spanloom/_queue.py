"""Finished spans that wait for the delivery thread."""

import sys
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan

from spanloom._settings import Settings

SPAN_BYTES: Final = 3000
"""What a queued span of the SDK weighs, with short attributes, as measured."""

LIGHT_SPAN_BYTES: Final = 700
"""The same of a light span, which knows its ``span_id`` and makes all else when it is asked."""

_SHORT_CHARS: Final = 64


class Batch(NamedTuple):
    """Spans taken from the queue together."""

    spans: list[ReadableSpan]
    size_bytes: int


class SpanQueue:
    """Finished spans in order, bounded by bytes; the caller locks."""

    def __init__(self, settings: Settings) -> None:
        self._max_bytes = settings.queue_max_bytes
        self._batch_max_spans = settings.batch_max_spans
        self._batch_max_bytes = settings.batch_max_bytes
        self._spans: deque[tuple[ReadableSpan, int]] = deque()
        self.size_bytes = 0
        self.held_bytes = 0
        """What has been taken out but still takes up memory."""

    def __len__(self) -> int:
        return len(self._spans)

    def has_room(self, size_bytes: int) -> bool:
        """Whether a span of this size may be added."""
        return self.size_bytes + self.held_bytes + size_bytes <= self._max_bytes

    def put(self, span: ReadableSpan, size_bytes: int) -> bool:
        """Append a span; True when it is the one that fills a batch."""
        self._spans.append((span, size_bytes))
        before_bytes = self.size_bytes
        self.size_bytes = after_bytes = before_bytes + size_bytes
        if len(self._spans) == self._batch_max_spans:
            return True
        return before_bytes < self._batch_max_bytes <= after_bytes

    def fills_a_batch(self) -> bool:
        """Whether waiting longer would not make the next request any larger."""
        return len(self._spans) >= self._batch_max_spans or self.size_bytes >= self._batch_max_bytes

    def take(self) -> Batch:
        """Remove and return the oldest spans, at least one if there is any."""
        spans: list[ReadableSpan] = []
        taken_bytes = 0
        while self._spans and len(spans) < self._batch_max_spans:
            span, size_bytes = self._spans[0]
            if spans and taken_bytes + size_bytes > self._batch_max_bytes:
                break
            self._spans.popleft()
            spans.append(span)
            taken_bytes += size_bytes
        self.size_bytes -= taken_bytes
        return Batch(spans, taken_bytes)


def weigh(span: ReadableSpan) -> int:
    """Roughly how much memory a span takes up, in bytes."""
    is_light = hasattr(span, "span_id")
    size_bytes = LIGHT_SPAN_BYTES if is_light else SPAN_BYTES
    attributes: Any = span.attributes or {}
    # The SDK's attributes take a lock and a copy for every look at them, unless they are copied.
    for value in (attributes if is_light else attributes.copy()).values():
        if type(value) is not str:
            size_bytes += _weigh_value(value)
        elif len(value) > _SHORT_CHARS:
            size_bytes += sys.getsizeof(value)
    for event in span.events:
        for value in (event.attributes or {}).values():
            size_bytes += _weigh_value(value)
    return size_bytes


def _weigh_value(value: object) -> int:
    """What a value adds to a span's usual weight."""
    if isinstance(value, str | bytes):
        return sys.getsizeof(value) if len(value) > _SHORT_CHARS else 0
    if isinstance(value, Mapping):
        return sum(_SHORT_CHARS + _weigh_value(item) for item in value.values())
    if isinstance(value, Sequence):
        return sum(_SHORT_CHARS + _weigh_value(item) for item in value)
    return 0
