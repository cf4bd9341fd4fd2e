"""What others wrote into the journal's folder is handed over once, in order, and never too early."""

import multiprocessing
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spanloom_collector.delivery.inbox import FolderTakenError, Inbox
from spanloom_collector.delivery.journal import OPEN_SUFFIX, Journal, JournalLimits
from spanloom_collector.delivery.records import Record, decoded, encoded
from spanloom_collector.metrics import Metrics

_PATIENT = JournalLimits(segment_age_s=60)


class _Receiver:
    """Takes sealed segments, as the loader does."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._changed = threading.Condition()

    def take(self, path: Path, size_bytes: int) -> None:
        content = path.read_bytes()
        assert len(content) == size_bytes
        with self._changed:
            self.bodies.extend(record.body for record in decoded(content))
            self._changed.notify_all()

    def waited_for(self, count: int, timeout_s: float = 10) -> list[bytes]:
        with self._changed:
            self._changed.wait_for(lambda: len(self.bodies) >= count, timeout_s)
        return self.bodies


@pytest.fixture
def receiver() -> _Receiver:
    return _Receiver()


def _inbox(folder: Path, receiver: _Receiver, journal: Journal | None = None) -> Inbox:
    is_own = journal.wrote if journal else lambda _name: False
    return Inbox(folder, is_own, receiver.take, Metrics())


@pytest.fixture
def inbox(tmp_path: Path, receiver: _Receiver) -> Iterator[Inbox]:
    inbox = _inbox(tmp_path, receiver)
    inbox.start()
    yield inbox
    inbox.stop()


@pytest.fixture
def front_end(tmp_path: Path) -> Iterator[Journal]:
    """A journal that seals at once, as when all that it sealed before has been loaded."""
    journal = Journal(tmp_path, _PATIENT, lambda _path, size_bytes: journal.loaded(size_bytes))
    journal.start()
    yield journal
    journal.stop()


def _record(body: bytes = b"x") -> bytes:
    return encoded(Record(body, 1, "p"))


def test_segments_of_a_dead_process_are_handed_over_in_order_without_their_torn_tail(
    tmp_path: Path, receiver: _Receiver
) -> None:
    (tmp_path / "0002.open").write_bytes(_record(b"second") + _record(b"torn")[:-1] + bytes(99))
    (tmp_path / "0001.pb").write_bytes(_record(b"first"))
    (tmp_path / "0003.open").write_bytes(bytes(4096))
    inbox = _inbox(tmp_path, receiver)
    inbox.start()
    inbox.stop()

    assert receiver.bodies == [b"first", b"second"]
    assert not list(tmp_path.glob(f"*{OPEN_SUFFIX}"))


@pytest.mark.usefixtures("inbox")
def test_a_segment_that_a_front_end_seals_is_found_within_a_quarter_of_a_second(
    front_end: Journal, receiver: _Receiver
) -> None:
    front_end.append(_record(b"found"))
    assert front_end.seal(10)

    assert receiver.waited_for(1, timeout_s=0.25) == [b"found"]


def test_a_segment_is_handed_over_once_however_often_it_is_looked_at(
    inbox: Inbox, front_end: Journal, receiver: _Receiver
) -> None:
    for _ in range(5):
        front_end.append(_record())
        assert front_end.seal(10)
        for _ in range(3):
            inbox.look()

    assert receiver.bodies == [b"x"] * 5


def test_segments_are_handed_over_in_the_order_of_their_names(
    inbox: Inbox, tmp_path: Path, receiver: _Receiver
) -> None:
    inbox.stop()
    for number in (3, 1, 2):
        (tmp_path / f"000{number}.pb").write_bytes(_record(b"%d" % number))
    inbox.look()

    assert receiver.bodies == [b"1", b"2", b"3"]


def test_a_file_that_cannot_be_taken_holds_up_nobody(
    inbox: Inbox, tmp_path: Path, receiver: _Receiver
) -> None:
    (tmp_path / "0001.open").mkdir()
    (tmp_path / "0002.pb").write_bytes(_record(b"behind it"))
    inbox.look()

    assert receiver.bodies == [b"behind it"]


def test_the_open_segment_of_a_living_process_is_left_alone(
    inbox: Inbox, front_end: Journal, tmp_path: Path, receiver: _Receiver
) -> None:
    front_end.append(_record()).result(10)
    inbox.look()

    assert receiver.bodies == []
    assert len(list(tmp_path.glob(f"*{OPEN_SUFFIX}"))) == 1


@pytest.mark.usefixtures("inbox")
def test_the_open_segment_of_a_process_that_dies_meanwhile_is_taken_over(
    tmp_path: Path, receiver: _Receiver
) -> None:
    context = multiprocessing.get_context("spawn")
    durable = context.Event()
    writer = context.Process(target=_append_and_wait, args=(tmp_path, durable))
    writer.start()
    assert durable.wait(30)
    assert receiver.bodies == []
    writer.kill()
    writer.join()

    assert receiver.waited_for(1) == [b"orphan"]


def _append_and_wait(folder: Path, durable: threading.Event) -> None:
    journal = Journal(folder, _PATIENT, lambda _path, _size: None)
    journal.start()
    journal.append(_record(b"orphan")).result(10)
    durable.set()
    time.sleep(60)


def test_what_this_process_hands_over_itself_is_not_handed_over_again(
    tmp_path: Path, front_end: Journal, receiver: _Receiver
) -> None:
    inbox = _inbox(tmp_path, receiver, front_end)
    front_end.append(_record())
    assert front_end.seal(10)
    inbox.look()

    assert receiver.bodies == []


def test_a_segment_that_its_own_process_cannot_seal_is_taken_over(
    tmp_path: Path, front_end: Journal, receiver: _Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    front_end.append(_record()).result(10)
    with monkeypatch.context() as broken:
        broken.setattr(Path, "rename", _raise_io_error)
        assert front_end.seal(10)
    assert front_end.waiting_bytes == 0
    _inbox(tmp_path, receiver, front_end).look()

    assert receiver.bodies == [b"x"]


def _raise_io_error(_path: Path, _target: Path) -> Path:
    raise OSError("the disk is unwell")


def test_a_writer_that_is_taken_for_dead_before_it_holds_its_lock_loses_nothing(
    inbox: Inbox, tmp_path: Path, receiver: _Receiver
) -> None:
    """Both race for every new file: what is acknowledged must not be in one that was deleted."""
    limits = JournalLimits(segment_bytes=1, crowded_segment_bytes=1)
    journal = Journal(tmp_path, limits, lambda _path, _size: None)
    journal.start()
    stopped = threading.Event()
    racer = threading.Thread(target=_look_until, args=(inbox, stopped))
    racer.start()
    for number in range(300):
        journal.append(_record(b"%d" % number)).result(10)
    journal.stop()
    stopped.set()
    racer.join()
    inbox.look()

    assert receiver.bodies == [b"%d" % number for number in range(300)]


def _look_until(inbox: Inbox, stopped: threading.Event) -> None:
    while not stopped.is_set():
        inbox.look()


@pytest.mark.usefixtures("inbox")
def test_a_folder_has_one_inbox_at_a_time(inbox: Inbox, tmp_path: Path) -> None:
    second = _inbox(tmp_path, _Receiver())
    with pytest.raises(FolderTakenError, match="another process loads from"):
        second.start()
    inbox.stop()
    second.start()

    assert second.is_alive
    second.stop()
