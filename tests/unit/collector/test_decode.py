"""Bodies are decoded within bounds, and faults are told apart."""

import gzip
import zlib

import pytest

from spanloom_collector.pipeline.decode import (
    Encoding,
    MalformedRequestError,
    RequestTooLargeError,
    UnsupportedEncodingError,
    decoded,
    decompressed,
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
