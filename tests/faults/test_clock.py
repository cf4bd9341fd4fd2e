"""Clocks that jump: which of a span's versions is shown.

Whatever the server's clock does, an ended span is never hidden by its start record, a record that
is replayed shows once, and of two ends of the same span the later one is shown.
"""

import uuid
from pathlib import Path

import pytest

from spanloom_collector.delivery.journal import JournalLimits
from spanloom_collector.delivery.spool import Spool
from spanloom_collector.storage.connect import Engine
from tests.support.otlp import request, span
from tests.support.rows import rows_of_record

_NOON = 1_700_000_000_000_000_000
_JUMP = 3_600_000_000_000
_IDS = {"trace_id": b"t" * 16, "span_id": b"s" * 8, "start_time_unix_nano": _NOON}
_RUNNING = span("running", **_IDS, end_time_unix_nano=0)
_ENDED = span("ended", **_IDS, end_time_unix_nano=_NOON + 5)
_ENDED_LATER = span("ended later", **_IDS, end_time_unix_nano=_NOON + 9)


@pytest.mark.parametrize(
    ("arrivals", "shown"),
    [
        pytest.param(
            [(_RUNNING, _NOON), (_ENDED, _NOON - _JUMP)], "ended", id="the clock jumps back"
        ),
        pytest.param(
            [(_ENDED, _NOON), (_RUNNING, _NOON + _JUMP)], "ended", id="a start comes late"
        ),
        pytest.param([(_ENDED, _NOON), (_ENDED_LATER, _NOON + 1)], "ended later", id="two ends"),
        pytest.param([(_ENDED, _NOON), (_ENDED, _NOON - _JUMP)], "ended", id="sent again"),
    ],
)
def test_a_span_shows_once_and_ended(
    embedded_engine: Engine, tmp_path: Path, arrivals: list[tuple[object, int]], shown: str
) -> None:
    assert _shown_after(embedded_engine, tmp_path, arrivals) == [shown]


def test_the_later_end_wins_over_an_earlier_one_after_a_jump_backwards(
    embedded_engine: Engine, tmp_path: Path
) -> None:
    arrivals = [(_ENDED, _NOON), (_ENDED_LATER, _NOON - _JUMP)]

    assert _shown_after(embedded_engine, tmp_path, arrivals) == ["ended later"]


def _shown_after(engine: Engine, folder: Path, arrivals: list[tuple[object, int]]) -> list[str]:
    project = uuid.uuid4().hex
    spool = Spool(engine, folder, rows_of_record, JournalLimits())
    spool.start()
    for sent, received_unix_nano in arrivals:
        body = request(sent).SerializeToString()  # type: ignore[arg-type]
        spool.submit(body, received_unix_nano, project).result(10)
        assert spool.catch_up(30)
    spool.stop()
    sql = "SELECT name FROM spans FINAL WHERE project = {project:String}"
    with engine.reader() as client:
        rows = client.query(sql, parameters={"project": project}).result_rows
    return [name for (name,) in rows]
