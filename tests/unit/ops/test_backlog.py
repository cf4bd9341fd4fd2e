"""What waits in a journal's folder, and for how long."""

import os
import time
from pathlib import Path

import pytest

from spanloom_collector.delivery.backlog import Backlog, backlog_of
from spanloom_collector.delivery.journal import Journal, JournalLimits
from spanloom_collector.delivery.records import Record, encoded


def _aged(path: Path, age_s: float) -> None:
    then = time.time() - age_s
    os.utime(path, (then, then))


def test_segments_are_counted_and_the_oldest_tells_the_age(tmp_path: Path) -> None:
    for name, age_s in (("2.pb", 5), ("1.pb", 90), ("3.open", 1)):
        (tmp_path / name).write_bytes(b"12345")
        _aged(tmp_path / name, age_s)
    (tmp_path / "quarantine").mkdir()
    (tmp_path / "schema.proto").touch()
    backlog = backlog_of(tmp_path)

    assert backlog[:2] == (3, 15)
    assert backlog.oldest_age_s == pytest.approx(90, abs=1)


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert backlog_of(tmp_path / "none") == Backlog(0, 0, 0.0)


def test_a_clock_that_was_set_back_makes_no_negative_age(tmp_path: Path) -> None:
    (tmp_path / "1.pb").touch()
    _aged(tmp_path / "1.pb", -3600)

    assert backlog_of(tmp_path).oldest_age_s == 0


def test_a_segment_of_a_dead_process_keeps_its_age(tmp_path: Path) -> None:
    orphan = tmp_path / "1.open"
    orphan.write_bytes(encoded(Record(b"x", 1, "p")) + bytes(100))
    _aged(orphan, 90)
    journal = Journal(tmp_path, JournalLimits(), lambda _path, _size: None)
    journal.start()
    journal.stop()

    assert backlog_of(tmp_path).oldest_age_s == pytest.approx(90, abs=5)
