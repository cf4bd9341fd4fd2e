"""The way of one request, whatever its transport and signal: decode, validate, make durable."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Final, NamedTuple, Protocol

from google.protobuf.message import Message
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from spanloom_collector.metrics import Items, Meter
from spanloom_collector.pipeline.decode import Encoding, decoded, decoded_logs
from spanloom_collector.pipeline.projects import resource_project
from spanloom_collector.pipeline.validate import validated
from spanloom_collector.pipeline.validate_logs import validated_logs
from spanloom_collector.storage.attributes import compact


class Sink(Protocol):
    """Where requests become durable, see :class:`spanloom_collector.delivery.spool.Spool`."""

    def submit(self, body: bytes, received_unix_nano: int, project: str | None) -> Future[None]:
        """Accept a request; the future is done when it is durable."""
        ...


class Checked(Protocol):
    """A request that holds only what can be stored."""

    @property
    def request(self) -> Message:
        """What is left of it."""
        ...

    @property
    def rejected_by_reason(self) -> Counter[str]:
        """What was taken out of it."""
        ...

    @property
    def kept_count(self) -> int:
        """How many items are left."""
        ...

    @property
    def resources(self) -> Iterable[Resource]:
        """Of what is left."""
        ...

    @property
    def response(self) -> Message:
        """OTLP's answer."""
        ...


class Signal(NamedTuple):
    """What tells one kind of request from another."""

    items: Items
    checked: Callable[[bytes, Encoding], Checked]
    """Decodes and validates a body."""


TRACES: Final = Signal(Items.SPANS, lambda body, encoding: validated(decoded(body, encoding)))
LOGS: Final = Signal(
    Items.LOG_RECORDS, lambda body, encoding: validated_logs(decoded_logs(body, encoding))
)


class Intake(NamedTuple):
    """One way in: what comes, and where it becomes durable."""

    signal: Signal
    sink: Sink


class Intakes(NamedTuple):
    """The ways in that there are."""

    traces: Intake
    logs: Intake


class Accepted(NamedTuple):
    """An answer that may be given once ``durable`` is done."""

    response: Message
    durable: Future[None]


def accept(
    body: bytes, encoding: Encoding, project: str | None, intake: Intake, meter: Meter | None = None
) -> Accepted:
    """Take in one decompressed request body.

    Raises:
        MalformedRequestError: the body cannot be parsed.
        RetryLaterError: the sink is full.
    """
    received_unix_nano = time.time_ns()
    size_bytes = len(body)
    items = intake.signal.items
    checked = intake.signal.checked(body, encoding)
    if meter is not None:
        meter.metrics.rejected(checked.rejected_by_reason, items)
    if not checked.kept_count:
        return Accepted(checked.response, _done())
    if encoding is Encoding.JSON or checked.rejected_by_reason:
        body = checked.request.SerializeToString()
    home = project or common_project(checked.resources)
    durable = intake.sink.submit(body, received_unix_nano, home)
    if meter is not None:
        meter.follow(durable, encoding.name.lower(), checked.kept_count, size_bytes, items)
    return Accepted(checked.response, durable)


def common_project(resources: Iterable[Resource]) -> str | None:
    """The project that all resources of a request name, or None when they differ."""
    names = {resource_project(compact(resource.attributes).strings) for resource in resources}
    return names.pop() if len(names) == 1 else None


def _done() -> Future[None]:
    done: Future[None] = Future()
    done.set_result(None)
    return done
