"""The way from an accepted request to the table: once, in order, whatever happens to the engine."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_collector.delivery.journal import JournalLimits
from spanloom_collector.delivery.records import Record
from spanloom_collector.delivery.spool import Spool
from spanloom_collector.pipeline.columns import rows_of
from spanloom_collector.storage.connect import Engine, EngineUnavailableError
from spanloom_collector.storage.rows import SpanRow
from tests.support.otlp import request, span

_LIMITS = JournalLimits()


def _rows_of(record: Record) -> Iterator[SpanRow]:
    """Rows as the collector makes them, but a span called "bad" has one that no engine takes."""
    sent = ExportTraceServiceRequest.FromString(record.body)
    for row in rows_of(sent, record.project or None, record.received_unix_nano):
        yield row._replace(flags=2**40) if row.name == "bad" else row


class _Moody(Engine):
    """The embedded engine, which its owner can declare to be away."""

    def __init__(self, engine: Engine) -> None:
        self.away = False

        def writer() -> Client:
            if self.away:
                raise EngineUnavailableError("away")
            return engine._open_writer()

        super().__init__(writer, engine._open_reader, reader_limit=1)

    def go_away(self) -> None:
        self.away = True
        with self._writer_lock:
            client, self._writer = self._writer, None
        if client:
            client.close()


@pytest.fixture
def project() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def spool(embedded_engine: Engine, tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(embedded_engine, tmp_path, _rows_of, _LIMITS)
    spool.start()
    yield spool
    spool.stop()


def _submit(spool: Spool, project: str, *names: str) -> None:
    body = request(*(span(name) for name in names)).SerializeToString()
    spool.submit(body, time.time_ns(), project).result(10)


def _names(engine: Engine, project: str) -> list[str]:
    sql = "SELECT name FROM spans FINAL WHERE project = {project:String} ORDER BY name"
    with engine.reader() as client:
        rows = client.query(sql, parameters={"project": project}).result_rows
    return [name for (name,) in rows]


def test_what_is_accepted_is_in_the_table_after_catching_up(
    spool: Spool, embedded_engine: Engine, project: str
) -> None:
    _submit(spool, project, "a", "b")
    _submit(spool, project, "c")

    assert spool.catch_up(30)
    assert _names(embedded_engine, project) == ["a", "b", "c"]
    assert spool.waiting_bytes == 0


def test_it_reaches_the_table_by_itself(
    spool: Spool, embedded_engine: Engine, project: str
) -> None:
    _submit(spool, project, "a")
    deadline = time.monotonic() + 30
    while not _names(embedded_engine, project) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert _names(embedded_engine, project) == ["a"]


def test_segments_are_gone_once_they_are_loaded(spool: Spool, tmp_path: Path, project: str) -> None:
    _submit(spool, project, "a")
    spool.catch_up(30)

    assert [path.name for path in tmp_path.iterdir()] == ["quarantine"]


def test_a_record_that_is_refused_is_kept_aside_and_the_rest_stored(
    spool: Spool, embedded_engine: Engine, tmp_path: Path, project: str
) -> None:
    for name in ("a", "b", "bad", "c", "d"):
        _submit(spool, project, name)
    assert spool.catch_up(60)

    (note,) = (tmp_path / "quarantine").glob("*.json")
    assert _names(embedded_engine, project) == ["a", "b", "c", "d"]
    assert spool.quarantine.count == 1
    assert json.loads(note.read_text())["project"] == project
    assert json.loads(note.read_text())["reason"]


def test_requests_are_accepted_while_the_engine_is_away_and_stored_when_it_is_back(
    embedded_engine: Engine, tmp_path: Path, project: str
) -> None:
    engine = _Moody(embedded_engine)
    spool = Spool(engine, tmp_path, _rows_of, _LIMITS)
    spool.start()
    engine.go_away()
    _submit(spool, project, "a")
    assert not spool.catch_up(0.5)
    _submit(spool, project, "b")
    engine.away = False

    assert spool.catch_up(30)
    assert _names(embedded_engine, project) == ["a", "b"]
    spool.stop()


def test_what_is_not_loaded_at_a_stop_is_replayed_at_the_next_start(
    embedded_engine: Engine, tmp_path: Path, project: str
) -> None:
    engine = _Moody(embedded_engine)
    engine.away = True
    first = Spool(engine, tmp_path, _rows_of, _LIMITS)
    first.start()
    _submit(first, project, "a")
    first.stop()
    second = Spool(embedded_engine, tmp_path, _rows_of, _LIMITS)
    second.start()

    assert second.catch_up(30)
    assert _names(embedded_engine, project) == ["a"]
    second.stop()


def test_a_segment_that_was_loaded_but_not_deleted_stores_nothing_twice(
    embedded_engine: Engine, tmp_path: Path, project: str
) -> None:
    engine = _Moody(embedded_engine)
    engine.away = True
    first = Spool(engine, tmp_path, _rows_of, _LIMITS)
    first.start()
    _submit(first, project, "a")
    first.stop()
    (segment,) = tmp_path.glob("*.pb")
    content = segment.read_bytes()
    for _ in range(2):
        segment.write_bytes(content)
        spool = Spool(embedded_engine, tmp_path, _rows_of, _LIMITS)
        spool.start()
        assert spool.catch_up(30)
        spool.stop()

    with embedded_engine.reader() as client:
        sql = "SELECT count() FROM spans WHERE project = {project:String}"
        stored = client.query(sql, parameters={"project": project}).result_rows
    assert stored == [(1,)]
