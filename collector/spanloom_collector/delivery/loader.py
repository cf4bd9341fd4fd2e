"""From sealed segments to the table, in order, each exactly once.

A segment is deleted only after its rows are on disk. Its name is the insert's deduplication token,
so a crash between the two, and the replay after it, store nothing twice. While the engine is away
segments wait. What the engine refuses for its content is halved until the guilty record is found;
that goes into quarantine, everything else into the table.
"""

import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from clickhouse_connect.driver.exceptions import ClickHouseError, DataError

from spanloom_collector.delivery.quarantine import Quarantine
from spanloom_collector.delivery.records import Record, decoded
from spanloom_collector.storage.connect import Engine, EngineUnavailableError
from spanloom_collector.storage.rows import SpanRow, insert_spans

_LOG = logging.getLogger(__name__)
_ROWS_PER_INSERT = 5_000
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0

# Of the errors that the engine numbers, those that speak of the rows and not of its own state. Any
# other one is met by waiting: a segment is never given up because the engine was unwell.
_FAULTS_OF_ROWS = {6, 26, 27, 33, 36, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 407, 636}
_CODE = re.compile(r"Code: (\d+)")

RowsOf = Callable[[Record], Iterable[SpanRow]]
"""Lays one record out as rows."""


class _Segment(NamedTuple):
    path: Path
    size_bytes: int


class _Part(NamedTuple):
    """Some records of a segment, and the name under which their rows are inserted."""

    name: str
    records: Sequence[Record]


class Loader:
    """One thread that loads segments in the order in which they were handed over.

    Args:
        engine: where the rows go.
        rows_of: lays one record out as rows; whatever it raises condemns the record.
        quarantine: takes what is refused.
        on_loaded: called with a segment's size when it is gone.
    """

    def __init__(
        self,
        engine: Engine,
        rows_of: RowsOf,
        quarantine: Quarantine,
        on_loaded: Callable[[int], None],
    ) -> None:
        self._engine = engine
        self._rows_of = rows_of
        self._quarantine = quarantine
        self._on_loaded = on_loaded
        self._segments: deque[_Segment] = deque()
        self._changed = threading.Condition()
        self._handed_over = self._finished = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="spanloom-loader", daemon=True)

    def start(self) -> None:
        """Begin loading."""
        self._thread.start()

    def hand_over(self, path: Path, size_bytes: int) -> None:
        """Take a sealed segment."""
        with self._changed:
            self._segments.append(_Segment(path, size_bytes))
            self._handed_over += 1
            self._changed.notify_all()

    def wait_until_loaded(self, timeout_s: float) -> bool:
        """Wait for everything that was handed over so far.

        Returns:
            Whether it is all in the table.
        """
        with self._changed:
            goal = self._handed_over
            return self._changed.wait_for(lambda: self._finished >= goal, timeout_s)

    def stop(self) -> None:
        """Finish the segment under way, leave the rest to the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while (segment := self._next()) is not None:
            if not self._loaded(segment):
                return  # stopping while the engine is away: the segment stays on disk
            segment.path.unlink()
            self._on_loaded(segment.size_bytes)
            with self._changed:
                self._finished += 1
                self._changed.notify_all()

    def _next(self) -> _Segment | None:
        with self._changed:
            self._changed.wait_for(lambda: self._segments or self._stopping)
            return None if self._stopping else self._segments.popleft()

    def _loaded(self, segment: _Segment) -> bool:
        records = tuple(decoded(segment.path.read_bytes()))
        return self._stored(_Part(segment.path.stem, records))

    def _stored(self, part: _Part) -> bool:
        """Store a part, halving it where its content is refused."""
        try:
            rows = [row for record in part.records for row in self._rows_of(record)]
            return self._inserted(part.name, rows)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a record, the rest is stored
            if len(part.records) == 1:
                self._condemned(part, error)
                return True
        middle = len(part.records) // 2
        halves = (part.records[:middle], part.records[middle:])
        return all(
            self._stored(_Part(f"{part.name}-{side}", half)) for side, half in enumerate(halves)
        )

    def _condemned(self, part: _Part, error: Exception) -> None:
        _LOG.error("a record goes into quarantine as %s: %s", part.name, error)
        self._quarantine.put(part.name, part.records[0], str(error))

    def _inserted(self, name: str, rows: Sequence[SpanRow]) -> bool:
        """Insert rows, waiting for the engine as long as it takes.

        Returns:
            False when told to stop meanwhile.

        Raises:
            ClickHouseError: the engine refuses the rows themselves.
        """
        for number, chunk in enumerate(_chunks(rows)):
            for pause_s in _pauses():
                try:
                    with self._engine.writer() as client:
                        insert_spans(client, chunk, f"{name}/{number}")
                    break
                except (ClickHouseError, EngineUnavailableError, OSError) as error:
                    if _is_fault_of_rows(error):
                        raise
                    _LOG.warning("the engine does not take spans, trying again: %s", error)
                    if self._stopped_within(pause_s):
                        return False
        return True

    def _stopped_within(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._stopping, seconds)


def _chunks(rows: Sequence[SpanRow]) -> Iterator[Sequence[SpanRow]]:
    for start in range(0, len(rows), _ROWS_PER_INSERT):
        yield rows[start : start + _ROWS_PER_INSERT]


def _pauses() -> Iterator[float]:
    pause_s = _FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def _is_fault_of_rows(error: Exception) -> bool:
    code = _CODE.search(str(error))
    if code is not None:
        return int(code.group(1)) in _FAULTS_OF_ROWS
    return isinstance(error, DataError)  # the client could not write the rows down
