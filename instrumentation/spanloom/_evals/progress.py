"""One line that says how far an evaluation is, on a terminal only."""

import sys
import time
from typing import Final, TextIO

REDRAW_S: Final = 0.1


class Progress:
    """Counts predictions and rewrites its line as they come in; never raises."""

    def __init__(self, title: str, total_count: int, stream: TextIO | None = None) -> None:
        self._title = title
        self._total_count = total_count
        self._terminal = _terminal(sys.stderr if stream is None else stream)
        self._done_count = 0
        self._failed_count = 0
        self._drawn_at = 0.0

    def advance(self, *, failed: bool) -> None:
        """Count one prediction."""
        self._done_count += 1
        self._failed_count += failed
        now = time.monotonic()
        if now - self._drawn_at >= REDRAW_S:
            self._drawn_at = now
            self._draw("")

    def end(self, url: str) -> None:
        """Leave the final count, and where to look, on the terminal."""
        self._draw(f"  {url}\n" if url else "\n")

    def _draw(self, ending: str) -> None:
        if self._terminal is None:
            return
        failed = f", {self._failed_count} failed" if self._failed_count else ""
        line = f"\r{self._title}: {self._done_count}/{self._total_count}{failed}"
        try:
            self._terminal.write(line + ending)
            self._terminal.flush()
        except (OSError, ValueError):
            self._terminal = None


def _terminal(stream: TextIO | None) -> TextIO | None:
    try:
        return stream if stream is not None and stream.isatty() else None
    except ValueError:
        return None
