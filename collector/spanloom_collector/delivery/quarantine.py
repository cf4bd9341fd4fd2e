"""What cannot be stored is kept aside, with its reason: nothing is thrown away silently."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from spanloom_collector.delivery.journal import sync_folder
from spanloom_collector.delivery.records import Record, encoded

_SUFFIX = ".pb"


class Entry(NamedTuple):
    """A record that is kept aside."""

    name: str
    reason: str
    project: str


class Quarantine:
    """A folder of records that the engine refuses, each beside a note in JSON that says why."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)

    def put(self, name: str, record: Record, reason: str) -> None:
        """Keep a record.

        Args:
            name: unique and the same when a replay comes to the same record again.
            record: what is refused; readable with any OTLP tool once its length is cut off.
            reason: what the engine said.
        """
        note = {
            "reason": reason,
            "project": record.project,
            "received_unix_nano": record.received_unix_nano,
            "quarantined_unix_nano": time.time_ns(),
        }
        _written(self._folder / f"{name}{_SUFFIX}", encoded(record))
        _written(self._folder / f"{name}.json", json.dumps(note, indent=1).encode())
        sync_folder(self._folder)

    @property
    def count(self) -> int:
        """How many records are kept aside."""
        return sum(1 for _ in self._folder.glob(f"*{_SUFFIX}"))


def entries_of(folder: Path) -> Iterator[Entry]:
    """What is kept aside in a quarantine's folder, by name; one that is not there holds nothing."""
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            note = json.loads(path.with_suffix(".json").read_text())
        except (OSError, ValueError):
            note = {}  # the process died between the two files
        yield Entry(path.stem, note.get("reason", "unknown"), note.get("project", ""))


def _written(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
