"""A day of small exports, compressed in time: one span each, each loaded by an insert of its own."""

import time
import uuid
from pathlib import Path

import pytest

from spanloom_collector.delivery.journal import JournalLimits
from spanloom_collector.delivery.spool import Spool
from spanloom_collector.storage.connect import Engine
from tests.support.otlp import request, span
from tests.support.rows import rows_of_record
from tests.support.soak import scaled

_DAY_NS = 86_400_000_000_000
_MIDNIGHT = 1_700_006_400_000_000_000
_EACH_ALONE = JournalLimits(segment_bytes=1)
_MAX_PARTS = 150
_PARTS = """
SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'spans'
"""


@pytest.mark.timeout(3_600)
def test_parts_stay_few_however_small_the_inserts(embedded_engine: Engine, tmp_path: Path) -> None:
    project, most_parts = uuid.uuid4().hex, 0
    count, began = scaled(400, 20_000), time.monotonic()
    spool = Spool(embedded_engine, tmp_path, rows_of_record, _EACH_ALONE)
    spool.start()
    for number in range(count):
        received = _MIDNIGHT + number * _DAY_NS // count
        sent = span(start_time_unix_nano=received - 10, end_time_unix_nano=received - 5)
        spool.submit(request(sent).SerializeToString(), received, project).result(10)
        if number % 100 == 99:
            assert spool.catch_up(60)
            most_parts = max(most_parts, _number(embedded_engine, _PARTS))
    assert spool.catch_up(60)
    spool.stop()
    took_s = time.monotonic() - began

    began = time.monotonic()
    stored = _number(
        embedded_engine, f"SELECT count() FROM spans FINAL WHERE project = '{project}'"
    )
    print(
        f"{count} inserts in {took_s:.1f} s, at most {most_parts} parts, "
        f"counted in {time.monotonic() - began:.3f} s"
    )
    assert stored == count
    assert most_parts <= _MAX_PARTS


def _number(engine: Engine, sql: str) -> int:
    with engine.reader() as client:
        return int(client.query(sql).result_rows[0][0])
