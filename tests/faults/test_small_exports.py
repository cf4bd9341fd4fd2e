"""A day of small exports, compressed in time: one span each, each loaded by an insert of its own.

The inserts follow each other many times faster than the quarter of a second at which a journal
seals, so the engine has less time to merge between them than it ever has in operation.
"""

import time
import uuid
from pathlib import Path

import pytest

from spanloom_collector.delivery.journal import JournalLimits
from spanloom_collector.delivery.spool import Spool
from spanloom_collector.storage.connect import Engine
from spanloom_query.reads.traces import PageRequest, list_traces
from tests.support.otlp import request, span
from tests.support.rows import rows_of_record
from tests.support.soak import scaled

_DAY_NS = 86_400_000_000_000
_MIDNIGHT = 1_700_006_400_000_000_000
_EACH_ALONE = JournalLimits(segment_bytes=1, crowded_segment_bytes=1)
_MAX_PARTS = 150  # the engine slows inserts down from 1,000 on
_MAX_CPU_RATIO = 4
_PARTS = 150  # the engine slows inserts down from 1,000 on
_MAX_READ_RATIO = 3
_MAX_CPU_RATIO = 4
_PARTS = """
SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'spans'
"""
_LOG_ROWS = """
SELECT sum(total_rows) FROM system.tables WHERE database = 'system' AND engine LIKE '%MergeTree'
"""


@pytest.mark.timeout(7_200)
def test_parts_stay_few_and_reads_quick_however_small_the_inserts(
    embedded_engine: Engine, tmp_path: Path
) -> None:
    project, parts = uuid.uuid4().hex, []
    count, log_rows = scaled(400, 20_000), _number(embedded_engine, _LOG_ROWS)
    spool = Spool(embedded_engine, tmp_path, rows_of_record, _EACH_ALONE)
    spool.start()
    for number in range(count):
        _submit(spool, project, _MIDNIGHT + number * _DAY_NS // count)
        if number % 40 == 39:
            parts.append(_number(embedded_engine, _PARTS))
    assert spool.catch_up(600)
    spool.stop()
    unmerged_cpu_s = _page_cpu_s(embedded_engine, project)
    with embedded_engine.writer() as client:
        client.command("OPTIMIZE TABLE spans FINAL")
    merged_cpu_s = _page_cpu_s(embedded_engine, project)

    print(
        f"{count} inserts, parts {parts}; a page: {unmerged_cpu_s:.3f} s, merged {merged_cpu_s:.3f} s"
    )
    assert (
        _number(embedded_engine, f"SELECT count() FROM spans WHERE project = '{project}'") == count
    )
    assert max(parts) <= _MAX_PARTS
    assert unmerged_cpu_s <= _MAX_CPU_RATIO * merged_cpu_s
    assert _number(embedded_engine, _LOG_ROWS) == log_rows


def _submit(spool: Spool, project: str, received: int) -> None:
    sent = span(start_time_unix_nano=received - 10, end_time_unix_nano=received - 5)
    spool.submit(request(sent).SerializeToString(), received, project).result(60)


def _page_cpu_s(engine: Engine, project: str) -> float:
    """CPU time of the page's list of traces; the best of ten, as merges run meanwhile."""
    taken_s = []
    for _ in range(10):
        began = time.process_time()
        list_traces(engine, project, PageRequest(50, None, "-start_time"))
        taken_s.append(time.process_time() - began)
    return min(taken_s)


def _number(engine: Engine, sql: str) -> int:
    with engine.reader() as client:
        return int(client.query(sql).result_rows[0][0] or 0)
