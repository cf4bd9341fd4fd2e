"""What a death leaves in a segment behind its last whole record is cut off, and nothing else is."""

import random
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from spanloom_collector.delivery.inbox import Inbox
from spanloom_collector.delivery.journal import JournalLimits
from spanloom_collector.delivery.loader import ENGINE_DECODES_FROM_BYTES
from spanloom_collector.delivery.records import Record, decoded, encoded
from spanloom_collector.delivery.spool import Spool
from spanloom_collector.metrics import Metrics
from spanloom_collector.pipeline.segments import SEGMENT_FORMAT
from spanloom_collector.storage.connect import Engine
from tests.support.otlp import request, span
from tests.support.rows import rows_of_record
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


def test_a_damaged_record_that_was_left_behind_is_never_stored(
    embedded_engine: Engine, tmp_path: Path
) -> None:
    project, folder = uuid.uuid4().hex, tmp_path / "journal"
    bodies = [
        request(span(name=str(number), attrs={"text": "x" * 400_000})).SerializeToString()
        for number in range(4)
    ]
    records = [encoded(Record(body, 1, project)) for body in bodies]
    segment = bytearray(b"".join(records))
    assert len(segment) >= ENGINE_DECODES_FROM_BYTES
    segment[len(records[0]) + len(records[1]) + 1_000] ^= 1  # a letter of the third text
    folder.mkdir()
    (folder / "1.pb").write_bytes(segment)
    spool = Spool(embedded_engine, folder, rows_of_record, JournalLimits(), SEGMENT_FORMAT)
    spool.start()
    assert spool.catch_up(60)
    spool.stop()

    with embedded_engine.reader() as client:
        sql = "SELECT name FROM spans FINAL WHERE project = {project:String} ORDER BY name"
        names = client.query(sql, parameters={"project": project}).result_rows
    assert names == [("0",), ("1",)]
    assert spool.quarantine.count == 1
