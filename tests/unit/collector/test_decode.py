"""Bodies are decoded within bounds, and faults are told apart."""

import gzip
import os
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from spanloom_collector.pipeline.decode import (
    Encoding,
    MalformedRequestError,
    RequestTooLargeError,
    UnsupportedEncodingError,
    decoded,
    decoded_logs,
    decompressed,
    expanded,
)
from tests.support.otlp import request, span

_LIMIT = 1_000


@pytest.mark.parametrize("name", ["", "identity"])
def test_a_plain_body_is_left_alone(name: str) -> None:
    assert decompressed(b"x", name, _LIMIT) == b"x"


@pytest.mark.parametrize("name", ["gzip", "GZIP", "x-gzip"])
def test_gzip_is_undone(name: str) -> None:
    assert decompressed(gzip.compress(b"hello"), name, _LIMIT) == b"hello"


def test_deflate_is_undone() -> None:
    assert decompressed(zlib.compress(b"hello"), "deflate", _LIMIT) == b"hello"


def test_several_gzip_members_are_one_body() -> None:
    assert decompressed(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", _LIMIT) == b"ab"


def test_a_body_of_exactly_the_limit_is_accepted() -> None:
    assert len(decompressed(gzip.compress(b"x" * _LIMIT), "gzip", _LIMIT)) == _LIMIT


@pytest.mark.parametrize("members", [1, 400])
def test_a_bomb_is_refused(members: int) -> None:
    body = gzip.compress(b"x" * (_LIMIT + 1)) if members == 1 else gzip.compress(b"xyz") * members

    with pytest.raises(RequestTooLargeError, match="1000 bytes"):
        decompressed(body, "gzip", _LIMIT)


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"hello")[:-3]])
def test_damaged_gzip_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedRequestError):
        decompressed(body, "gzip", _LIMIT)


def test_many_members_are_refused_whatever_they_inflate_to() -> None:
    with pytest.raises(RequestTooLargeError, match="members"):
        decompressed(gzip.compress(b"") * 5_000, "gzip", _LIMIT)


def test_an_announced_size_is_not_believed_by_itself() -> None:
    cut_short = gzip.compress(b"hello")[:-4] + b"\xff\xff\xff\xff"

    with pytest.raises(MalformedRequestError):
        decompressed(cut_short, "gzip", _LIMIT)


@given(st.lists(st.integers(0, 400_000), max_size=4), st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_any_members_inflate_to_what_they_were(sizes: list[int], level: int) -> None:
    parts = [bytes(size) if level % 2 else os.urandom(size) for size in sizes]
    body = b"".join(gzip.compress(part, level) for part in parts)

    assert decompressed(body, "gzip", 2_000_000) == b"".join(parts)


@pytest.mark.parametrize(
    "compress", [gzip.compress, zlib.compress, bytes], ids=["gzip", "zlib", "plain"]
)
def test_a_message_is_recognised_by_its_bytes(compress: Callable[[bytes], bytes]) -> None:
    message = request(span()).SerializeToString()

    assert expanded(compress(message), _LIMIT) == message


def test_a_message_that_only_begins_like_zlib_is_left_alone() -> None:
    unknown_field_15 = b"\x78\x9c\x01" + request(span()).SerializeToString()

    assert expanded(unknown_field_15, _LIMIT) == unknown_field_15


def test_a_damaged_compressed_message_is_malformed() -> None:
    with pytest.raises(MalformedRequestError):
        expanded(gzip.compress(b"hello")[:-3], _LIMIT)


def test_an_unknown_compression_is_never_read_as_plain() -> None:
    with pytest.raises(UnsupportedEncodingError, match="zstd"):
        decompressed(b"x", "zstd", _LIMIT)


def test_protobuf_is_decoded() -> None:
    sent = request(span())

    assert decoded(sent.SerializeToString(), Encoding.PROTOBUF) == sent


@pytest.mark.parametrize("encoding", Encoding)
def test_garbage_is_malformed(encoding: Encoding) -> None:
    with pytest.raises(MalformedRequestError):
        decoded(b"\xff\xfe garbage", encoding)


@pytest.mark.parametrize("encoding", Encoding)
def test_an_empty_body_is_an_empty_request(encoding: Encoding) -> None:
    assert not decoded(b"", encoding).resource_spans


def test_logs_among_the_traces_are_named() -> None:
    logs = ScopeLogs(log_records=[LogRecord(trace_id=b"\xff" * 16)])
    sent = ExportLogsServiceRequest(resource_logs=[ResourceLogs(scope_logs=[logs])])

    with pytest.raises(MalformedRequestError, match="/v1/logs"):
        decoded(sent.SerializeToString(), Encoding.PROTOBUF)


def test_traces_among_the_logs_are_named() -> None:
    sent = request(span("a name that is no value", parent_span_id=b"\xff" * 8))

    with pytest.raises(MalformedRequestError, match="send them to /v1/traces"):
        decoded_logs(sent.SerializeToString(), Encoding.PROTOBUF)
