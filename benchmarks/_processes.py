"""What the operating system knows of a server: its CPU time, its memory, its disk."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_KIBIBYTE = 1024


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and all its descendants, dead ones that were waited for included."""
    return sum(_own_cpu_seconds(member) for member in _tree(pid))


def peak_rss_bytes(pid: int) -> int:
    """Sum of the peaks of a process and its living descendants."""
    return sum(_peak(member) for member in _tree(pid))


def disk_bytes(folder: Path) -> int:
    """Blocks that the files of a folder take."""
    answer = subprocess.run(["du", "-sk", str(folder)], capture_output=True, text=True, check=False)
    return int(answer.stdout.split()[0]) * _KIBIBYTE


def load_average() -> float:
    """Of the last minute."""
    return os.getloadavg()[0]


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _tree(int(child))


def _own_cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS_PER_S


def _peak(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * _KIBIBYTE for line in lines if line.startswith("VmHWM"))
