"""Random spans from a seed: every form of value in every place, many spans in little time."""

import random
from collections.abc import Callable
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanloom_collector.pipeline import dialects
from tests.support.otlp import attributes, span

_RULES = (dialects.TEXT_RULES, dialects.PAYLOAD_RULES, dialects.COUNT_RULES)
_KNOWN_KEYS = [
    *(key for table in _RULES for keys in table.values() for key in keys),
    *dialects.KIND_RULES,
]
_KNOWN_TEXTS = [
    *(value for kinds in dialects.KIND_RULES.values() for value in kinds),
    "", "12", "-3", "1.5", "007", " 1", "9" * 18, "9" * 19, "é\n'\"\\", "\0", "{}",
]  # fmt: skip
_INTS = (0, 1, -1, 42, 2**53 + 1, 2**63 - 1, -(2**63))
_FLOATS = (0.0, -0.0, 0.1, 1.0, -2.5, 1e300, 5e-324, float("inf"), float("-inf"), float("nan"))


class RandomSpans:
    """Makes spans; the same seed makes the same ones but for their ids."""

    def __init__(self, seed: int, start_unix_nano: int) -> None:
        self._random = random.Random(seed)
        self._start_unix_nano = start_unix_nano

    def span(self) -> Span:
        """One span."""
        pick = self._random
        made = span(
            self._text(),
            attrs=self._attributes(),
            kind=pick.randrange(6),
            flags=pick.choice((0, 1, 2**32 - 1)),
            trace_state=self._text(),
            parent_span_id=pick.choice((b"", pick.randbytes(8))),
            start_time_unix_nano=pick.choice((0, 1, 2**63 - 1, self._time())),
            end_time_unix_nano=pick.choice((0, 2**63 - 1, self._time())),
            dropped_attributes_count=pick.choice((0, 2**32 - 1)),
            status={"code": pick.randrange(3), "message": self._text()},
        )
        for _ in range(pick.choice((0, 0, 1, 2))):
            self._add_event(made)
            self._add_link(made)
        return made

    def _add_event(self, made: Span) -> None:
        made.events.add(
            name=self._text(),
            time_unix_nano=self._random.choice((0, 2**64 - 1, self._time())),
            attributes=attributes(self._attributes()),
            dropped_attributes_count=self._random.randrange(3),
        )

    def _add_link(self, made: Span) -> None:
        made.links.add(
            trace_id=self._random.randbytes(self._random.choice((0, 8, 16))),
            span_id=self._random.randbytes(8),
            trace_state=self._text(),
            flags=self._random.randrange(2**32),
            attributes=attributes(self._attributes()),
        )

    def _time(self) -> int:
        return self._start_unix_nano + self._random.randrange(10**12)

    def _attributes(self) -> dict[str, Any]:
        return {self._key(): self._value(depth=0) for _ in range(self._random.randrange(7))}

    def _key(self) -> str:
        return self._random.choice(_KNOWN_KEYS) if self._random.random() < 0.6 else self._text()

    def _text(self) -> str:
        if self._random.random() < 0.5:
            return self._random.choice(_KNOWN_TEXTS)
        points = (self._random.choice((97, 0x20, 0xE9, 0x1F600, 0x22)) for _ in range(6))
        return "".join(map(chr, points))

    def _value(self, depth: int) -> Any:
        makers: list[Callable[[], Any]] = [
            self._text,
            lambda: self._random.choice(_INTS),
            lambda: self._random.choice(_FLOATS),
            lambda: self._random.random() < 0.5,
            lambda: self._random.randbytes(self._random.randrange(5)),
            lambda: None,
        ]
        if depth < 4:
            makers += [
                lambda: [self._value(depth + 1) for _ in range(self._random.randrange(3))],
                lambda: {self._text(): self._value(depth + 1) for _ in range(2)},
            ]
        return self._random.choice(makers)()
