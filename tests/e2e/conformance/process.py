"""What a server's process takes, as the kernel sees it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_MB = 1024**2


@dataclass
class Use:
    """Filled when the measurement ends."""

    peak_growth_mb: float = 0.0
    cpu_s: float = 0.0


@contextmanager
def measured(pid: int) -> Iterator[Use]:
    """Measure the growth of the resident memory at its peak, and the time of the processor."""
    folder = Path(f"/proc/{pid}")
    (folder / "clear_refs").write_text("5")  # the peak begins anew
    use = Use()
    before_bytes, before_s = _memory_bytes(folder, "VmRSS"), _cpu_s(folder)
    yield use
    use.peak_growth_mb = (_memory_bytes(folder, "VmHWM") - before_bytes) / _MB
    use.cpu_s = _cpu_s(folder) - before_s


def _memory_bytes(folder: Path, name: str) -> int:
    lines = (folder / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def _cpu_s(folder: Path) -> float:
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
