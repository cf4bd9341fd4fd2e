"""From a finished span to the server: a bounded queue and a thread that delivers.

Delivery MUST NOT disturb the app: starting and finishing a span never raises, memory stays within
``queue_max_bytes`` and disk within ``spool_max_bytes``, and a dead server costs the app nothing but
those bytes. Spans MAY be sent twice, since a server stores a span once.

A span's way: the queue, a body in the outbox, the server. While the server is away, bodies go from
the outbox to the spool on disk, and from there to the server when it is back.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from spanloom._backoff import Backoff
from spanloom._queue import SpanQueue, weigh
from spanloom._settings import Settings
from spanloom._voice import Voice

if TYPE_CHECKING:
    from spanloom._otlp import Body, Delivery, Sender
    from spanloom._protobuf import Encoder, Redact
    from spanloom._spool import Spool

SPOOL_AFTER_FAILURES: Final = 2
"""A server that fails once may be back at once; then the spool begins."""

EXIT_ATTEMPTS: Final = 2
"""How often in a row nobody may have answered, the last time at the end of the process."""

EXIT_RESERVE: Final = 0.2
"""Share of ``exit_timeout_s`` for putting into the spool what could not be delivered."""

WORKER_EXIT_PRIORITY: Final = 1000
"""A multiprocessing worker delivers before it ends anything else, such as its own workers."""

OPEN_MAX_COUNT: Final = 10_000
"""How many running spans are watched at once, to be shown as running."""

LOOK_INTERVAL_S: Final = 60.0
"""How often the spool is searched for what ended processes left."""


class Tools(NamedTuple):
    """What only the delivery needs, and loads late."""

    encoder: "Encoder"
    sender: "Sender"
    spool: "Spool"


class Parcel(NamedTuple):
    """A body and where it waits."""

    body: "Body"
    in_spool: bool = False
    is_ours: bool = True
    """Whether spans of this process are in it."""


class Exporter(SpanProcessor):
    """Queues finished spans and delivers them from a daemon thread, started with the first span."""

    redacts = True
    """Payloads may come with their secrets in them."""

    def __init__(self, settings: Settings, redact: "Redact | None" = None) -> None:
        self._settings = settings
        self._redact = redact
        self._watches = settings.running_after_s > 0 and not settings.offline
        self._tools: Tools | None = None
        self._reset()

    def _reset(self) -> None:
        self._loading = threading.RLock()
        self._is_loading_held = False
        self._disk = threading.Lock()
        # Reentrant, as is the one for loading: a signal handler or the garbage collector may come
        # in between.
        self._lock = threading.RLock()
        self._work_there = threading.Condition(self._lock)
        self._changed = threading.Condition(self._lock)
        self._open: dict[int, ReadableSpan] = {}
        self._queue = SpanQueue(self._settings)
        self._batch: list[ReadableSpan] = []
        self._outbox: deque[Body] = deque()
        self._backoff = Backoff(self._settings)
        self._voice = Voice(self._settings)
        self._thread: threading.Thread | None = None
        self._is_dozing = True
        self._round_at = self._look_at = 0.0
        self._accepted_count = self._settled_count = self._spooled_count = 0
        self._hurry_count = 0
        self._close_at: float | None = None
        self._silence_count = 0
        self._is_hopeless = False
        self._is_abandoned = False
        self._is_patient = True
        self._overflow_count = 0
        self._untold_count = 0
        self.dropped_count = 0

    # In the app's threads

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note a span that may run for long."""
        if self._watches and len(self._open) < OPEN_MAX_COUNT:
            self._open[getattr(span, "span_id", 0) or span.get_span_context().span_id] = span
            if self._is_dozing:
                self._wake()

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a finished, sampled span; drop and count it when there is no room."""
        # A light span has these two at hand, and would have to make its context.
        span_id, flags = getattr(span, "span_id", 0), getattr(span, "flags", 0)
        if not span_id:
            if span.context is None:
                return
            span_id, flags = span.context.span_id, span.context.trace_flags
        self._open.pop(span_id, None)
        if not flags & 1:
            return
        size_bytes = weigh(span)
        with self._lock:
            has_room = self._queue.has_room(size_bytes) or self._make_room(size_bytes)
            if self._close_at is not None or not has_room:
                self._overflow_count += 1
                self._drop(1)
                return
            self._accepted_count += 1
            if self._queue.put(span, size_bytes) or self._hurry_count:
                self._work_there.notify()
            if self._is_dozing:
                self._wake()

    def _make_room(self, size_bytes: int) -> bool:
        if not self._is_patient or self._backoff.failure_count or self._settings.offline:
            return False
        # Waiting in vain once is enough: patience returns with the next delivered request.
        self._is_patient = self._await(
            lambda: self._queue.has_room(size_bytes), self._settings.backpressure_s
        )
        return self._is_patient

    def _await(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait for the thread, which hurries meanwhile; whether it was in time."""
        self._hurry_count += 1
        try:
            self._wake()
            return self._changed.wait_for(condition, timeout_s)
        finally:
            self._hurry_count -= 1

    def _drop(self, count: int) -> None:
        self.dropped_count += count
        self._untold_count += count

    def _wake(self) -> None:
        with self._lock:
            if self._thread is not None:
                self._is_dozing = False
                self._work_there.notify()
            elif self._close_at is None:
                self._start()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="spanloom-export", daemon=True)
        self._is_dozing = False
        self._round_at = time.monotonic() + self._settings.batch_delay_s
        try:
            thread.start()
        except RuntimeError:
            self._is_dozing = True
            return  # the interpreter is ending, or out of threads; the next span tries again
        self._thread = thread

    def flush(self, timeout_s: float) -> bool:
        """Deliver what has finished so far; False when that took longer or spans were lost."""
        with self._lock:
            target_count, dropped_count = self._accepted_count, self.dropped_count
            self._backoff.until = 0.0
            done = self._settled_count >= target_count or self._await(
                lambda: self._settled_count >= target_count, timeout_s
            )
            return done and self.dropped_count == dropped_count

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush, as OpenTelemetry's tracer provider asks for it."""
        return self.flush(timeout_millis / 1000)

    def close(self) -> None:
        """Take no more spans; the thread has ``exit_timeout_s`` to deliver the rest."""
        with self._lock:
            if self._close_at is None:
                self._close_at = time.monotonic() + self._settings.exit_timeout_s
                self._backoff.until = 0.0
            self._work_there.notify()

    def join(self) -> None:
        """Wait until the closed exporter is done; what is not delivered in time gets spooled."""
        if self._close_at is None or self._is_abandoned:
            return
        if self._thread is not None:
            self._thread.join(max(0.0, self._stop_at() - time.monotonic()))
        with self._lock:
            self._is_abandoned = True
            waiting_count = self._accepted_count - self._settled_count
        if waiting_count > self._spooled_count or self._tools is not None:
            self._leave_spool(self._close_at)
        folder = self._tools.spool.folder if self._tools is not None else None
        lost_count = waiting_count - self._spooled_count + self.dropped_count
        self._voice.ended(self._spooled_count, folder, lost_count)

    def shutdown(self) -> None:
        """Close and wait, as OpenTelemetry's tracer provider asks for it."""
        self.close()
        self.join()

    def _stop_at(self) -> float:
        assert self._close_at is not None
        return self._close_at - EXIT_RESERVE * self._settings.exit_timeout_s

    def _leave_spool(self, close_at: float) -> None:
        tools = self._load_tools()
        if not tools.spool.is_on:
            return
        if self._disk.acquire(timeout=max(0.0, close_at - time.monotonic())):
            try:
                self._spool_rest(tools, close_at)
                tools.spool.close()
            finally:
                self._disk.release()

    def _spool_rest(self, tools: Tools, close_at: float) -> None:
        """Put on disk what the thread, which may hang in a request, has not delivered."""
        from spanloom import _otlp

        bodies = deque(body for body in self._outbox if body.span_count)
        while time.monotonic() < close_at:
            if not bodies:
                spans, self._batch = self._batch or self._queue.take().spans, []
                if not spans:
                    return
                bodies.append(_otlp.encode(tools.encoder, spans))
            body = bodies.popleft()
            if tools.spool.append(body):
                self._spooled_count += body.span_count

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
        if self._tools is not None:
            self._tools.spool.forget()
            self._tools = None
        self._reset()
        multiprocessing_util: Any = sys.modules.get("multiprocessing.util")
        if multiprocessing_util is not None:
            # Such a child ends without atexit, and only finalizers made after its start run.
            multiprocessing_util.register_after_fork(self, end_with_the_worker)

    # In the delivery thread

    def _run(self) -> None:
        with_suppression = otel_context.set_value("suppress_instrumentation", True)
        otel_context.attach(with_suppression)
        while self._await_work():
            try:
                tools = self._load_tools()
                self._encode(tools.encoder)
                self._put_away(tools.spool)
                self._deliver(tools)
            except Exception as error:  # noqa: BLE001  # the thread must outlive any fault
                self._lose_all(error)
            self._round_at = time.monotonic() + self._settings.batch_delay_s
        if self._tools is not None:
            self._tools.sender.close()

    def _load_tools(self) -> Tools:
        if self._tools is None:
            with self._loading:
                from spanloom._otlp import Sender
                from spanloom._protobuf import Encoder
                from spanloom._spool import open_spool

                settings = self._settings
                encoder, sender = Encoder(self._redact), Sender(settings)
                self._tools = Tools(encoder, sender, open_spool(settings))
        return self._tools

    def _await_work(self) -> bool:
        with self._lock:
            while not self._is_over():
                # Before looking, since spans start without the lock: one of the two sees the other.
                self._is_dozing = True
                wake_at = self._wake_at()
                if wake_at is not None:
                    self._is_dozing = False
                    pause_s = wake_at - time.monotonic()
                    if pause_s <= 0:
                        return True
                    self._work_there.wait(pause_s)
                else:
                    self._work_there.wait()
                    self._round_at = time.monotonic() + self._settings.batch_delay_s
            return False

    def _wake_at(self) -> float | None:
        """When there is something to do; None: nothing in sight."""
        times = [self._stop_at()] if self._close_at is not None else []
        if self._queue:
            is_hurried = self._hurry_count or self._close_at is not None
            times.append(0.0 if is_hurried or self._queue.fills_a_batch() else self._round_at)
        if self._open and self._close_at is None:
            times.append(self._round_at)
        if self._has_parcels():
            times.append(self._backoff.until)
        return min(times) if times else None

    def _has_parcels(self) -> bool:
        if self._settings.offline:
            return False
        return bool(self._outbox) or (self._tools is not None and self._tools.spool.has_own())

    def _is_over(self) -> bool:
        if self._close_at is None:
            return False
        nothing_left = not self._queue and not self._outbox and not self._has_parcels()
        given_up = self._is_hopeless or time.monotonic() >= self._stop_at()
        return nothing_left or given_up

    def _encode(self, encoder: "Encoder") -> None:
        from spanloom import _otlp

        running = self._take_running()
        if running:
            # It counts as no span: when it does not arrive, the span's end will.
            self._post(_otlp.encode(encoder, running)._replace(span_count=0))
        with self._lock:
            self._batch, size_bytes = self._queue.take()
            self._queue.held_bytes += size_bytes
            untold_count = self._untold_count
        if not self._batch:
            return
        body = _otlp.encode(encoder, self._batch, untold_count)
        if self._is_away():
            body = body.gzipped()
        with self._lock:
            if self._is_abandoned:
                return
            self._batch = []
            self._queue.held_bytes -= size_bytes
            if body.span_count:
                self._untold_count -= untold_count
                self._post(body)
            self._settle(body.lost_count, lost_count=body.lost_count)
        if body.lost_count:
            self._voice.once("unencodable", "some spans cannot be encoded as OTLP and are dropped")

    def _post(self, body: "Body") -> None:
        with self._lock:
            self._outbox.append(body)
            self._queue.held_bytes += len(body.content)

    def _unpost(self) -> None:
        self._queue.held_bytes -= len(self._outbox.popleft().content)
        self._changed.notify_all()

    def _take_running(self) -> list[ReadableSpan]:
        """Remove and return the spans that have run for long enough to be shown as running."""
        if not self._open or self._backoff.failure_count or self._close_at is not None:
            return []
        since_ns = time.time_ns() - int(self._settings.running_after_s * 1e9)
        running = []
        for span_id, span in list(self._open.items()):
            if span.start_time is None or span.start_time > since_ns:
                continue
            is_open = self._open.pop(span_id, None) is not None and span.end_time is None
            if is_open and span.context is not None and span.context.trace_flags & 1:
                running.append(span)
        return running

    def _is_away(self) -> bool:
        """Whether the server has failed for long enough to put spans on disk."""
        return self._settings.offline or self._backoff.failure_count >= SPOOL_AFTER_FAILURES

    def _put_away(self, spool: "Spool") -> None:
        while spool.is_on and self._is_away() and self._outbox and not self._is_abandoned:
            body = self._outbox[0]
            packed = body.gzipped()
            with self._disk:
                if body.span_count and not spool.append(packed):
                    self._voice.once("spool", f"spans cannot be put on disk: {spool.fault}")
                    return
            with self._lock:
                if self._is_abandoned:
                    return
                self._unpost()
                if self._settings.offline:
                    self._settle(body.span_count, lost_count=0)
                else:
                    self._spooled_count += body.span_count

    def _deliver(self, tools: Tools) -> None:
        while not self._settings.offline and time.monotonic() >= self._backoff.until:
            parcel = self._next_parcel(tools.spool)
            if parcel is None:
                return
            delivery = tools.sender.send(parcel.body)
            with self._lock:
                if self._is_abandoned:
                    return
                self._note(parcel, delivery, tools.spool)
                if self._queue.fills_a_batch():
                    return

    def _next_parcel(self, spool: "Spool") -> Parcel | None:
        if self._outbox:
            return Parcel(self._outbox[0])
        with self._disk:
            if self._is_abandoned:
                return None
            own = spool.next_own()
            if own is not None:
                return Parcel(own, in_spool=True)
            if self._close_at is not None or self._backoff.failure_count:
                return None
            found = spool.next_found()
            if found is None and time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + LOOK_INTERVAL_S
                found = spool.next_found() if spool.look_for_others() else None
            return None if found is None else Parcel(found, in_spool=True, is_ours=False)

    def _note(self, parcel: Parcel, delivery: "Delivery", spool: "Spool") -> None:
        if not delivery.outcome.is_final:
            self._backoff.fail(time.monotonic(), delivery.retry_after_s)
            self._voice.failed(delivery.reason)
            self._silence_count = self._silence_count + 1 if delivery.outcome.is_silence else 0
            is_silent = self._silence_count >= EXIT_ATTEMPTS
            self._is_hopeless = self._close_at is not None and is_silent
            return
        if self._backoff.failure_count:
            self._look_at = 0.0
        self._backoff.succeed()
        self._silence_count = 0
        self._is_patient = True
        is_success = delivery.outcome.is_success
        self._take_away(parcel, spool, is_success=is_success)
        halves = parcel.body.halves() if delivery.may_pass_in_parts and parcel.is_ours else None
        if halves is not None:
            self._outbox.extendleft(reversed(halves))
            self._queue.held_bytes += sum(len(body.content) for body in halves)
            return
        span_count = parcel.body.span_count if parcel.is_ours else 0
        refused_count = 0 if is_success else span_count
        self._settle(span_count, lost_count=refused_count)
        self._say(delivery, refused_count)

    def _take_away(self, parcel: Parcel, spool: "Spool", *, is_success: bool) -> None:
        """Remove a parcel from where it waits."""
        if not parcel.in_spool:
            self._unpost()
        elif parcel.is_ours:
            spool.done(was_own=True)
            self._spooled_count -= parcel.body.span_count
        elif is_success:
            spool.done(was_own=False)
        else:
            spool.leave_found()

    def _settle(self, settled_count: int, *, lost_count: int) -> None:
        self._settled_count += settled_count
        self._drop(lost_count)
        self._changed.notify_all()

    def _say(self, delivery: "Delivery", refused_count: int) -> None:
        endpoint = self._settings.endpoint
        if refused_count:
            message = f"{endpoint} refuses spans, they are dropped ({delivery.reason})"
            self._voice.once(f"refused {delivery.reason[:3]}", message)
        elif delivery.outcome.is_success:
            self._voice.delivered(self._overflow_count)
        if delivery.outcome.is_success and delivery.reason:
            self._voice.once("partial", f"{endpoint} took spans only in part: {delivery.reason}")

    def _lose_all(self, error: Exception) -> None:
        with self._lock:
            lost_count = self._accepted_count - self._settled_count - self._spooled_count
            self._queue = SpanQueue(self._settings)
            self._batch = []
            self._outbox.clear()
            self._settle(lost_count, lost_count=lost_count)
        topic = type(error).__name__
        self._voice.once(topic, f"delivery of spans failed: {error!r}", with_traceback=True)


def end_with_the_worker(exporter: Exporter) -> None:
    """Deliver when this process, a worker of multiprocessing, ends."""
    util: Any = sys.modules["multiprocessing.util"]
    util.Finalize(None, exporter.shutdown, exitpriority=WORKER_EXIT_PRIORITY)
