"""What a death leaves in a segment behind its last whole record is cut off, and nothing else is."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from spanloom_collector.delivery.inbox import Inbox
from spanloom_collector.delivery.records import Record, decoded, encoded
from spanloom_collector.metrics import Metrics
from tests.support.soak import scaled

_bodies = st.lists(st.binary(max_size=200), max_size=6)


def _recovered(segment: bytes) -> list[bytes]:
    """The bodies that a new process finds in what a dead one left."""
    found: list[bytes] = []
    with TemporaryDirectory() as folder:
        (Path(folder) / "1.open").write_bytes(segment)
        inbox = Inbox(
            Path(folder),
            lambda _: False,
            lambda path, _: found.extend(record.body for record in decoded(path.read_bytes())),
            Metrics(),
        )
        inbox.start()
        inbox.stop()
    return found


def _records(bodies: list[bytes]) -> list[bytes]:
    return [encoded(Record(body, number, "p")) for number, body in enumerate(bodies)]


@settings(max_examples=scaled(60, 5_000), deadline=None)
@given(_bodies, st.binary(max_size=300), st.integers(0, 300), st.integers(0, 5_000))
def test_records_written_half_are_cut_off(
    bodies: list[bytes], torn: bytes, kept_bytes: int, zero_count: int
) -> None:
    (last,) = _records([torn])
    half = last[: min(kept_bytes, len(last) - 1)]

    assert _recovered(b"".join(_records(bodies)) + half + bytes(zero_count)) == bodies


@settings(max_examples=scaled(60, 5_000), deadline=None)
@given(_bodies, st.binary(max_size=3_000))
def test_anything_may_stand_behind_the_last_record(bodies: list[bytes], garbage: bytes) -> None:
    assert _recovered(b"".join(_records(bodies)) + garbage) == bodies


@settings(max_examples=scaled(60, 5_000), deadline=None)
@given(_bodies.filter(bool), st.randoms(use_true_random=False), st.integers(1, 255))
def test_records_before_a_damaged_byte_are_kept(
    bodies: list[bytes], chance: random.Random, flipped: int
) -> None:
    records = _records(bodies)
    segment = bytearray(b"".join(records))
    position = chance.randrange(len(segment))
    segment[position] ^= flipped
    whole_count = sum(len(b"".join(records[: n + 1])) <= position for n in range(len(records)))

    assert _recovered(bytes(segment)) == bodies[:whole_count]
