"""The time that calls are recorded with; tests put a clock of their own in its place."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_read: Callable[[], int] = time.time_ns


def time_ns() -> int:
    """Return nanoseconds since 1970."""
    return _read()


@contextmanager
def replaced_clock(read: Callable[[], int]) -> Iterator[None]:
    """Let another clock be read inside."""
    global _read
    before, _read = _read, read
    try:
        yield
    finally:
        _read = before
