"""What a journal's folder holds that is not in the table yet, seen from outside."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from spanloom_collector.delivery.journal import OPEN_SUFFIX, SEALED_SUFFIX


class Backlog(NamedTuple):
    """Segments that wait, of all processes that write into the folder."""

    segment_count: int
    size_bytes: int
    """Disk that they take; an open segment counts with the space that is kept for it."""

    oldest_age_s: float
    """Since the oldest segment was last written to, 0 when there is none.

    A segment is sealed a quarter of a second after its first record, so its oldest record is hardly
    older.
    """


def backlog_of(folder: Path) -> Backlog:
    """Look into a journal's folder; one that is not there holds nothing."""
    states = list(_states(folder))
    oldest = min((state.st_mtime for state in states), default=None)
    return Backlog(
        segment_count=len(states),
        size_bytes=sum(state.st_size for state in states),
        oldest_age_s=0.0 if oldest is None else max(0.0, time.time() - oldest),
    )


def sealed_bytes_in(folder: Path) -> int:
    """Bytes that all processes have sealed and that are not in the table yet."""
    return sum(state.st_size for state in _states(folder, (SEALED_SUFFIX,)))


def _states(
    folder: Path, suffixes: tuple[str, ...] = (OPEN_SUFFIX, SEALED_SUFFIX)
) -> Iterator[os.stat_result]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.endswith(suffixes):
            try:
                yield entry.stat()
            except FileNotFoundError:
                continue  # loaded, or renamed, meanwhile
