"""Acknowledgements wait for the table while it is behind and works, and for nothing else."""

from concurrent.futures import Future

from spanloom_collector.delivery.backpressure import Pace, PaceLimits

_LIMITS = PaceLimits(backlog_bytes=100, large_bytes=10, longest_hold_s=2, stalled_after_s=5)
_BEHIND, _IN_TIME = 101, 100


class _Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def _paced(size_bytes: int = 10) -> tuple[Pace, Future[None], _Clock]:
    clock, durable = _Clock(), Future[None]()
    pace = Pace(_LIMITS, clock)
    pace.acknowledge(durable, size_bytes)
    return pace, durable, clock


def test_a_large_request_waits_while_the_table_is_behind() -> None:
    pace, durable, _ = _paced()
    pace.release(_BEHIND)

    assert not durable.done()

    pace.release(_IN_TIME)

    assert durable.done()


def test_a_small_request_never_waits() -> None:
    _, durable, _ = _paced(size_bytes=9)

    assert durable.done()


def test_no_request_waits_longer_than_the_limit() -> None:
    pace, durable, clock = _paced()
    clock.now_s += 2
    pace.release(_BEHIND)

    assert durable.done()


def test_a_table_that_is_away_holds_nobody_up() -> None:
    pace, _, clock = _paced()
    clock.now_s += 6
    late = Future[None]()
    pace.acknowledge(late, 10)
    pace.release(_BEHIND)

    assert late.done()


def test_a_table_that_works_again_holds_up_again() -> None:
    pace, _, clock = _paced()
    clock.now_s += 6
    pace.progressed()
    late = Future[None]()
    pace.acknowledge(late, 10)
    pace.release(_BEHIND)

    assert not late.done()


def test_requests_are_released_in_their_order() -> None:
    pace, first, clock = _paced()
    clock.now_s += 1
    second = Future[None]()
    pace.acknowledge(second, 10)
    clock.now_s += 1
    pace.release(_BEHIND)

    assert (first.done(), second.done()) == (True, False)
