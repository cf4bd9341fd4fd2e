"""Saying no in time: bounds on what is held in memory and on disk."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


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
