"""The journal: what a client is told is safe is on disk before it is told.

It is a folder of *segments*, files of records (see :mod:`.records`). A segment is appended to,
then sealed, and from then on belongs to the loader. The folder is the interface: several processes
may write segments into it, one loads them (see :mod:`.inbox`). Its writer holds a segment locked
for as long as it is open: one that is open and not locked is what a dead process left.

The contract of :meth:`Journal.append`: its future is done without an exception only after the
record's bytes are synced to disk. Records that arrive during a sync share the next one. A record
whose future fails may still be replayed, if the disk kept it: clients send again, and a span that
is stored twice shows once.
"""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from spanloom_collector.delivery.backpressure import Pace, RetryLaterError
from spanloom_collector.metrics import Metrics

_LOG = logging.getLogger(__name__)
OPEN_SUFFIX = ".open"
SEALED_SUFFIX = ".pb"


@dataclass(frozen=True)
class JournalLimits:
    """When a segment is full, and when the journal is."""

    segment_bytes: int = 16 * 1024**2
    """A segment is sealed when it holds this much."""

    crowded_segment_bytes: int = 32 * 1024**2
    """While others wait to be loaded, it grows on up to this: one insert for more spans is cheaper."""

    segment_age_s: float = 0.25
    """A segment is sealed this long after its first record."""

    quota_bytes: int = 10 * 1024**3
    """Segments that wait, of all processes, may take this much; beyond it clients must wait."""


class _Appended(NamedTuple):
    """A record that is not synced yet."""

    durable: Future[None]
    size_bytes: int


@dataclass
class _OpenSegment:
    path: Path
    fd: int
    opened_monotonic: float
    length: int = 0
    synced_length: int = 0
    waiting: list[_Appended] = field(default_factory=list)
    handed_over: bool = False
    broken: bool = False

    @property
    def sealed_path(self) -> Path:
        return self.path.with_suffix(SEALED_SUFFIX)


