"""The OpenTelemetry tracer provider: made, or joined when the app has one."""

import os
import random
import sys
import weakref
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, Final, NamedTuple, Protocol

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import (
    ReadableSpan,
    Span,
    SpanLimits,
    SpanProcessor,
    Tracer,
    TracerProvider,
)
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import DEFAULT_ON
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.util.types import AttributeValue

from spanloom import conventions
from spanloom._settings import Settings
from spanloom._spans import MAX_COUNT, OpSpan
from spanloom._surroundings import SPAN_KEY, inherited_attributes, joined_tags, merged
from spanloom._version import __version__
from spanloom._voice import logger

Attributes = Mapping[str, AttributeValue]

_UNNEEDED: Final = (conventions.INPUT_MIME_TYPE, conventions.OUTPUT_MIME_TYPE)
"""Left out where every attribute costs a twentieth of a span: JSON is what values are anyway."""

_ROOT_FLAGS: Final = TraceFlags(TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID)


class Relay(SpanProcessor):
    """The one processor that a provider gets; it stands before whatever exporter is current.

    A provider's processors cannot be taken away again, so the target changes instead. Spans of
    every library get the attributes of their surroundings.
    """

    def __init__(self, surroundings: Callable[[], Attributes | None]) -> None:
        self._surroundings = surroundings
        self.target: SpanProcessor | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Put the surroundings' attributes on the span, and hand it on; a fault stays here."""
        if self.target is None:
            return
        try:
            attributes = self._surroundings()
            if attributes:
                span.set_attributes(_with_own_tags(span, attributes))
            self.target.on_start(span, parent_context)
        except Exception:  # noqa: BLE001  # spans of any library come by here
            logger.debug("the start of a span was missed", exc_info=True)

    def on_end(self, span: ReadableSpan) -> None:
        """Hand the span on; a fault stays here."""
        if self.target is not None:
            try:
                self.target.on_end(span)
            except Exception:  # noqa: BLE001  # spans of any library come by here
                logger.debug("a span was lost", exc_info=True)

    def shutdown(self) -> None:
        """Shut the current target down."""
        if self.target is not None:
            self.target.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the current target."""
        return self.target is None or self.target.force_flush(timeout_millis)


def _with_own_tags(span: Span, attributes: Attributes) -> Attributes:
    tags, own_tags = attributes.get(conventions.TAGS), (span.attributes or {}).get(conventions.TAGS)
    if not tags or not own_tags:
        return attributes
    return {**attributes, conventions.TAGS: joined_tags(own_tags, tags)}


class OwnIdGenerator(IdGenerator):
    """Random ids that ``random.seed`` in the app cannot make repeat themselves.

    Attributes:
        draw: gets a number of bits, returns a whole number; a test may put another in its place.
    """

    def __init__(self) -> None:
        own = random.Random()
        self.draw: Callable[[int], int] = own.getrandbits
        if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows cannot fork
            os.register_at_fork(after_in_child=own.seed)

    def generate_span_id(self) -> int:
        """64 random bits, never 0."""
        return self.draw(64) or self.generate_span_id()

    def generate_trace_id(self) -> int:
        """128 random bits, never 0."""
        return self.draw(128) or self.generate_trace_id()

    def is_trace_id_random(self) -> bool:
        """Whether the ids are random in the sense of W3C Trace Context, level 2."""
        return True


class Provider(TracerProvider):
    """The provider that Spanloom makes; its resource follows the settings.

    Attributes:
        is_plain: whether ops may have light spans: sampler and limits are the default ones, and
            there is no processor that could expect more of a span than its public side.
    """

    def __init__(self) -> None:
        super().__init__(shutdown_on_exit=False, id_generator=OwnIdGenerator())
        self._issued: weakref.WeakSet[Tracer] = weakref.WeakSet()
        self._processor_count = 0
        self._has_defaults = self.sampler is DEFAULT_ON and _are_default(SpanLimits())
        self.is_plain = self._has_defaults

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Register a processor; beside the relay, any means that ops get the SDK's own spans."""
        super().add_span_processor(span_processor)
        self._processor_count += not isinstance(span_processor, Relay)
        self.is_plain = self._has_defaults and not self._processor_count

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        """Return a tracer, and remember it."""
        tracer = super().get_tracer(*args, **kwargs)
        if isinstance(tracer, Tracer):
            self._issued.add(tracer)
        return tracer

    def describe(self, resource: Resource) -> None:
        """Give all spans from now on, of whichever tracer, another resource."""
        self._resource = resource
        for tracer in list(self._issued):
            tracer.resource = resource


class OpTracer(Protocol):
    """Starts the spans of ops."""

    def start(
        self, name: str, attributes: dict[str, AttributeValue], context: Context, started_ns: int
    ) -> trace.Span:
        """Return a started span, the child of the context's one. The dict becomes the span's."""
        ...

    def finish(
        self, span: trace.Span, attributes: dict[str, AttributeValue], ended_ns: int
    ) -> None:
        """Add to a recording span and end it."""
        ...


