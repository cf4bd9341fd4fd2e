"""A note in the data folder that says which server works on it, and where it answers."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

_FILE_NAME = "server.json"


@dataclass(frozen=True)
class Presence:
    """A server that works on a data folder; after a crash, one that did."""

    pid: int
    endpoint: str
    otlp_grpc: str
    otlp_http: str


@contextmanager
def announced(data_dir: Path, endpoint: str, otlp_grpc: str, otlp_http: str) -> Iterator[None]:
    """Keep the note there for as long as the context lasts."""
    path = data_dir / _FILE_NAME
    draft = path.with_suffix(".draft")
    note = Presence(os.getpid(), endpoint, otlp_grpc, otlp_http)
    draft.write_text(json.dumps(asdict(note)))
    draft.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def presence_in(data_dir: Path) -> Presence | None:
    """The note in a data folder, if there is one that can be read."""
    try:
        note = json.loads((data_dir / _FILE_NAME).read_text())
        return Presence(**note)
    except (OSError, ValueError, TypeError):
        return None
