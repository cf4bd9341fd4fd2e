"""For tests of instrumented programs: the calls that were made, without any server.

pytest has the same as fixtures, ``captured_calls`` and ``deterministic_calls``.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import StatusCode

from spanloom import conventions
from spanloom._client import Client, connect, current_settings, state
from spanloom._clock import replaced_clock
from spanloom._provider import OwnIdGenerator
from spanloom._settings import Settings
from spanloom._values.encode import decode

FIRST_MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When a deterministic clock starts, unless it is told otherwise."""


@dataclasses.dataclass(frozen=True, slots=True)
class CapturedCall:
    """A finished span, op or not, read back as Spanloom records it."""

    name: str
    kind: str
    id: str
    trace_id: str
    parent_id: str | None
    inputs: Any
    """Plain data; None for a span without recorded inputs."""
    output: Any
    """Plain data; None for a span without recorded output."""
    attributes: Mapping[str, Any]
    error: str | None
    """What the failed status says; None unless it failed."""
    span: ReadableSpan

    @property
    def started_at(self) -> datetime:
        """When the call began, in UTC."""
        return _moment(self.span.start_time)

    @property
    def ended_at(self) -> datetime:
        """When the call ended, in UTC."""
        return _moment(self.span.end_time)


class CapturedCalls(list[CapturedCall]):
    """Finished calls in the order of their end, so that children come before their parents."""

    def named(self, name: str) -> list[CapturedCall]:
        """Return the calls of one op."""
        return [call for call in self if call.name == name]

    def one(self, name: str) -> CapturedCall:
        """Return the only call of an op.

        Raises:
            LookupError: there is none, or more than one.
        """
        found = self.named(name)
        if len(found) != 1:
            raise LookupError(f"{len(found)} calls of {name!r} in {[call.name for call in self]}")
        return found[0]

    def children(self, parent: CapturedCall) -> list[CapturedCall]:
        """Return the calls directly below another."""
        return [call for call in self if call.parent_id == parent.id]


class CapturingProcessor(SpanProcessor):
    """Keeps every finished span."""

    def __init__(self) -> None:
        self.calls = CapturedCalls()

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a span."""
        self.calls.append(_captured(span))


@contextmanager
def captured_calls(settings: Settings | None = None) -> Iterator[CapturedCalls]:
    """Record what runs inside into a list instead of sending it anywhere.

    Needs no ``init``; an ``init`` before it is in force again afterwards.

    Args:
        settings: such as ``Settings(value_max_bytes=1000)``; the defaults otherwise.

    Yields:
        The finished calls, growing.

    Example:
        >>> import spanloom
        >>> @spanloom.op
        ... def add(a: int, b: int) -> int:
        ...     return a + b
        >>> with captured_calls() as calls:
        ...     result = add(1, b=2)
        >>> calls.one("add").inputs, calls.one("add").output
        ({'a': 1, 'b': 2}, 3)
    """
    settings = settings or Settings(project="captured")
    processor = CapturingProcessor()
    replaced = state.client
    tracer = connect(settings, {})
    state.install(Client(settings=settings, tracer=tracer, processor=processor))
    try:
        yield processor.calls
    finally:
        if replaced is not None:
            connect(replaced.settings, replaced.attributes)
        state.install(replaced)


@contextmanager
def deterministic(start: datetime = FIRST_MOMENT, step_ms: float = 1.0) -> Iterator[None]:
    """Give calls the same ids and times in every run.

    Trace ids and span ids count up from 1, in the order in which the spans start; each look at the
    clock is ``step_ms`` after the one before, and a call takes more than one look. Times are those
    of ops; ids are those of all spans, unless the app brought a tracer provider of its own.

    Args:
        start: the first moment.
        step_ms: how far the clock goes on each time that it is read, in milliseconds.

    Example:
        >>> import spanloom
        >>> @spanloom.op
        ... def add(a: int, b: int) -> int:
        ...     return a + b
        >>> with deterministic(), captured_calls() as calls:
        ...     result = add(1, b=2)
        >>> calls.one("add").id, f"{calls.one('add').started_at:%Y-%m-%d %H:%M}"
        ('0000000000000001', '2026-01-01 00:00')
    """
    moments = itertools.count(_unix_nano(start), int(step_ms * 1e6))
    with replaced_clock(lambda: next(moments)), _counted_ids():
        yield


@contextmanager
def _counted_ids() -> Iterator[None]:
    if state.hookup is None:
        connect(current_settings(), {})
    generator = getattr(state.hookup and state.hookup.provider, "id_generator", None)
    if not isinstance(generator, OwnIdGenerator):
        yield
        return
    counts = {64: itertools.count(1), 128: itertools.count(1)}
    before, generator.draw = generator.draw, lambda bits: next(counts[bits])
    try:
        yield
    finally:
        generator.draw = before


def _unix_nano(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000


def _moment(unix_nano: int | None) -> datetime:
    return datetime.fromtimestamp((unix_nano or 0) / 1e9, UTC)


def _captured(span: ReadableSpan) -> CapturedCall:
    attributes = dict(span.attributes or {})
    context, parent = span.get_span_context(), span.parent
    failed = span.status.status_code is StatusCode.ERROR
    return CapturedCall(
        name=span.name,
        kind=str(attributes.get(conventions.OP_KIND, "span")),
        id=f"{context.span_id:016x}" if context else "",
        trace_id=f"{context.trace_id:032x}" if context else "",
        parent_id=f"{parent.span_id:016x}" if parent else None,
        inputs=_payload(attributes.get(conventions.INPUT_VALUE)),
        output=_payload(attributes.get(conventions.OUTPUT_VALUE)),
        attributes=attributes,
        error=(span.status.description or "") if failed else None,
        span=span,
    )


def _payload(value: object) -> Any:
    if not isinstance(value, str):
        return None
    try:
        return decode(value)
    except ValueError:
        return value
