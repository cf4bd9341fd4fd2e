"""Saying no in time: bounds on what is held in memory and on disk."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass


class RetryLaterError(Exception):
    """Nothing was accepted; the same request may be sent again in a moment."""


class InFlightBytes:
    """A bound on the bytes of requests that are being answered right now."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def value(self) -> int:
        """Bytes held at the moment."""
        return self._bytes

    @contextmanager
    def held(self, size_bytes: int) -> Iterator[None]:
        """Hold these bytes for the duration; one request alone is always let in.

        Raises:
            RetryLaterError: too much is held already.
        """
        with self._lock:
            if self._bytes and self._bytes + size_bytes > self._max_bytes:
                raise RetryLaterError(f"{self._bytes} bytes of requests are being answered")
            self._bytes += size_bytes
        try:
            yield
        finally:
            with self._lock:
                self._bytes -= size_bytes


@dataclass(frozen=True)
class PaceLimits:
    """When acknowledgements wait for the table."""

    backlog_bytes: int = 64 * 1024**2
    """While more than this waits to be loaded, large requests are acknowledged later."""

    large_bytes: int = 64 * 1024
    """Smaller requests never wait: they are not what fills the journal."""

    longest_hold_s: float = 2.0
    """The longest that an acknowledgement waits; exporters give up after ten seconds."""

    stalled_after_s: float = 5.0
    """A table that has taken nothing for this long is away, and waiting for it would be in vain."""


class Pace:
    """Lets clients that send without pause send as fast as the table takes, and no faster.

    A client that is acknowledged at once would fill the journal for as long as it likes, and what
    it sent would be seen minutes later. So, while the table is behind but takes spans, what is
    durable already is acknowledged a little later.

    Args:
        limits: when to wait.
        clock: seconds that never go back.

    Example:
        >>> pace = Pace(PaceLimits(backlog_bytes=10), clock=lambda: 0.0)
        >>> durable = Future()
        >>> pace.acknowledge(durable, size_bytes=100_000)
        >>> pace.release(backlog_bytes=20), durable.done()
        (None, False)
        >>> pace.release(backlog_bytes=5), durable.done()
        (None, True)
    """

    def __init__(
        self, limits: PaceLimits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits or PaceLimits()
        self._clock = clock
        self._held: deque[tuple[float, Future[None]]] = deque()
        self._progress_s = clock()
        self._lock = threading.Lock()

    def acknowledge(self, durable: Future[None], size_bytes: int) -> None:
        """Take a request that is durable; small ones are acknowledged now."""
        if size_bytes < self._limits.large_bytes:
            durable.set_result(None)
            return
        with self._lock:
            self._held.append((self._clock() + self._limits.longest_hold_s, durable))

    def progressed(self) -> None:
        """Take note that the table took something."""
        self._progress_s = self._clock()

    def release(self, backlog_bytes: int) -> None:
        """Acknowledge what need not wait (any longer)."""
        now = self._clock()
        is_behind = backlog_bytes > self._limits.backlog_bytes
        is_stalled = now - self._progress_s > self._limits.stalled_after_s
        for durable in self._due(None if not is_behind or is_stalled else now):
            durable.set_result(None)

    def _due(self, now: float | None) -> list[Future[None]]:
        """Those whose time has come by ``now``, or all."""
        due = []
        with self._lock:
            while self._held and (now is None or self._held[0][0] <= now):
                due.append(self._held.popleft()[1])
        return due
