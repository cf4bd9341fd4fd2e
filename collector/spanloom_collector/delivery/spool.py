"""Delivery as the receivers see it: journal in front, loader behind, inbox for what others wrote.

The contract of :meth:`Spool.submit`: its future is done without an exception only after the request
would survive a crash. From then on it reaches the table by itself, once, however often the process
or the engine dies.
"""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from spanloom_collector.delivery.inbox import Inbox
from spanloom_collector.delivery.journal import Journal, JournalLimits
from spanloom_collector.delivery.loader import InsertRows, Loader, RowsOf
from spanloom_collector.delivery.quarantine import Quarantine
from spanloom_collector.delivery.records import Record, encoded
from spanloom_collector.metrics import Metrics
from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.rows import insert_spans
from spanloom_collector.storage.segments import SegmentFormat


class Spool:
    """Accepts requests of one signal durably and brings them into their table.

    Args:
        engine: where the rows go.
        folder: of the journal, with the quarantine below it.
        rows_of: lays one record out as rows.
        limits: of the journal.
        form: with which the engine decodes large segments itself; None leaves all to `rows_of`.
        metrics: what is counted.
        insert: makes the rows of `rows_of` durable.
        waiting_elsewhere: bytes of another journal that count towards the same quota.
    """

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        rows_of: RowsOf,
        limits: JournalLimits,
        form: SegmentFormat | None = None,
        metrics: Metrics | None = None,
        insert: InsertRows = insert_spans,
        waiting_elsewhere: Callable[[], int] = lambda: 0,
    ) -> None:
        metrics = metrics or Metrics()
        self.folder = folder
        self.quarantine = Quarantine(folder / "quarantine")
        self._loader = Loader(
            engine, rows_of, form, self.quarantine, self._on_loaded, metrics, insert
        )
        self._journal = Journal(folder, limits, self._on_sealed, metrics, waiting_elsewhere)
        self._inbox = Inbox(folder, self._journal.wrote, self._on_found, metrics)

    def start(self) -> None:
        """Replay what an earlier process left, then accept requests.

        Raises:
            FolderTakenError: another process loads from the folder.
            OSError: the folder cannot be read.
        """
        self._inbox.start()
        self._journal.start()
        self._loader.start()

    def submit(self, body: bytes, received_unix_nano: int, project: str | None) -> Future[None]:
        """Accept a request.

        Args:
            body: a valid export request, serialised.
            received_unix_nano: when it came.
            project: the project of all that it holds; None when each resource names its own.

        Returns:
            A future that is done once the request is durable.

        Raises:
            RetryLaterError: the disk or the journal's quota is full, or the spool is stopping.
        """
        return self._journal.append(encoded(Record(body, received_unix_nano, project or "")))

    def catch_up(self, timeout_s: float) -> bool:
        """Bring everything that was accepted so far into the table, if that is possible in time.

        Of what front ends accept, that is all but the segments that they have open, each for a
        quarter of a second.

        Returns:
            Whether it is all there.
        """
        if not self._journal.seal(timeout_s):
            return False
        self._inbox.look()
        return self._loader.wait_until_loaded(timeout_s)

    def stop(self) -> None:
        """Make durable what is open, finish the segment under way, leave the rest on disk."""
        self._journal.stop()
        self._loader.stop()
        self._inbox.stop()  # last: from here on another process may load

    @property
    def accepts(self) -> bool:
        """Whether the thread runs that makes requests durable."""
        return self._journal.is_alive

    @property
    def loads(self) -> bool:
        """Whether the threads run that fill the table."""
        return self._loader.is_alive and self._inbox.is_alive

    @property
    def waiting_bytes(self) -> int:
        """Bytes that are durable and not yet in the table."""
        return self._journal.waiting_bytes

    def _on_sealed(self, path: Path, size_bytes: int) -> None:
        self._loader.hand_over(path, size_bytes, is_fresh=True)

    def _on_found(self, path: Path, size_bytes: int) -> None:
        self._journal.found(size_bytes)
        self._loader.hand_over(path, size_bytes)

    def _on_loaded(self, size_bytes: int) -> None:
        self._journal.loaded(size_bytes)
