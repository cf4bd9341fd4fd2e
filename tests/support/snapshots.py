"""Golden files: what the project makes, kept to be read and compared."""

import os
from pathlib import Path

_SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
_UPDATE_VARIABLE = "UPDATE_SNAPSHOTS"


def assert_snapshot(name: str, text: str) -> None:
    """Compare a text with `tests/snapshots/<name>`; `make snapshots` writes it anew.

    Args:
        name: Path of the golden file, such as `sql/filters/by_status.sql`.
        text: What was made; one line end is added at its end.

    Raises:
        AssertionError: They differ, or the golden file does not exist yet.
    """
    path = _SNAPSHOTS / name
    text = text.rstrip("\n") + "\n"
    if os.environ.get(_UPDATE_VARIABLE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"there is no {path}; write it with {_UPDATE_VARIABLE}=1"
    assert path.read_text() == text
