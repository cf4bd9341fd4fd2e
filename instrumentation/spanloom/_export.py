"""From a finished span to the server: a bounded queue and a thread that delivers.

Delivery MUST NOT disturb the app: finishing a span never raises, memory stays within
``queue_max_bytes``, and a dead server costs the app nothing but those bytes. Spans leave in the
order in which they finished and MAY be sent twice, since a server stores a span once.
"""

import functools
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from spanloom._settings import Settings

if TYPE_CHECKING:
    from types import ModuleType

    from spanloom._otlp import Body, Delivery, Redact, Sender

logger: Final = logging.getLogger("spanloom")

SPAN_OVERHEAD_BYTES: Final = 3000
"""What a queued span weighs besides its attribute values, as measured with the SDK's own spans."""

EXIT_ATTEMPTS: Final = 2
"""How often an ending process knocks at a door that nobody opens."""

WORKER_EXIT_PRIORITY: Final = 1000
"""A multiprocessing worker delivers before it ends anything else, such as its own workers."""


class Batch(NamedTuple):
    """Spans taken from the queue together."""

    spans: list[ReadableSpan]
    size_bytes: int


class SpanQueue:
    """Finished spans in order, bounded by count and bytes; the caller locks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spans: deque[tuple[ReadableSpan, int]] = deque()
        self.size_bytes = 0
        self.held_bytes = 0
        """What has been taken out but still takes up memory."""
        self.due_at = 0.0

    def __len__(self) -> int:
        return len(self._spans)

    def has_room(self, size_bytes: int) -> bool:
        """Whether a span of this size may be added."""
        total_bytes = self.size_bytes + self.held_bytes + size_bytes
        return (
            len(self._spans) < self._settings.queue_max_spans
            and total_bytes <= self._settings.queue_max_bytes
        )

    def put(self, span: ReadableSpan, size_bytes: int) -> bool:
        """Append a span; True when that gives the delivery thread something to do."""
        if not self._spans:
            self.due_at = time.monotonic() + self._settings.batch_delay_s
        self._spans.append((span, size_bytes))
        self.size_bytes += size_bytes
        return len(self._spans) == 1 or len(self._spans) == self._settings.batch_max_spans

    def fills_a_batch(self) -> bool:
        """Whether waiting longer would not make the next request any larger."""
        return (
            len(self._spans) >= self._settings.batch_max_spans
            or self.size_bytes >= self._settings.batch_max_bytes
        )

    def take(self) -> Batch:
        """Remove and return the oldest spans, at least one if there is any."""
        spans: list[ReadableSpan] = []
        taken_bytes = 0
        while self._spans and len(spans) < self._settings.batch_max_spans:
            span, size_bytes = self._spans[0]
            if spans and taken_bytes + size_bytes > self._settings.batch_max_bytes:
                break
            self._spans.popleft()
            spans.append(span)
            taken_bytes += size_bytes
        self.size_bytes -= taken_bytes
        return Batch(spans, taken_bytes)


class Backoff:
    """When to try again after failures."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.failure_count = 0
        self.until = 0.0

    def fail(self, now: float, wanted_s: float | None) -> None:
        """Note a failure: wait as long as the server wants, else twice as long as last time."""
        doubled_s = self._settings.retry_initial_s * 2 ** min(self.failure_count, 16)
        self.until = now + min(self._settings.retry_max_s, wanted_s or doubled_s)
        self.failure_count += 1

    def succeed(self) -> None:
        """Forget all failures."""
        self.failure_count = 0
        self.until = 0.0


