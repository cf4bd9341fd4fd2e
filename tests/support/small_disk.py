"""A small disk of one's own, and a way to fill it. Needs the right to mount."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import pytest

_CHUNK = bytes(1024**2)
_REFILL_INTERVAL_S = 0.02


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """Mount a disk in memory on a folder; skip the test where that is not permitted."""
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={size_bytes},mode=700"
    command = ["mount", "-t", "tmpfs", "-o", options, "spanloom-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs root and the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Take all space on a disk, also what is given back meanwhile, until the block is left."""
    stopped, full = Event(), Event()
    filler = disk / "filler"
    thread = Thread(target=_fill, args=(filler, stopped, full))
    thread.start()
    full.wait()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
        filler.unlink()


def _fill(path: Path, stopped: Event, full: Event) -> None:
    with path.open("wb", buffering=0) as file:
        while not stopped.is_set():
            with suppress(OSError):
                while file.write(_CHUNK) == len(_CHUNK):
                    pass
                continue
            full.set()
            stopped.wait(_REFILL_INTERVAL_S)
