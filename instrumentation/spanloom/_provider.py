"""The OpenTelemetry tracer provider: made, or joined when the app has one."""

import os
import random
import sys
import weakref
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, Tracer, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.util.types import AttributeValue

from spanloom import conventions
from spanloom._export import logger
from spanloom._settings import Settings

Attributes = Mapping[str, AttributeValue]


class Relay(SpanProcessor):
    """The one processor that a provider gets; it stands before whatever exporter is current.

    A provider's processors cannot be taken away again, so the target changes instead. Spans of
    every library get the attributes of their surroundings.
    """

    def __init__(self, surroundings: Callable[[], Attributes | None]) -> None:
        self._surroundings = surroundings
        self.target: SpanProcessor | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Put the surroundings' attributes on the span."""
        attributes = self._surroundings()
        if attributes and self.target is not None:
            span.set_attributes(attributes)

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
    """The provider that Spanloom makes; its resource follows the settings."""

    def __init__(self) -> None:
        super().__init__(shutdown_on_exit=False, id_generator=OwnIdGenerator())
        self._issued: weakref.WeakSet[Tracer] = weakref.WeakSet()

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


class Hookup(NamedTuple):
    """Where ops get their spans from."""

    provider: trace.TracerProvider
    relay: Relay
    is_own: bool


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
