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
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DataError

from spanloom_collector.delivery.quarantine import Quarantine
from spanloom_collector.delivery.records import Record, decoded, intact_length
from spanloom_collector.logs import ONCE_A_MINUTE
from spanloom_collector.metrics import Metrics
from spanloom_collector.storage.connect import Engine, EngineUnavailableError
from spanloom_collector.storage.rows import insert_spans
from spanloom_collector.storage.segments import (
    SegmentFormat,
    insert_segment_body,
    insert_segment_file,
)

_LOG = logging.getLogger(__name__)
_ROWS_PER_INSERT = 5_000

ENGINE_DECODES_FROM_BYTES = 1024**2
"""Larger segments are decoded by the engine: a third of the CPU a span, after 80 ms a segment."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0
_TRYING_AGAIN = "the engine does not take spans, trying again: %s"

# Of the errors that the engine numbers, those that speak of the rows and not of its own state. Any
# other one is met by waiting: a segment is never given up because the engine was unwell.
_FAULTS_OF_ROWS = {6, 26, 27, 32, 33, 36, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 395, 407, 636}
_FAULTS_OF_ROWS |= {115, 434}  # an older server that cannot decode segments: rows are laid out here
_CODE = re.compile(r"Code: (\d+)")

Row = tuple[Any, ...]
RowsOf = Callable[[Record], Iterable[Row]]
"""Lays one record out as rows."""

InsertRows = Callable[[Client, Sequence[Any], str], None]
"""Makes rows durable under a deduplication token."""


class _Segment(NamedTuple):
    path: Path
    size_bytes: int
    is_fresh: bool


class _Part(NamedTuple):
    """Some records of a segment, and the name under which their rows are inserted."""

    name: str
    records: Sequence[Record]


class Loader:
    """One thread that loads segments in the order in which they were handed over.

    Args:
        engine: where the rows go.
        rows_of: lays one record out as rows; whatever it raises condemns the record.
        form: with which the engine decodes large segments itself; None leaves all to `rows_of`.
        quarantine: takes what is refused.
        on_loaded: called with a segment's size when it is gone.
        insert: makes the rows of `rows_of` durable.
    """

    def __init__(
        self,
        engine: Engine,
        rows_of: RowsOf,
        form: SegmentFormat | None,
        quarantine: Quarantine,
        on_loaded: Callable[[int], None],
        metrics: Metrics | None = None,
        insert: InsertRows = insert_spans,
    ) -> None:
        self._metrics = metrics or Metrics()
        self._insert = insert
        self._engine = engine
        self._rows_of = rows_of
        self._form = form
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

    def hand_over(self, path: Path, size_bytes: int, *, is_fresh: bool = False) -> None:
        """Take a sealed segment.

        Args:
            path: the file.
            size_bytes: its length.
            is_fresh: this process has only just written it; any other is checked first, since the
                engine does not look at checksums.
        """
        with self._changed:
            self._segments.append(_Segment(path, size_bytes, is_fresh))
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

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs that loads segments."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while (segment := self._next()) is not None:
            with self._metrics.load_seconds.time():
                if not self._finished_with(segment):
                    return  # stopping while engine or disk is away: the segment stays on disk
            self._metrics.loaded_bytes.inc(segment.size_bytes)
            self._on_loaded(segment.size_bytes)
            with self._changed:
                self._finished += 1
                self._changed.notify_all()

    def _next(self) -> _Segment | None:
        with self._changed:
            self._changed.wait_for(lambda: self._segments or self._stopping)
            return None if self._stopping else self._segments.popleft()

    def _finished_with(self, segment: _Segment) -> bool:
        """Load a segment and delete it, trying again for as long as the disk is unwell."""
        for pause_s in _pauses():
            if not segment.path.exists():
                _LOG.error("segment %s was removed before it was loaded", segment.path.stem)
                return True
            try:
                if not self._loaded(segment):
                    return False
                segment.path.unlink()
                return True
            except OSError as error:
                _LOG.warning("segment %s waits for the disk: %s", segment.path.stem, error)
            if self._stopped_within(pause_s):
                return False
        raise AssertionError("pauses never end")

    def _loaded(self, segment: _Segment) -> bool:
        is_large = segment.size_bytes >= ENGINE_DECODES_FROM_BYTES
        if self._form is not None and is_large and _is_whole(segment):
            try:
                return self._engine_decoded(segment, self._form)
            except ClickHouseError as error:
                _LOG.info("segment %s is decoded in Python: %s", segment.path.stem, error)
        return self._stored(_Part(segment.path.stem, self._records(segment)))

    def _records(self, segment: _Segment) -> Sequence[Record]:
        content = segment.path.read_bytes()
        length = intact_length(content)
        if length < len(content):  # it was whole when it was sealed: the disk has lost something
            name, lost = f"{segment.path.stem}-damaged", Record(content[length:], 0, "")
            reason = f"the segment is damaged at byte {length}; this is the rest of it"
            _LOG.error("%s goes into quarantine: %s", name, reason)
            self._quarantine.put(name, lost, reason)
        return tuple(decoded(content[:length]))

    def _engine_decoded(self, segment: _Segment, form: SegmentFormat) -> bool:
        insert = insert_segment_file if self._engine.is_embedded else insert_segment_body
        token = segment.path.stem
        return self._taken(lambda client: insert(client, segment.path, form, token))

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

    def _inserted(self, name: str, rows: Sequence[Row]) -> bool:
        return all(
            self._taken(partial(self._insert_chunk, chunk, f"{name}/{number}"))
            for number, chunk in enumerate(_chunks(rows))
        )

    def _insert_chunk(self, rows: Sequence[Row], token: str, client: Client) -> None:
        self._insert(client, rows, token)

    def _taken(self, insert: Callable[[Client], None]) -> bool:
        """Insert, trying again for as long as the engine is unwell.

        Returns:
            False when told to stop meanwhile.

        Raises:
            ClickHouseError: the engine is well and refuses the rows themselves.
        """
        for pause_s in _pauses():
            try:
                with self._engine.writer() as client:
                    insert(client)
                return True
            except (ClickHouseError, EngineUnavailableError, OSError) as error:
                if _is_fault_of_rows(error):
                    raise
                self._metrics.insert_retries.inc()
                _LOG.warning(_TRYING_AGAIN, error, extra=ONCE_A_MINUTE)
            if self._stopped_within(pause_s):
                return False
        raise AssertionError("pauses never end")

    def _stopped_within(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._stopping, seconds)


def _is_whole(segment: _Segment) -> bool:
    return segment.is_fresh or intact_length(segment.path.read_bytes()) == segment.size_bytes


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
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