class Voice:
    """What delivery says, through logging: each thing once, never once a span."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._said: set[str] = set()
        self._is_down = False
        self._told_overflow_count = 0

    def failed(self, reason: str) -> None:
        """Say once an outage that spans are being kept."""
        if not self._is_down:
            self._is_down = True
            logger.warning(
                "cannot deliver spans to %s (%s). They are kept, up to %d MB, and sent when it"
                " answers; the program runs on.",
                self._settings.endpoint,
                reason,
                self._settings.queue_max_bytes >> 20,
            )

    def delivered(self, overflow_count: int) -> None:
        """Say once after an outage that it is over, and how many spans found no room since."""
        lost_count = overflow_count - self._told_overflow_count
        if self._is_down:
            logger.warning(
                "delivery of spans to %s works again; %d were dropped meanwhile.",
                self._settings.endpoint,
                lost_count,
            )
        elif lost_count:
            self.once("full", f"spans come faster than they can be sent: {lost_count} dropped.")
        self._is_down = False
        self._told_overflow_count = overflow_count

    def ended(self, lost_count: int) -> None:
        """Say how many spans never reached the server."""
        if lost_count:
            logger.warning("%d spans did not reach %s.", lost_count, self._settings.endpoint)

    def once(self, topic: str, message: str, *, with_traceback: bool = False) -> None:
        """Say something about a topic the first time that it comes up."""
        if topic not in self._said:
            self._said.add(topic)
            logger.warning("%s", message, exc_info=with_traceback)


class Exporter(SpanProcessor):
    """Queues finished spans and delivers them from a daemon thread, started with the first span.

    While the server is down the thread goes on encoding, so that waiting spans take up no more
    than their compressed size.
    """

    redacts = True
    """Payloads may come with their secrets in them."""

    def __init__(self, settings: Settings, redact: "Redact | None" = None) -> None:
        self._settings = settings
        self._redact = redact
        self._reset()

    def _reset(self) -> None:
        self._loading = threading.Lock()
        self._is_loading_held = False
        self._changed = threading.Condition()
        self._queue = SpanQueue(self._settings)
        self._outbox: deque[Body] = deque()
        self._backoff = Backoff(self._settings)
        self._voice = Voice(self._settings)
        self._thread: threading.Thread | None = None
        self._accepted_count = 0
        self._settled_count = 0
        self._hurried_count = 0
        self._close_at: float | None = None
        self._exit_attempts = 0
        self._is_patient = True
        self._overflow_count = 0
        self.dropped_count = 0

    # In the app's threads

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a finished, sampled span; drop and count it when there is no room."""
        context = span.context
        if context is None or not context.trace_flags.sampled:
            return
        size_bytes = weigh(span)
        with self._changed:
            if self._close_at is not None or not self._make_room(size_bytes):
                self._overflow_count += 1
                self.dropped_count += 1
                return
            self._accepted_count += 1
            if self._queue.put(span, size_bytes):
                self._changed.notify_all()
            if self._thread is None:
                self._start()

    def _make_room(self, size_bytes: int) -> bool:
        if self._queue.has_room(size_bytes):
            return True
        if not self._is_patient or self._backoff.failure_count:
            return False
        # Waiting in vain once is enough: patience returns with the next delivered request.
        self._is_patient = self._changed.wait_for(
            lambda: self._queue.has_room(size_bytes), self._settings.backpressure_s
        )
        return self._is_patient

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="spanloom-export", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return  # the interpreter is ending, or out of threads; the next span tries again
        self._thread = thread

    def flush(self, timeout_s: float) -> bool:
        """Deliver what has finished so far; False when that took longer or spans were lost."""
        with self._changed:
            target_count, dropped_count = self._accepted_count, self.dropped_count
            self._hurried_count = target_count
            self._backoff.until = 0.0
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: self._settled_count >= target_count, timeout_s)
            return done and self.dropped_count == dropped_count

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush, as OpenTelemetry's tracer provider asks for it."""
        return self.flush(timeout_millis / 1000)

    def close(self) -> None:
        """Take no more spans; the thread has ``exit_timeout_s`` to deliver the rest."""
        with self._changed:
            if self._close_at is None:
                self._close_at = time.monotonic() + self._settings.exit_timeout_s
                self._backoff.until = 0.0
            self._changed.notify_all()

    def join(self) -> None:
        """Wait until the closed exporter is done or its time is over; say what was lost."""
        if self._thread is not None and self._close_at is not None:
            self._thread.join(max(0.0, self._close_at - time.monotonic()))
            self._thread = None
            waiting_count = self._accepted_count - self._settled_count
            self._voice.ended(waiting_count + self.dropped_count)

    def shutdown(self) -> None:
        """Close and wait, as OpenTelemetry's tracer provider asks for it."""
        self.close()
        self.join()

    # Around a fork

    def before_fork(self) -> None:
        """Let the thread finish its imports: a child would inherit their locks for ever."""
        self._is_loading_held = self._loading.acquire(timeout=self._settings.exit_timeout_s)

    def after_fork_in_parent(self) -> None:
        """Undo before_fork."""
        if self._is_loading_held:
            self._is_loading_held = False
            self._loading.release()

    def after_fork_in_child(self) -> None:
        """Start afresh: the parent delivers what was queued before the fork."""
        self._reset()
        multiprocessing_util: Any = sys.modules.get("multiprocessing.util")
        if multiprocessing_util is not None:
            # Such a child ends without atexit, and only finalizers made after its start run.
            multiprocessing_util.register_after_fork(self, _shut_down_with_the_worker)

    # In the delivery thread

    def _run(self) -> None:
        with_suppression = otel_context.set_value("suppress_instrumentation", True)
        otel_context.attach(with_suppression)
        sender: Sender | None = None
        while self._await_work():
            try:
                otlp = self._load_otlp()
                sender = sender or otlp.Sender(self._settings)
                self._encode(functools.partial(otlp.encode, redact=self._redact))
                self._deliver(sender)
            except Exception as error:  # noqa: BLE001  # the thread must outlive any fault
                self._lose_all(error)
        if sender is not None:
            sender.close()

    def _load_otlp(self) -> "ModuleType":
        with self._loading:
            from spanloom import _otlp

            return _otlp

    def _await_work(self) -> bool:
        with self._changed:
            while not self._is_over():
                now = time.monotonic()
                if self._has_work(now):
                    return True
                self._changed.wait(self._pause_s(now))
            return False

    def _has_work(self, now: float) -> bool:
        if now < self._backoff.until:
            return self._queue.fills_a_batch()
        return bool(self._outbox) or (bool(self._queue) and self._is_due(now))

    def _is_due(self, now: float) -> bool:
        hurried = self._settled_count < self._hurried_count or self._close_at is not None
        return hurried or self._queue.fills_a_batch() or now >= self._queue.due_at

    def _pause_s(self, now: float) -> float | None:
        if not self._queue and not self._outbox:
            return None
        wake_at = max(self._backoff.until, 0.0 if self._outbox else self._queue.due_at)
        if self._close_at is not None:
            wake_at = min(wake_at, self._close_at)
        return max(0.0, wake_at - now)

    def _is_over(self) -> bool:
        if self._close_at is None:
            return False
        nothing_left = not self._queue and not self._outbox
        given_up = self._exit_attempts >= EXIT_ATTEMPTS or time.monotonic() >= self._close_at
        return nothing_left or given_up

    def _encode(self, encode: "Callable[[list[ReadableSpan]], Body]") -> None:
        with self._changed:
            batch = self._queue.take()
            self._queue.held_bytes += batch.size_bytes
        if not batch.spans:
            return
        body = encode(batch.spans)
        with self._changed:
            self._queue.held_bytes -= batch.size_bytes
            if body.span_count:
                self._outbox.append(body)
                self._queue.held_bytes += len(body.content)
            self._settle(body.lost_count, lost_count=body.lost_count)
        if body.lost_count:
            self._voice.once("unencodable", "some spans cannot be encoded as OTLP and are dropped")

    def _deliver(self, sender: "Sender") -> None:
        while self._outbox and time.monotonic() >= self._backoff.until:
            delivery = sender.send(self._outbox[0].content)
            with self._changed:
                self._note(delivery)

    def _note(self, delivery: "Delivery") -> None:
        if delivery.outcome.is_final:
            body = self._outbox.popleft()
            self._queue.held_bytes -= len(body.content)
            refused_count = 0 if delivery.outcome.is_success else body.span_count
            self._settle(body.span_count, lost_count=refused_count)
            self._backoff.succeed()
            self._is_patient = True
            self._say(delivery, refused_count)
            return
        self._backoff.fail(time.monotonic(), delivery.retry_after_s)
        self._voice.failed(delivery.reason)
        if self._close_at is not None and delivery.outcome.is_silence:
            self._exit_attempts += 1

    def _settle(self, settled_count: int, *, lost_count: int) -> None:
        self._settled_count += settled_count
        self.dropped_count += lost_count
        self._changed.notify_all()

    def _say(self, delivery: "Delivery", refused_count: int) -> None:
        endpoint = self._settings.endpoint
        if refused_count:
            message = f"{endpoint} refuses spans, they are dropped ({delivery.reason})"
            self._voice.once(f"refused {delivery.reason[:3]}", message)
        else:
            self._voice.delivered(self._overflow_count)
        if delivery.outcome.is_success and delivery.reason:
            self._voice.once("partial", f"{endpoint} took spans only in part: {delivery.reason}")

    def _lose_all(self, error: Exception) -> None:
        with self._changed:
            lost_count = self._accepted_count - self._settled_count
            self._queue = SpanQueue(self._settings)
            self._outbox.clear()
            self._settle(lost_count, lost_count=lost_count)
        topic = type(error).__name__
        self._voice.once(topic, f"delivery of spans failed: {error!r}", with_traceback=True)


def weigh(span: ReadableSpan) -> int:
    """Roughly how much memory a span takes up, in bytes."""
    size_bytes = SPAN_OVERHEAD_BYTES
    for value in (span.attributes or {}).values():
        size_bytes += sys.getsizeof(value)
    for event in span.events:
        for value in (event.attributes or {}).values():
            size_bytes += sys.getsizeof(value)
    return size_bytes


def _shut_down_with_the_worker(exporter: Exporter) -> None:
    util: Any = sys.modules["multiprocessing.util"]
    util.Finalize(None, exporter.shutdown, exitpriority=WORKER_EXIT_PRIORITY)
