"""A front end keeps to the quota that it shares with every other process on the folder."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spanloom_collector.delivery.backpressure import RetryLaterError
from spanloom_collector.delivery.journal import JournalLimits
from spanloom_collector.delivery.outbox import Outbox

_LIMITS = JournalLimits(quota_bytes=10_000)


@pytest.fixture
def outboxes(tmp_path: Path) -> list[Outbox]:
    return [Outbox(tmp_path, _LIMITS) for _ in range(2)]


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_another_process_wrote_counts_against_the_quota(outboxes: list[Outbox]) -> None:
    first, second = outboxes
    first.start()
    second.start()
    first.submit(bytes(9_000), 1, "p").result(10)
    _wait_for(lambda: second.waiting_bytes >= 9_000)
    with pytest.raises(RetryLaterError, match="the journal is full"):
        second.submit(bytes(2_000), 1, "p")
    for outbox in outboxes:
        outbox.stop()


def test_requests_are_accepted_again_once_others_have_loaded_the_segments(
    outboxes: list[Outbox], tmp_path: Path
) -> None:
    outbox, _ = outboxes
    outbox.start()
    outbox.submit(bytes(9_000), 1, "p").result(10)
    _wait_for(lambda: any(tmp_path.glob("*.pb")))
    next(tmp_path.glob("*.pb")).unlink()
    _wait_for(lambda: not outbox.waiting_bytes)
    outbox.submit(bytes(9_000), 1, "p").result(10)

    assert outbox.waiting_bytes >= 9_000
    outbox.stop()
