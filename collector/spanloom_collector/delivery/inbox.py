"""Segments that other processes left in the journal's folder, handed over once, in their order.

Others are front ends, which live and write on, and processes that died. A sealed segment is found
within 50 ms; the open one of a dead writer, told by its lock, is cut to what is whole and sealed.
One process alone may load from a folder: it holds the folder itself locked.
"""

import fcntl
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from spanloom_collector.delivery.journal import OPEN_SUFFIX, SEALED_SUFFIX, sync_folder
from spanloom_collector.delivery.records import intact_length
from spanloom_collector.delivery.watch import Watch
from spanloom_collector.logs import ONCE_A_MINUTE
from spanloom_collector.metrics import Metrics

_LOG = logging.getLogger(__name__)


class FolderTakenError(Exception):
    """Another process loads from the journal's folder; the text says which folder."""


class Inbox:
    """Watches a journal's folder.

    Args:
        folder: it must be there.
        is_own: tells by its name a segment that this process hands over itself.
        hand_over: takes the path of a sealed segment and its size.

    Example:
        >>> inbox = Inbox(folder, journal.wrote, loader.hand_over, Metrics())  # doctest: +SKIP
        >>> inbox.start()  # doctest: +SKIP
    """

    def __init__(
        self,
        folder: Path,
        is_own: Callable[[str], bool],
        hand_over: Callable[[Path, int], None],
        metrics: Metrics,
    ) -> None:
        self._folder = folder
        self._is_own = is_own
        self._hand_over = hand_over
        self._metrics = metrics
        self._looking = threading.Lock()
        self._handed_over: set[str] = set()
        self._claim: int | None = None
        self._watch = Watch(self.look, "spanloom-inbox")

    def start(self) -> None:
        """Hand over what is there, then watch.

        Raises:
            FolderTakenError: another process does so already.
            OSError: the folder cannot be read.
        """
        self._claim = _claimed(self._folder)
        self._metrics.replayed_segments.inc(self._looked())
        self._watch.start()

    def look(self) -> None:
        """Hand over now what came since the last look."""
        self._metrics.front_end_segments.inc(self._looked())

    def stop(self) -> None:
        """End, and let another process load from the folder."""
        self._watch.stop()
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs that finds segments."""
        return self._watch.is_alive

    def _looked(self) -> int:
        with self._looking:
            with os.scandir(self._folder) as entries:
                names = sorted(entry.name for entry in entries)
            self._handed_over.intersection_update(names)
            return sum(self._is_handed_over(self._folder / name) for name in names)

    def _is_handed_over(self, path: Path) -> bool:
        try:
            sealed = self._sealed(path)
            if sealed is None:
                return False
            size_bytes = sealed.stat().st_size
        except FileNotFoundError:
            return False  # its writer has sealed it meanwhile
        except OSError as error:  # one file must not keep those behind it
            _LOG.warning("%s cannot be taken: %s", path.name, error, extra=ONCE_A_MINUTE)
            return False
        self._handed_over.add(sealed.name)
        self._hand_over(sealed, size_bytes)
        return True

    def _sealed(self, path: Path) -> Path | None:
        if path.suffix == OPEN_SUFFIX:
            return _taken_over(path)
        if path.suffix != SEALED_SUFFIX or path.name in self._handed_over:
            return None
        return None if self._is_own(path.name) else path


def _claimed(folder: Path) -> int:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise FolderTakenError(
            f"another process loads from {folder}: stop it, choose another folder with --data, or "
            "run a front end with 'spanloom receive'"
        ) from None
    return fd


def _taken_over(path: Path) -> Path | None:
    """Seal a segment whose writer died, without the tail that was never acknowledged.

    Returns:
        The sealed segment; None when its writer lives, or nothing in it is whole.
    """
    fd = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The lock is kept until the name is gone: a writer that has only just made the file waits.
        return _cut_and_sealed(path, fd)
    except BlockingIOError:
        return None
    finally:
        os.close(fd)


def _cut_and_sealed(path: Path, fd: int) -> Path | None:
    if not os.fstat(fd).st_nlink or not path.exists():
        return None  # its writer sealed it between the look and the lock
    length = intact_length(path.read_bytes())
    if not length:
        path.unlink()
        return None
    written = os.fstat(fd)
    os.ftruncate(fd, length)
    os.utime(fd, ns=(written.st_atime_ns, written.st_mtime_ns))  # its age is that of its records
    os.fsync(fd)
    sealed = path.with_suffix(SEALED_SUFFIX)
    path.rename(sealed)
    sync_folder(path.parent)
    _LOG.info("%s is taken over: its writer has died", path.name)
    return sealed
