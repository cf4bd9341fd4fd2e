"""Finished spans that wait for the delivery thread."""

import sys
from collections import deque
from typing import Final, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan

from spanloom._settings import Settings

SPAN_OVERHEAD_BYTES: Final = 3000
"""What a queued span weighs besides its attribute values, as measured with the SDK's own spans."""


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
        was_full = self.fills_a_batch()
        self._spans.append((span, size_bytes))
        self.size_bytes += size_bytes
        return not was_full and self.fills_a_batch()

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
    """Roughly how much memory a span takes up, in bytes; it MAY know its ``size_bytes`` itself."""
    known_bytes = getattr(span, "size_bytes", None)
    if known_bytes is not None:
        return int(known_bytes)
    size_bytes = SPAN_OVERHEAD_BYTES
    for value in span.attributes.copy().values() if span.attributes else ():  # type: ignore[attr-defined]
        size_bytes += sys.getsizeof(value)
    for event in span.events:
        for value in (event.attributes or {}).values():
            size_bytes += sys.getsizeof(value)
    return size_bytes
