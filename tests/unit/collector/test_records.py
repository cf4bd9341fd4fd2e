"""Records survive being written down, and damage is told from what is whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_collector.delivery.records import (
    DamagedRecordError,
    Record,
    decoded,
    encoded,
    intact_length,
)
from tests.support.otlp import full_request

_RECORDS = st.builds(
    Record, st.binary(max_size=300), st.integers(0, 2**64 - 1), st.text(max_size=200)
)


@given(st.lists(_RECORDS, max_size=5))
def test_what_is_encoded_is_decoded(records: list[Record]) -> None:
    assert list(decoded(b"".join(map(encoded, records)))) == records


@given(st.lists(_RECORDS, min_size=1, max_size=4), st.data())
def test_a_torn_tail_is_cut_to_the_last_whole_record(
    records: list[Record], data: st.DataObject
) -> None:
    segment = b"".join(map(encoded, records))
    kept = data.draw(st.integers(0, len(segment)))
    ends = [len(b"".join(map(encoded, records[:count]))) for count in range(len(records) + 1)]

    assert intact_length(segment[:kept]) == max(end for end in ends if end <= kept)


@given(st.binary(min_size=1, max_size=50), st.data())
def test_a_changed_byte_is_noticed(body: bytes, data: st.DataObject) -> None:
    segment = bytearray(encoded(Record(body, 1, "p")))
    place = data.draw(st.integers(0, len(segment) - 1))
    segment[place] ^= data.draw(st.integers(1, 255))

    try:
        assert list(decoded(bytes(segment))) != [Record(body, 1, "p")]
    except DamagedRecordError:
        assert intact_length(bytes(segment)) == 0


@given(st.binary(max_size=100))
def test_any_bytes_are_decoded_or_refused(segment: bytes) -> None:
    assert 0 <= intact_length(segment) <= len(segment)


def test_a_preallocated_tail_of_zeros_is_no_record() -> None:
    record = encoded(Record(b"x", 1, "p"))

    assert intact_length(record + bytes(4096)) == len(record)
    with pytest.raises(DamagedRecordError):
        list(decoded(bytes(10)))


def test_a_records_message_is_still_the_request() -> None:
    sent = full_request()
    record = encoded(Record(sent.SerializeToString(), 1, "p"))
    length_bytes = 2 if len(record) < 2**14 else 3
    read = ExportTraceServiceRequest.FromString(record[length_bytes:])
    read.DiscardUnknownFields()

    assert read.SerializeToString() == sent.SerializeToString()
