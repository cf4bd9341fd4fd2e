"""What cannot be stored is kept aside, with its reason: nothing is thrown away silently."""

import json
import os
import time
from pathlib import Path

from spanloom_collector.delivery.journal import sync_folder
from spanloom_collector.delivery.records import Record, encoded

_SUFFIX = ".pb"


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


def _written(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
