"""What is on disk belongs to one process at a time and survives whatever happens to it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanloom._otlp import Body
from spanloom._settings import Settings
from spanloom._spool import (
    SEGMENT_MAX_BYTES,
    Destination,
    Segment,
    Spool,
    open_spool,
    segment_paths,
    spool_dir,
)

DESTINATION = Destination("http://127.0.0.1:4319", "team/project")


def body(number: int) -> Body:
    return Body(f"body {number}".encode(), number)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path, 1 << 20, DESTINATION)
    yield spool
    spool.close()


def drained(spool: Spool) -> list[int]:
    """Deliver everything that others left; the count of spans stands for the body."""
    counts = []
    while spool.next_found() or spool.look_for_others():
        found = spool.next_found()
        if found is None:
            break
        counts.append(found.span_count)
        spool.done(was_own=False)
    return counts


def left_behind(folder: Path, *numbers: int) -> Path:
    """Write a segment as a process does that ends before it can deliver."""
    spool = Spool(folder, 1 << 20, DESTINATION)
    for number in numbers:
        assert spool.append(body(number))
    spool.close()
    return list(segment_paths(folder))[-1]


def test_what_a_process_wrote_comes_back_in_order(spool: Spool) -> None:
    assert all(spool.append(body(number)) for number in (1, 2, 3))

    found = []
    while (record := spool.next_own()) is not None:
        found.append(record)
        spool.done(was_own=True)

    assert found == [
        body(number).gzipped()._replace(project="team/project") for number in (1, 2, 3)
    ]
    assert not spool.has_own()
    assert list(segment_paths(spool.folder)) == []


def test_a_record_is_returned_until_it_is_done(spool: Spool) -> None:
    spool.append(body(1))

    assert spool.next_own() == spool.next_own() is not None


def test_the_next_process_takes_over_what_was_left(spool: Spool, tmp_path: Path) -> None:
    left_behind(tmp_path, 1, 2)
    left_behind(tmp_path, 3)

    assert drained(spool) == [1, 2, 3]
    assert list(tmp_path.iterdir()) == []


def test_nobody_takes_what_its_process_still_holds(spool: Spool, tmp_path: Path) -> None:
    spool.append(body(1))
    other = Spool(tmp_path, 1 << 20, DESTINATION)

    assert not other.look_for_others()
    assert spool.next_own() is not None


def test_two_processes_never_take_the_same(tmp_path: Path) -> None:
    left_behind(tmp_path, 1)
    first, second = (Spool(tmp_path, 1 << 20, DESTINATION) for _ in range(2))

    assert first.look_for_others()
    assert not second.look_for_others()
    first.close()


def test_a_killed_process_leaves_its_spool_to_others(spool: Spool, tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from spanloom._otlp import Body\n"
        "from spanloom._spool import Destination, Spool\n"
        "spool = Spool(Path(sys.argv[1]), 1 << 20, Destination('http://h', 'p'))\n"
        "assert spool.append(Body(b'x', 5))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], timeout=60, check=False)

    assert drained(spool) == [5]


@given(st.data())
@settings(deadline=None, max_examples=40)
def test_a_torn_tail_costs_only_the_records_it_tears(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    path = left_behind(folder, 1, 2, 3)
    whole = path.read_bytes()
    header_bytes = whole.index(b"\n") + 1
    cut = data.draw(st.integers(header_bytes, len(whole) - 1))
    path.write_bytes(whole[:cut] + data.draw(st.binary(max_size=20)))

    counts = drained(Spool(folder, 1 << 20, DESTINATION))

    assert counts == [1, 2, 3][: len(counts)]
    assert len(counts) <= 2 or cut == len(whole)
    assert list(segment_paths(folder)) == []


@pytest.mark.parametrize(
    "content", [b"", b"{}\n", b"no json\n", b'{"spanloom": 2}\n', b"\xff" * 99]
)
def test_a_file_that_is_no_segment_is_left_alone(
    spool: Spool, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "strange.spool"
    path.write_bytes(content)

    assert not spool.look_for_others()
    assert path.read_bytes() == content


def test_the_spool_stays_within_its_bound(tmp_path: Path) -> None:
    left_behind(tmp_path, 1)
    spool = Spool(tmp_path, 4000, DESTINATION)

    stored = [spool.append(Body(os.urandom(500), 1)) for _ in range(20)]

    assert stored.count(True) in range(5, 8)
    assert stored == sorted(stored, reverse=True)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 4500
    assert "holds 0 MB already" in spool.fault
    spool.close()


def test_room_that_deliveries_make_is_used_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 2000, DESTINATION)

    for _ in range(10):
        assert spool.append(Body(os.urandom(1000), 1))
        assert spool.next_own() is not None
        spool.done(was_own=True)
        assert spool.next_own() is None


def test_a_long_outage_makes_several_segments(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 30, DESTINATION)
    for _ in range(5):
        assert spool.append(Body(os.urandom(SEGMENT_MAX_BYTES // 2), 1))

    assert len(list(segment_paths(tmp_path))) == 3
    spool.close()


def test_no_spool_is_a_spool_that_takes_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 0, DESTINATION)

    assert not spool.is_on
    assert not spool.append(body(1))
    assert not spool.look_for_others()


def test_a_folder_that_cannot_be_made_is_a_fault_and_no_exception(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    spool = Spool(tmp_path / "file" / "spool", 1 << 20, DESTINATION)

    assert not spool.append(body(1))
    assert "Not a directory" in spool.fault


def test_a_full_disk_leaves_no_half_record_behind(spool: Spool, tmp_path: Path) -> None:
    import resource

    spool.append(body(1))
    (path,) = segment_paths(tmp_path)
    size_bytes = path.stat().st_size
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes + 100, hard))
    try:
        stored = spool.append(Body(os.urandom(10_000), 2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert not stored
    assert path.stat().st_size == size_bytes
    assert spool.append(body(3))


def test_a_segment_that_the_server_refuses_is_left_for_later(spool: Spool, tmp_path: Path) -> None:
    path = left_behind(tmp_path, 1)
    assert spool.look_for_others()

    spool.leave_found()

    assert path.exists()
    assert not spool.look_for_others()


def test_a_child_of_a_fork_leaves_its_parents_spool_locked(spool: Spool, tmp_path: Path) -> None:
    spool.append(body(1))
    pid = os.fork()
    if pid == 0:
        spool.forget()
        os._exit(spool.has_own())

    assert os.waitpid(pid, 0)[1] == 0
    (path,) = segment_paths(tmp_path)
    assert Segment.open(path) is None


def test_old_failed_beginnings_are_cleared_away(tmp_path: Path) -> None:
    old, young = tmp_path / "old.new", tmp_path / "young.new"
    for path in (old, young):
        path.write_text("")
    os.utime(old, (time.time() - 7200,) * 2)

    assert list(segment_paths(tmp_path)) == []
    assert [path.name for path in tmp_path.iterdir()] == ["young.new"]


def test_only_the_user_may_read_a_spool(tmp_path: Path) -> None:
    path = left_behind(tmp_path / "spool", 1)

    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_the_folder_is_the_settings_or_in_the_users_state() -> None:
    home = str(Path.home())

    assert str(spool_dir(Settings(spool_dir="/x"), {})) == "/x"
    assert str(spool_dir(Settings(), {"XDG_STATE_HOME": "/s"})) == "/s/spanloom/spool"
    assert str(spool_dir(Settings(), {})) == f"{home}/.local/state/spanloom/spool"


def test_each_server_has_its_own_folder() -> None:
    folders = {
        open_spool(Settings(endpoint=url, spool_dir="/x")).folder
        for url in ("http://a", "http://b", "http://a")
    }

    assert len(folders) == 2


def test_a_user_without_a_home_has_no_spool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)

    assert not open_spool(Settings()).is_on
