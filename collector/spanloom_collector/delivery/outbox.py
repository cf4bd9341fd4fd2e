"""Delivery in a front end: a journal whose segments another process loads.

The contract of :meth:`Outbox.submit` is that of the spool: done without an exception means that the
request would survive a crash. It reaches the table once a process loads from the folder.
"""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from spanloom_collector.delivery.backlog import sealed_bytes_in
from spanloom_collector.delivery.journal import Journal, JournalLimits
from spanloom_collector.delivery.records import Record, encoded
from spanloom_collector.delivery.watch import Watch
from spanloom_collector.metrics import Metrics


class Outbox:
    """Accepts requests durably, and stays within the quota that all processes share.

    What the others have sealed is seen within 50 ms; what they have open is not counted.
    """

    def __init__(
        self,
        folder: Path,
        limits: JournalLimits,
        metrics: Metrics | None = None,
        waiting_elsewhere: Callable[[], int] = lambda: 0,
    ) -> None:
        self.folder = folder
        self._journal = Journal(
            folder, limits, lambda _path, _size: None, metrics, waiting_elsewhere
        )
        self._watch = Watch(self._look, "spanloom-outbox")

    def start(self) -> None:
        """Accept requests.

        Raises:
            OSError: the folder cannot be made.
        """
        self._journal.start()
        self._look()
        self._watch.start()

    def submit(self, body: bytes, received_unix_nano: int, project: str | None) -> Future[None]:
        """Accept a request, as :meth:`spanloom_collector.delivery.spool.Spool.submit` does.

        Raises:
            RetryLaterError: the disk or the journal's quota is full, or the process is stopping.
        """
        return self._journal.append(encoded(Record(body, received_unix_nano, project or "")))

    def stop(self) -> None:
        """Make durable what is open."""
        self._watch.stop()
        self._journal.stop()

    @property
    def accepts(self) -> bool:
        """Whether the threads run that make requests durable, and see what others wrote."""
        return self._journal.is_alive and self._watch.is_alive

    @property
    def waiting_bytes(self) -> int:
        """Bytes that are durable and, as far as it is known here, not in the table."""
        return self._journal.waiting_bytes

    def _look(self) -> None:
        self._journal.seen(sealed_bytes_in(self.folder))
