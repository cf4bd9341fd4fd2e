"""What surrounds running code, all of it in OpenTelemetry's context: span, call, attributes.

Whatever carries that context elsewhere (a task, a thread pool, another library's instrumentation)
carries the current call and its inherited attributes with it.
"""

import os
from collections.abc import Mapping, Sequence
from contextvars import Token
from typing import Any, Final, Protocol

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.util.types import AttributeValue

from spanloom import conventions

Attributes = Mapping[str, AttributeValue]


class Variable(Protocol):
    """What a ``ContextVar[Context]`` is asked to do here."""

    def get(self) -> Context:
        """Return the current context."""
        ...

    def set(self, value: Context, /) -> Token[Context]:
        """Make a context the current one."""
        ...

    def reset(self, token: Token[Context], /) -> None:
        """Make the context before that one current again."""
        ...


class ForeignVariable:
    """The same through OpenTelemetry's functions, for a runtime context of the app's own."""

    get = staticmethod(otel_context.get_current)
    set = staticmethod(otel_context.attach)
    reset = staticmethod(otel_context.detach)


def variable_behind(token: object) -> Variable:
    """Return what holds OpenTelemetry's current context, as the token of an attachment tells."""
    return token.var if isinstance(token, Token) else ForeignVariable()


def _attached_once() -> object:
    token = otel_context.attach(otel_context.get_current())
    otel_context.detach(token)
    return token


variable: Final = variable_behind(_attached_once())
"""OpenTelemetry's own variable: attaching through it costs a third, and leaving a context from
elsewhere is an exception here instead of a line in the app's log."""

SPAN_KEY: Final = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, Context())))
"""Where OpenTelemetry keeps the current span in a context."""

CALL_KEY: Final = otel_context.create_key("spanloom-call")
"""Where the innermost call is."""

ATTRIBUTES_KEY: Final = otel_context.create_key("spanloom-attributes")
"""Where the attributes are that every span started in this context gets."""


def extended(context: Context, additions: Mapping[str, object]) -> Context:
    """Return a context with more in it."""
    return Context({**context, **additions})


def leave(token: Token[Context]) -> None:
    """Make the context before an attached one current again, unless this code runs elsewhere."""
    try:  # noqa: SIM105  # suppress() would cost as much as all of this
        variable.reset(token)
    except ValueError:
        pass  # closed from another context, by the garbage collector: nothing to restore there


def inherited_attributes(context: Context | None = None) -> Attributes | None:
    """Return the attributes that spans started in a context get."""
    found: Any = (variable.get() if context is None else context).get(ATTRIBUTES_KEY)
    return found or None


def merged(outer: Attributes | None, inner: Attributes) -> Attributes:
    """Return both, the inner one winning, but the tags of both."""
    if not outer:
        return inner
    both = {**outer, **inner}
    tags, more_tags = outer.get(conventions.TAGS), inner.get(conventions.TAGS)
    if tags and more_tags:
        both[conventions.TAGS] = joined_tags(tags, more_tags)
    return both


def joined_tags(tags: Any, more_tags: Any) -> Sequence[str]:
    """Return the tags of two lists, each once, in order."""
    return list(dict.fromkeys([*tags, *more_tags]))


class UnsampledSpan(NonRecordingSpan):
    """The root of a trace that is not recorded; its ids are made when somebody asks for them."""

    _made: SpanContext | None = None

    def __init__(self) -> None:
        """Make nothing yet."""

    def get_span_context(self) -> SpanContext:
        """Return a context that tells those below not to record either."""
        if self._made is None:
            self._made = SpanContext(
                int.from_bytes(os.urandom(16)) or 1,
                int.from_bytes(os.urandom(8)) or 1,
                is_remote=False,
                trace_flags=TraceFlags(TraceFlags.DEFAULT),
            )
        return self._made

    def __repr__(self) -> str:
        return "UnsampledSpan()"
