"""``spanloom sync``: deliver what programs have left on disk while their server was away."""

import dataclasses
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from spanloom._otlp import Delivery, Sender
from spanloom._settings import Settings, read_settings
from spanloom._spool import Segment, segment_paths
from spanloom._spool import spool_dir as spool_root

ATTEMPTS: Final = 5
"""How often a server is asked that wants to be asked later."""


class Synced(NamedTuple):
    """What became of one file."""

    path: Path
    endpoint: str
    """Where it went, or should; empty: the file cannot be read."""
    span_count: int
    """Spans that arrived."""
    problem: str
    """Why the file is still there; empty: all of it arrived, and it is gone."""


def sync(endpoint: str | None = None, spool_dir: str | Path | None = None) -> Iterator[Synced]:
    """Deliver every file of the spool, the oldest of each server first.

    Args:
        endpoint: send everything there instead of where each file wants to go.
        spool_dir: the spool's folder; else SPANLOOM_SPOOL_DIR; else in the user's state folder.

    Raises:
        ConfigurationError: the endpoint is no server address, or a SPANLOOM_* variable cannot work.

    Example:
        >>> [synced.problem for synced in sync(spool_dir="/nowhere")]
        []
    """
    settings = read_settings({"endpoint": endpoint, "spool_dir": spool_dir}, os.environ)
    endpoint = endpoint and settings.endpoint
    root = spool_root(settings, os.environ)
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        problem = ""
        for path in segment_paths(folder):
            synced = _sync_file(path, settings, endpoint, problem)
            # A server that did not answer for one file is not asked for each of the others.
            problem = synced.problem if synced.endpoint else problem
            yield synced


def _sync_file(path: Path, settings: Settings, endpoint: str | None, problem: str) -> Synced:
    segment = Segment.open(path)
    if segment is None:
        return Synced(path, "", 0, "a running program uses it, or it is damaged")
    target = endpoint or segment.destination.endpoint
    span_count = 0
    try:
        if not problem:
            settings = dataclasses.replace(settings, endpoint=target)
            span_count, problem = _send_all(segment, Sender(settings), settings)
        if not problem:
            segment.remove()
    finally:
        segment.close()
    return Synced(path, target, span_count, problem)


def _send_all(segment: Segment, sender: Sender, settings: Settings) -> tuple[int, str]:
    span_count = 0
    try:
        while (body := segment.peek()) is not None:
            delivery = sender.send(body)
            for attempt in range(1, ATTEMPTS):
                if delivery.outcome.is_final or delivery.outcome.is_silence:
                    break
                time.sleep(_pause_s(delivery, attempt, settings))
                delivery = sender.send(body)
            if not delivery.outcome.is_success:
                return span_count, delivery.reason
            span_count += body.span_count
            segment.advance()
    finally:
        sender.close()
    return span_count, ""


def _pause_s(delivery: Delivery, attempt: int, settings: Settings) -> float:
    doubled_s = settings.retry_initial_s * 2 ** (attempt - 1)
    return min(settings.retry_max_s, delivery.retry_after_s or doubled_s)