class Journal:
    """Appends records durably and hands sealed segments over.

    Args:
        folder: of the segments.
        limits: of a segment, and of all that wait.
        on_sealed: takes each segment with its size.
        metrics: what is counted.
        waiting_elsewhere: bytes of another journal that count towards the same quota.
        pace: tells whose acknowledgement waits until the loader has caught up.
    """

    def __init__(
        self,
        folder: Path,
        limits: JournalLimits,
        on_sealed: Callable[[Path, int], None],
        metrics: Metrics | None = None,
        waiting_elsewhere: Callable[[], int] = lambda: 0,
        pace: Pace | None = None,
    ) -> None:
        self._metrics = metrics or Metrics()
        self._pace = pace or Pace()
        self._waiting_elsewhere = waiting_elsewhere
        self._folder = folder
        self._limits = limits
        self._on_sealed = on_sealed
        self._changed = threading.Condition()
        self._segment: _OpenSegment | None = None
        self._newest: _OpenSegment | None = None  # the open one, or that which is being sealed
        self._count = 0
        self._prefix = f"{time.time_ns():020}-{os.getpid()}-"
        self._waiting_bytes = 0
        self._seal_wanted = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="spanloom-journal", daemon=True)

    def start(self) -> None:
        """Accept records.

        Raises:
            OSError: the folder cannot be made.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def append(self, record: bytes) -> Future[None]:
        """Append one encoded record.

        Returns:
            A future that is done once the record is synced.

        Raises:
            RetryLaterError: the disk or the journal's quota is full, or the journal is stopping.
        """
        durable: Future[None] = Future()
        with self._changed:
            self._refuse_if_full(len(record))
            segment = self._segment or self._opened()
            self._write(segment, record)
            segment.length += len(record)
            segment.waiting.append(_Appended(durable, len(record)))
            self._changed.notify_all()
        return durable

    def seal(self, timeout_s: float) -> bool:
        """Seal the open segment as soon as no other waits to be loaded, if there is one.

        Returns:
            Whether everything that was appended before is sealed.
        """
        with self._changed:
            newest = self._newest
            self._seal_wanted = self._segment is not None
            self._changed.notify_all()
            return self._changed.wait_for(lambda: newest is None or newest.handed_over, timeout_s)

    def wrote(self, segment_name: str) -> bool:
        """Whether a segment is this journal's own."""
        return segment_name.startswith(self._prefix)

    def found(self, size_bytes: int) -> None:
        """Take note of a sealed segment that another process wrote."""
        with self._changed:
            self._waiting_bytes += size_bytes

    def loaded(self, size_bytes: int) -> None:
        """Take note that a segment of this size has been loaded and is gone."""
        with self._changed:
            self._waiting_bytes -= size_bytes
            self._changed.notify_all()
        self._progressed()

    def seen(self, sealed_bytes: int) -> None:
        """Take note of all that is sealed in the folder, for who is not told what is loaded."""
        with self._changed:
            has_shrunk = sealed_bytes < self._waiting_bytes
            self._waiting_bytes = sealed_bytes
        if has_shrunk:
            self._progressed()

    def stop(self) -> None:
        """Sync and seal what is open, then end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs that makes records durable."""
        return self._thread.is_alive()

    @property
    def waiting_bytes(self) -> int:
        """Bytes on disk that are not loaded yet."""
        segment = self._segment
        return self._waiting_bytes + (segment.length if segment else 0)

    def _progressed(self) -> None:
        self._pace.progressed()
        self._pace.release(self.waiting_bytes)

    def _refuse_if_full(self, size_bytes: int) -> None:
        if self._stopping:
            raise RetryLaterError("the collector is stopping")
        waiting_bytes = self.waiting_bytes + self._waiting_elsewhere()
        if waiting_bytes + size_bytes > self._limits.quota_bytes:
            raise RetryLaterError(f"the journal is full: {waiting_bytes} bytes wait to be loaded")

    def _opened(self) -> _OpenSegment:
        self._count += 1
        path = self._folder / f"{self._prefix}{self._count:08}{OPEN_SUFFIX}"
        try:
            fd = _created(path, self._limits.segment_bytes)
        except OSError as error:
            raise RetryLaterError(f"the journal cannot grow: {error.strerror}") from error
        self._segment = self._newest = _OpenSegment(path, fd, time.monotonic())
        return self._segment

    def _write(self, segment: _OpenSegment, record: bytes) -> None:
        view, position = memoryview(record), segment.length
        try:
            while view:
                written = os.pwrite(segment.fd, view, position)
                view, position = view[written:], position + written
        except OSError as error:
            # What was written lies behind the segment's length: it is overwritten or cut off.
            raise RetryLaterError(f"the journal cannot grow: {error.strerror}") from error

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._has_work, timeout=self._limits.segment_age_s / 4)
                segment = self._segment
                finished = self._stopping and not (segment and segment.waiting)
            if segment is not None:
                self._sync(segment)
                if finished or self._is_ripe(segment):
                    self._sealed(segment)
            self._pace.release(0 if self._stopping else self.waiting_bytes)
            if finished and self._segment is None:
                return

    def _has_work(self) -> bool:
        segment = self._segment
        is_due = segment is not None and (bool(segment.waiting) or self._is_ripe(segment))
        return self._stopping or is_due

    def _sync(self, segment: _OpenSegment) -> None:
        with self._changed:
            waiting, segment.waiting = segment.waiting, []
            length = segment.length
        if not waiting:
            return
        try:
            with self._metrics.sync_seconds.time():
                os.fdatasync(segment.fd)
        except OSError as error:
            _LOG.exception("the journal cannot be synced")
            self._break_off(segment, waiting, error)
            return
        segment.synced_length = length
        for appended in waiting:
            self._pace.acknowledge(*appended)

    def _break_off(self, segment: _OpenSegment, waiting: list[_Appended], error: OSError) -> None:
        """Keep what was synced before and refuse the rest.

        After a failed sync the disk may have dropped any page written since the last one, and a
        record behind a hole would be taken for a torn tail: nothing more goes into this segment.
        """
        with self._changed:
            waiting, segment.waiting = waiting + segment.waiting, []
            segment.length, segment.broken = segment.synced_length, True
            if self._segment is segment:
                self._segment, self._seal_wanted = None, False
        for durable, _ in waiting:
            durable.set_exception(RetryLaterError(f"the disk failed: {error.strerror}"))

    def _is_ripe(self, segment: _OpenSegment) -> bool:
        age_s = time.monotonic() - segment.opened_monotonic
        is_due = (
            self._seal_wanted
            or segment.length >= self._limits.segment_bytes
            or age_s >= self._limits.segment_age_s
        )
        return (
            segment.broken
            or segment.length >= self._limits.crowded_segment_bytes
            or (is_due and not self._waiting_bytes)
        )

    def _sealed(self, segment: _OpenSegment) -> None:
        with self._changed:
            if self._segment is segment:
                self._segment, self._seal_wanted = None, False
        self._sync(segment)
        with self._changed:
            self._waiting_bytes += segment.length
        try:
            _seal(segment)
        except OSError:
            _LOG.exception("%s cannot be sealed: the loader takes it over", segment.path.name)
        os.close(segment.fd)
        if segment.sealed_path.exists():
            self._on_sealed(segment.sealed_path, segment.length)
        else:
            self.loaded(segment.length)  # by another process, or yet to be found by the loader
        with self._changed:
            segment.handed_over = True
            self._changed.notify_all()


def _created(path: Path, size_bytes: int) -> int:
    """Create a segment's file, locked, with its space: a sync need not write the size each time."""
    while True:
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            os.posix_fallocate(fd, 0, size_bytes)
        except OSError:
            path.unlink(missing_ok=True)
            os.close(fd)  # an open file would keep the space that it got
            raise
        if os.fstat(fd).st_nlink:
            return fd
        os.close(fd)  # the loader was faster than the lock, and took it for a dead process's


def _seal(segment: _OpenSegment) -> None:
    os.ftruncate(segment.fd, segment.length)
    os.fsync(segment.fd)
    segment.path.rename(segment.sealed_path)
    sync_folder(segment.path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
