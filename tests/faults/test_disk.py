"""Disks that are full, fail or decay: clients are told to come back, and nothing durable is lost."""

import errno
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from spanloom_collector.delivery.backpressure import RetryLaterError
from spanloom_collector.delivery.journal import OPEN_SUFFIX, Journal, JournalLimits
from spanloom_collector.delivery.loader import ENGINE_DECODES_FROM_BYTES
from spanloom_collector.delivery.records import Record, decoded, encoded
from spanloom_collector.delivery.spool import Spool
from spanloom_collector.pipeline.segments import SEGMENT_FORMAT
from spanloom_collector.storage.connect import Engine
from tests.support.load import Ledger, assert_kept, load_on
from tests.support.otlp import request, span
from tests.support.rows import rows_of_record
from tests.support.server import running_server
from tests.support.small_disk import filled, small_disk
from tests.support.soak import seeded_random

_MEBIBYTE = 1024**2
_PATIENT = JournalLimits(segment_age_s=60, segment_bytes=16 * _MEBIBYTE)


class _Receiver:
    """Takes sealed segments, as the loader does."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def take(self, path: Path, _size_bytes: int) -> None:
        self.bodies.extend(record.body for record in decoded(path.read_bytes()))


def _record(body: bytes) -> bytes:
    return encoded(Record(body, 1, "p"))


def _open_file_count() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_refusal_for_want_of_disk_holds_no_file_open(tmp_path: Path) -> None:
    no_disk_is_that_large = JournalLimits(segment_bytes=1 << 62)
    journal = Journal(tmp_path, no_disk_is_that_large, _Receiver().take)
    journal.start()
    before = _open_file_count()
    for _ in range(20):
        with pytest.raises(RetryLaterError, match="cannot grow"):
            journal.append(_record(b"x"))

    assert _open_file_count() == before
    assert list(tmp_path.iterdir()) == []
    journal.stop()


def test_what_follows_a_failed_sync_is_safe_whatever_the_disk_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = _Receiver()
    journal = Journal(tmp_path, _PATIENT, receiver.take)
    journal.start()
    journal.append(_record(b"before")).result(10)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", _drop_last_page)
        with pytest.raises(RetryLaterError, match="disk failed"):
            journal.append(_record(b"refused" * 2_000)).result(10)
    journal.append(_record(b"after")).result(10)
    journal.stop()

    assert receiver.bodies == [b"before", b"after"]


def _drop_last_page(fd: int) -> None:
    """As Linux does when it cannot write: tell once, and take the page for clean."""
    os.pwrite(fd, bytes(4096), 4096)
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_large_request_on_a_full_disk_leaves_no_half_record(tmp_path: Path) -> None:
    receiver = _Receiver()
    with small_disk(tmp_path / "disk", 64 * _MEBIBYTE) as disk:
        journal = Journal(disk / "journal", _PATIENT, receiver.take)
        journal.start()
        journal.append(_record(b"before")).result(10)
        with filled(disk), pytest.raises(RetryLaterError, match="cannot grow"):
            journal.append(_record(bytes(20 * _MEBIBYTE)))
        journal.append(_record(b"after")).result(10)
        journal.stop()

    assert receiver.bodies == [b"before", b"after"]


def test_a_server_on_a_full_disk_refuses_until_there_is_space_and_keeps_its_word(
    tmp_path: Path,
) -> None:
    ledger, chance = Ledger("p"), seeded_random("full disk")
    with small_disk(tmp_path / "journal", 64 * _MEBIBYTE) as journal:
        with running_server(tmp_path) as server, load_on(server, ledger, chance):
            _wait_for(lambda: ledger.outcomes["ok"] > 50)
            with filled(journal):
                _wait_for(lambda: min(_refusals(ledger)) > 5)
                accepted_before = ledger.outcomes["ok"]
            _wait_for(lambda: ledger.outcomes["ok"] > accepted_before + 50)
            server.kill()

        with running_server(tmp_path) as server:
            assert_kept(server, ledger)
            assert not list((journal / "quarantine").iterdir())
    assert min(_refusals(ledger)) > 5


def _refusals(ledger: Ledger) -> tuple[int, int]:
    return ledger.outcomes["grpc UNAVAILABLE"], ledger.outcomes["http 503"]


def _wait_for(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.02)


def _submit(spool: Spool, project: str, name: str) -> None:
    body = request(span(name)).SerializeToString()
    spool.submit(body, time.time_ns(), project).result(10)


def _names(engine: Engine, project: str) -> list[str]:
    sql = "SELECT name FROM spans FINAL WHERE project = {project:String} ORDER BY name"
    with engine.reader() as client:
        rows = client.query(sql, parameters={"project": project}).result_rows
    return [name for (name,) in rows]


@pytest.fixture
def project() -> str:
    return uuid.uuid4().hex


def test_loading_goes_on_once_the_quarantine_can_be_written_again(
    embedded_engine: Engine, tmp_path: Path, project: str
) -> None:
    spool = Spool(embedded_engine, tmp_path, rows_of_record, JournalLimits())
    quarantine = tmp_path / "quarantine"
    quarantine.rmdir()
    spool.start()
    _submit(spool, project, "bad")
    assert not spool.catch_up(1)
    quarantine.mkdir()
    _submit(spool, project, "good")

    assert spool.catch_up(30)
    assert _names(embedded_engine, project) == ["good"]
    assert spool.quarantine.count == 1
    spool.stop()


def test_a_segment_that_somebody_removes_holds_up_nobody(
    embedded_engine: Engine, tmp_path: Path, project: str
) -> None:
    limits = JournalLimits(segment_bytes=1, crowded_segment_bytes=1)  # one record a segment
    spool = Spool(embedded_engine, tmp_path, rows_of_record, limits)
    quarantine = tmp_path / "quarantine"
    quarantine.rmdir()
    spool.start()
    _submit(spool, project, "bad")  # holds the loader up
    assert not spool.catch_up(0.5)
    _submit(spool, project, "removed")
    assert not spool.catch_up(0.5)
    max(tmp_path.glob("*.pb")).unlink()
    quarantine.mkdir()
    _submit(spool, project, "later")

    assert spool.catch_up(30)
    assert _names(embedded_engine, project) == ["later"]
    spool.stop()


def test_a_decayed_segment_gives_what_is_whole_and_holds_up_nobody(
    embedded_engine: Engine, tmp_path: Path, project: str
) -> None:
    body = request(span("whole")).SerializeToString()
    whole = encoded(Record(body, time.time_ns(), project))
    (tmp_path / "0001.pb").write_bytes(whole + whole[:20] + b"\xff" + whole[21:])
    spool = Spool(embedded_engine, tmp_path, rows_of_record, JournalLimits())
    spool.start()
    _submit(spool, project, "later")

    assert spool.catch_up(30)
    assert _names(embedded_engine, project) == ["later", "whole"]
    assert spool.quarantine.count == 1
    spool.stop()
    assert not list(tmp_path.glob(f"*{OPEN_SUFFIX}"))


def test_a_definition_written_half_on_a_full_disk_is_written_anew(
    embedded_engine: Engine, tmp_path: Path, project: str
) -> None:
    definition = tmp_path / f"{SEGMENT_FORMAT.message}.proto"
    definition.touch()
    spool = Spool(embedded_engine, tmp_path, rows_of_record, JournalLimits(), SEGMENT_FORMAT)
    spool.start()
    body = request(span("large", attrs={"text": "x" * ENGINE_DECODES_FROM_BYTES}))
    spool.submit(body.SerializeToString(), time.time_ns(), project).result(10)

    assert spool.catch_up(60)
    spool.stop()
    assert _names(embedded_engine, project) == ["large"]
    assert definition.read_text() == SEGMENT_FORMAT.proto
