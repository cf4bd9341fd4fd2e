"""From an accepted batch to rows that survive a crash.

The contract of :meth:`Loader.submit`: its future is done without an exception only after the
batch's rows are on disk; a failure means that nothing is promised and the client should send the
batch again. Batches that arrive while an insert runs are inserted together, so many small requests
cost one commit. (A journal that makes acceptance durable before the insert belongs in front of the
queue, behind the same method.)
"""

import logging
import threading
import uuid
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from clickhouse_connect.driver.exceptions import ClickHouseError

from spanloom_collector.storage.connect import Engine, EngineUnavailableError
from spanloom_collector.storage.rows import SpanRow, insert_spans

_LOG = logging.getLogger(__name__)
_MAX_ROWS_PER_INSERT = 5_000
_MAX_BYTES_PER_INSERT = 32 * 1024**2
_ATTEMPTS = 2


class RetryLaterError(Exception):
    """Nothing was stored; the same batch may be sent again in a moment."""


@dataclass(frozen=True)
class _Batch:
    rows: Sequence[SpanRow]
    size_bytes: int
    durable: Future[None] = field(default_factory=Future)


class Loader:
    """One thread that inserts what was submitted, several batches at a time."""

    def __init__(self, engine: Engine, max_pending_bytes: int) -> None:
        self._engine = engine
        self._max_pending_bytes = max_pending_bytes
        self._pending: deque[_Batch] = deque()
        self._pending_bytes = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="spanloom-loader", daemon=True)

    def start(self) -> None:
        """Begin inserting."""
        self._thread.start()

    def submit(self, rows: Sequence[SpanRow], size_bytes: int) -> Future[None]:
        """Queue a batch.

        Args:
            rows: spans of one request; may be empty.
            size_bytes: size of the request, by which the queue is bounded.

        Returns:
            A future that is done when the rows are durable, or fails with
            :class:`RetryLaterError`.

        Raises:
            RetryLaterError: too much is pending, or the loader is stopping.
        """
        batch = _Batch(rows, size_bytes)
        if not rows:
            batch.durable.set_result(None)
            return batch.durable
        with self._changed:
            if self._stopping:
                raise RetryLaterError("the collector is stopping")
            if self._pending and self._pending_bytes + size_bytes > self._max_pending_bytes:
                raise RetryLaterError(f"{self._pending_bytes} bytes wait to be stored")
            self._pending.append(batch)
            self._pending_bytes += size_bytes
            self._changed.notify()
        return batch.durable

    def stop(self) -> None:
        """Insert what is pending, then end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    @property
    def pending_bytes(self) -> int:
        """Bytes submitted and not yet durable."""
        return self._pending_bytes

    def _run(self) -> None:
        while group := self._next_group():
            self._load(group)
            with self._changed:
                self._pending_bytes -= sum(batch.size_bytes for batch in group)

    def _next_group(self) -> list[_Batch]:
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._stopping)
            group: list[_Batch] = []
            row_count = size_bytes = 0
            while self._pending and _fits(row_count, size_bytes):
                batch = self._pending.popleft()
                group.append(batch)
                row_count += len(batch.rows)
                size_bytes += batch.size_bytes
            return group

    def _load(self, group: list[_Batch]) -> None:
        fault = self._insert([row for batch in group for row in batch.rows])
        if fault is not None and len(group) > 1:
            # One batch that the engine refuses must not cost the others their place.
            for batch in group:
                self._load([batch])
            return
        for batch in group:
            if fault is None:
                batch.durable.set_result(None)
            else:
                batch.durable.set_exception(RetryLaterError(f"the insert failed: {fault}"))

    def _insert(self, rows: list[SpanRow]) -> Exception | None:
        token = uuid.uuid4().hex
        fault: Exception | None = None
        for _ in range(_ATTEMPTS):
            try:
                with self._engine.writer() as client:
                    insert_spans(client, rows, token)
                return None
            except (ClickHouseError, EngineUnavailableError, OSError, ValueError) as error:
                fault = error
                _LOG.warning("insert of %d spans failed: %s", len(rows), error)
        return fault


def _fits(row_count: int, size_bytes: int) -> bool:
    return row_count < _MAX_ROWS_PER_INSERT and size_bytes < _MAX_BYTES_PER_INSERT