class PublicTracer:
    """Starts spans as anybody would, of whatever provider the app has."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def start(
        self, name: str, attributes: dict[str, AttributeValue], context: Context, started_ns: int
    ) -> trace.Span:
        """Return a started span, with what the relay adds to it."""
        for key in _UNNEEDED:
            attributes.pop(key, None)
        return self._tracer.start_span(name, context, attributes=attributes, start_time=started_ns)

    def finish(
        self, span: trace.Span, attributes: dict[str, AttributeValue], ended_ns: int
    ) -> None:
        """Add to a recording span and end it."""
        if len(attributes) == 1:
            # Most often the output alone: a third of what set_attributes() takes for it.
            span.set_attribute(*attributes.popitem())
        elif attributes:
            span.set_attributes(attributes)
        span.end(ended_ns)


class LightTracer:
    """Starts light spans of Spanloom's own provider, as long as that works as it was made."""

    def __init__(
        self, provider: Provider, relay: Relay, tracer: Tracer, scope: InstrumentationScope
    ) -> None:
        self._provider = provider
        self._relay = relay
        self._tracer = tracer
        self._ids = provider.id_generator
        self._scope = scope
        self._public = PublicTracer(tracer)

    def start(
        self, name: str, attributes: dict[str, AttributeValue], context: Context, started_ns: int
    ) -> trace.Span:
        """Return a started span, with the attributes that the context has for it."""
        if not self._provider.is_plain:
            return self._public.start(name, attributes, context, started_ns)
        parent: Any = context.get(SPAN_KEY)
        parent_context: SpanContext | None = None
        trace_id, flags = 0, _ROOT_FLAGS
        if parent is not None:
            parent_context = parent.get_span_context()
            trace_id, flags = parent_context.trace_id, parent_context.trace_flags
            if not parent_context.is_valid:
                parent_context, trace_id, flags = None, 0, _ROOT_FLAGS
            elif not flags & TraceFlags.SAMPLED:
                return self._unsampled(parent_context)
        inherited = inherited_attributes(context)
        span = OpSpan(
            name,
            trace_id or self._ids.generate_trace_id(),
            self._ids.generate_span_id(),
            flags,
            parent_context,
            dict(merged(attributes, inherited)) if inherited else attributes,
            started_ns,
            self._tracer.resource,
            self._scope,
            self._relay,
        )
        target = self._relay.target
        if target is not None:
            target.on_start(span, context)  # type: ignore[arg-type]
        return span

    def finish(
        self, span: trace.Span, attributes: dict[str, AttributeValue], ended_ns: int
    ) -> None:
        """Add to a recording span and end it."""
        if type(span) is OpSpan:
            span.put(attributes)
            span.end(ended_ns)
        else:
            self._public.finish(span, attributes, ended_ns)

    def _unsampled(self, parent: SpanContext) -> trace.Span:
        flags, state = parent.trace_flags, parent.trace_state
        span_id = self._ids.generate_span_id()
        return NonRecordingSpan(SpanContext(parent.trace_id, span_id, False, flags, state))


class Hookup(NamedTuple):
    """Where ops get their spans from."""

    provider: trace.TracerProvider
    relay: Relay
    is_own: bool

    def op_tracer(self) -> OpTracer:
        """Return what starts the spans of ops."""
        scope = (conventions.SCOPE_NAME, __version__, conventions.SCHEMA_URL)
        tracer = self.provider.get_tracer(*scope)
        if isinstance(self.provider, Provider) and isinstance(tracer, Tracer):
            return LightTracer(self.provider, self.relay, tracer, InstrumentationScope(*scope))
        return PublicTracer(tracer)


def hook_up(surroundings: Callable[[], Attributes | None]) -> Hookup:
    """Join the app's tracer provider; make one, for the whole process, when there is none."""
    relay = Relay(surroundings)
    present = trace.get_tracer_provider()
    if isinstance(present, TracerProvider):
        present.add_span_processor(relay)
        return Hookup(present, relay, is_own=False)
    own = Provider()
    own.add_span_processor(relay)
    if isinstance(present, trace.ProxyTracerProvider):
        trace.set_tracer_provider(own)
    return Hookup(own, relay, is_own=True)


def _are_default(limits: SpanLimits) -> bool:
    counts = (limits.max_span_attributes, limits.max_events, limits.max_links)
    more = (limits.max_event_attributes, limits.max_link_attributes)
    lengths = (limits.max_attribute_length, limits.max_span_attribute_length)
    return {*counts, *more} == {MAX_COUNT} and set(lengths) == {None}


def make_resource(settings: Settings, attributes: Attributes) -> Resource:
    """Describe this process; OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME count as usual."""
    own: dict[str, AttributeValue] = {**attributes, conventions.PROJECT: settings.project}
    if settings.service_name:
        own[conventions.SERVICE_NAME] = settings.service_name
    resource = Resource.create(own)
    if str(resource.attributes[conventions.SERVICE_NAME]).startswith("unknown_service"):
        program = PurePath(sys.argv[0] if sys.argv else "").stem or "python"
        resource = resource.merge(Resource({conventions.SERVICE_NAME: program}))
    return resource
