"""The journal's promise: done means synced; and every segment is handed over once, in order."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path

import pytest

from spanloom_collector.delivery.backpressure import (
    InFlightBytes,
    Pace,
    PaceLimits,
    RetryLaterError,
)
from spanloom_collector.delivery.journal import OPEN_SUFFIX, Journal, JournalLimits
from spanloom_collector.delivery.records import Record, decoded, encoded

_PATIENT = JournalLimits(segment_age_s=60, segment_bytes=4096)


class _Receiver:
    """Takes sealed segments, as the loader does."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.arrived = threading.Event()

    def take(self, path: Path, size_bytes: int) -> None:
        assert path.stat().st_size == size_bytes
        self.paths.append(path)
        self.arrived.set()

    @property
    def bodies(self) -> list[bytes]:
        return [r.body for path in self.paths for r in decoded(path.read_bytes())]


@pytest.fixture
def receiver() -> _Receiver:
    return _Receiver()


@pytest.fixture
def journal(tmp_path: Path, receiver: _Receiver) -> Iterator[Journal]:
    journal = Journal(tmp_path, _PATIENT, receiver.take)
    journal.start()
    yield journal
    journal.stop()


def _record(body: bytes = b"x") -> bytes:
    return encoded(Record(body, 1, "p"))


def test_a_record_is_on_disk_when_its_future_is_done(journal: Journal, tmp_path: Path) -> None:
    journal.append(_record(b"safe")).result(10)
    (path,) = tmp_path.glob(f"*{OPEN_SUFFIX}")

    assert path.read_bytes().startswith(_record(b"safe"))


