"""When the parts behind the API say that they cannot do their work."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spanloom_collector.delivery.journal import JournalLimits
from spanloom_collector.delivery.records import Record
from spanloom_collector.delivery.spool import Spool
from spanloom_collector.storage.connect import Engine
from spanloom_query.readiness import findings
from spanloom_query.routes.context import Finding

_QUOTA_BYTES = 10 * 1024**3
_BODY = b"\n\x00"


def _rows_of(_record: Record) -> Iterator[object]:
    sys.exit()  # ends the thread that calls


@pytest.fixture
def spool(embedded_engine: Engine, tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(embedded_engine, tmp_path / "journal", _rows_of, JournalLimits())
    spool.start()
    yield spool
    spool.stop()


def _look(spool: Spool, quota_bytes: int = _QUOTA_BYTES) -> dict[str, Finding]:
    found = findings([spool], quota_bytes)
    return {finding.name: finding for finding in found}


def test_a_spool_at_rest_is_well(spool: Spool) -> None:
    found = _look(spool)

    assert list(found) == ["journal", "loader", "backlog", "quarantine"]
    assert all(finding.ok for finding in found.values())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_loader_that_died_is_told(spool: Spool) -> None:
    spool.submit(_BODY, 1, "p").result(10)
    spool.catch_up(0.5)
    loader = _look(spool)["loader"]

    assert (loader.ok, loader.is_vital) == (False, True)
    assert "died" in loader.detail


def test_a_journal_that_was_stopped_accepts_nothing(spool: Spool) -> None:
    spool._journal.stop()
    journal = _look(spool)["journal"]

    assert (journal.ok, journal.is_vital) == (False, True)


def test_a_folder_that_cannot_be_written_is_told(spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "journal").rename(tmp_path / "elsewhere")
    journal = _look(spool)["journal"]
    (tmp_path / "elsewhere").rename(tmp_path / "journal")

    assert not journal.ok
    assert f"{tmp_path / 'journal'} cannot be written" in journal.detail


def test_a_quota_without_room_for_a_segment_is_told(spool: Spool) -> None:
    journal = _look(spool, quota_bytes=1000)["journal"]

    assert not journal.ok
    assert "no room for a segment" in journal.detail


def test_an_old_segment_and_quarantine_are_told_but_not_vital(spool: Spool, tmp_path: Path) -> None:
    spool.quarantine.put("1", Record(_BODY, 1, "p"), "refused")
    (tmp_path / "journal" / "1.pb").touch()
    hour_ago = time.time() - 3600
    os.utime(tmp_path / "journal" / "1.pb", (hour_ago, hour_ago))
    found = _look(spool)

    assert [name for name, f in found.items() if not f.ok] == ["backlog", "quarantine"]
    assert [name for name, f in found.items() if f.is_vital] == ["journal", "loader"]


def test_each_spool_is_looked_at(spool: Spool, embedded_engine: Engine, tmp_path: Path) -> None:
    other = Spool(embedded_engine, tmp_path / "journal" / "logs", _rows_of, JournalLimits())
    other.start()
    other.quarantine.put("1", Record(_BODY, 1, "p"), "refused")
    well = {finding.name: finding.ok for finding in findings([spool, other], _QUOTA_BYTES)}
    other.stop()
    stopped = {finding.name: finding.ok for finding in findings([spool, other], _QUOTA_BYTES)}

    assert well == {"journal": True, "loader": True, "backlog": True, "quarantine": False}
    assert (stopped["journal"], stopped["loader"]) == (False, False)