def test_records_of_many_threads_all_arrive(journal: Journal, receiver: _Receiver) -> None:
    futures = []
    threads = [
        threading.Thread(target=lambda i=i: futures.append(journal.append(_record(b"%d" % i))))
        for i in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wait(futures, 10).not_done == set()
    journal.seal(10)

    assert sorted(receiver.bodies, key=int) == [b"%d" % i for i in range(50)]


def test_a_full_segment_is_sealed(journal: Journal, receiver: _Receiver) -> None:
    journal.append(_record(bytes(5000)))

    assert receiver.arrived.wait(10)
    assert journal.waiting_bytes == len(_record(bytes(5000)))


def test_an_old_segment_is_sealed(tmp_path: Path, receiver: _Receiver) -> None:
    journal = Journal(tmp_path, JournalLimits(segment_age_s=0.05), receiver.take)
    journal.start()
    journal.append(_record())

    assert receiver.arrived.wait(10)
    journal.stop()


def test_sealing_on_demand_waits_for_the_hand_over(journal: Journal, receiver: _Receiver) -> None:
    assert journal.seal(0.01)
    journal.append(_record())

    assert journal.seal(10)
    assert receiver.bodies == [b"x"]


def test_a_segment_grows_while_another_waits_to_be_loaded(
    tmp_path: Path, receiver: _Receiver
) -> None:
    size_bytes = len(_record())
    limits = JournalLimits(segment_age_s=0.01, crowded_segment_bytes=3 * size_bytes)
    journal = Journal(tmp_path, limits, receiver.take)
    journal.start()
    journal.append(_record()).result(10)
    assert receiver.arrived.wait(10)
    for _ in range(2):
        journal.append(_record()).result(10)
        time.sleep(0.05)

    assert len(receiver.paths) == 1

    journal.loaded(size_bytes)
    assert journal.seal(10)
    journal.stop()

    assert [path.stat().st_size for path in receiver.paths] == [size_bytes, 2 * size_bytes]


def test_a_segment_grows_no_further_than_one_insert_can_take(
    tmp_path: Path, receiver: _Receiver
) -> None:
    limits = JournalLimits(segment_age_s=0.01, crowded_segment_bytes=2 * len(_record()))
    journal = Journal(tmp_path, limits, receiver.take)
    journal.start()
    journal.append(_record()).result(10)
    assert receiver.arrived.wait(10)
    receiver.arrived.clear()
    for _ in range(2):
        journal.append(_record()).result(10)

    assert receiver.arrived.wait(10)
    journal.stop()


def test_a_large_request_is_acknowledged_when_the_loader_has_caught_up(
    tmp_path: Path, receiver: _Receiver
) -> None:
    pace = Pace(PaceLimits(backlog_bytes=1, large_bytes=100, longest_hold_s=60))
    journal = Journal(tmp_path, _PATIENT, receiver.take, pace=pace)
    journal.start()
    large, small = journal.append(_record(bytes(200))), journal.append(_record())
    small.result(10)
    assert journal.seal(10)

    assert not large.done()

    journal.loaded(journal.waiting_bytes)

    assert large.done()
    journal.stop()


def test_a_stop_acknowledges_what_waits_for_the_loader(tmp_path: Path, receiver: _Receiver) -> None:
    pace = Pace(PaceLimits(backlog_bytes=1, large_bytes=1, longest_hold_s=60))
    journal = Journal(tmp_path, _PATIENT, receiver.take, pace=pace)
    journal.start()
    durable = journal.append(_record())
    journal.stop()

    assert durable.done()


def test_a_stop_seals_what_is_open(tmp_path: Path, receiver: _Receiver) -> None:
    journal = Journal(tmp_path, _PATIENT, receiver.take)
    journal.start()
    future = journal.append(_record())
    journal.stop()

    assert future.done()
    assert receiver.bodies == [b"x"]
    with pytest.raises(RetryLaterError, match="stopping"):
        journal.append(_record())


def test_a_segment_that_is_being_sealed_is_not_yet_handed_over(tmp_path: Path) -> None:
    arrived, released = threading.Event(), threading.Event()

    def take(_path: Path, _size_bytes: int) -> None:
        arrived.set()
        released.wait(10)

    journal = Journal(tmp_path, JournalLimits(segment_age_s=0.01), take)
    journal.start()
    journal.append(_record()).result(10)
    assert arrived.wait(10)
    early = journal.seal(0.05)
    released.set()

    assert (early, journal.seal(10)) == (False, True)
    journal.stop()


def test_a_full_journal_refuses_until_something_is_loaded(
    tmp_path: Path, receiver: _Receiver
) -> None:
    limits = JournalLimits(segment_age_s=60, quota_bytes=3 * len(_record()))
    journal = Journal(tmp_path, limits, receiver.take)
    journal.start()
    for _ in range(3):
        journal.append(_record())
    with pytest.raises(RetryLaterError, match="the journal is full"):
        journal.append(_record())
    journal.seal(10)
    journal.loaded(receiver.paths[0].stat().st_size)
    journal.append(_record()).result(10)
    journal.stop()

    assert len(receiver.bodies) == 4


def test_what_waits_in_another_journal_counts_towards_the_quota(
    tmp_path: Path, receiver: _Receiver
) -> None:
    limits = JournalLimits(segment_age_s=60, quota_bytes=3 * len(_record()))
    elsewhere = [limits.quota_bytes]
    journal = Journal(tmp_path, limits, receiver.take, waiting_elsewhere=lambda: elsewhere[0])
    journal.start()
    with pytest.raises(RetryLaterError, match="the journal is full"):
        journal.append(_record())
    elsewhere[0] = 0
    journal.append(_record()).result(10)
    journal.stop()


def test_a_folder_that_takes_no_file_is_told_as_retry_later(
    tmp_path: Path, receiver: _Receiver
) -> None:
    journal = Journal(tmp_path / "gone", _PATIENT, receiver.take)
    journal.start()
    (tmp_path / "gone").rmdir()

    with pytest.raises(RetryLaterError, match="cannot grow"):
        journal.append(_record())
    journal.stop()


def test_requests_in_flight_are_bounded_but_one_is_always_let_in() -> None:
    in_flight = InFlightBytes(10)
    with in_flight.held(100):
        assert in_flight.value == 100
        with pytest.raises(RetryLaterError), in_flight.held(1):
            pass

    assert in_flight.value == 0
