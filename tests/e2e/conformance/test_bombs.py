"""Small requests that would inflate to much. A test's number is that of the case it holds."""

import gzip
import time
import zlib

import grpc
import pytest

from tests.e2e.conformance.clients import TRACES, body, connected, export, failure, post, status_of
from tests.e2e.conformance.http2 import HEADERS, Http2Connection, grpc_message
from tests.e2e.conformance.process import measured
from tests.support.server import Server

_MB = 1024**2
_MAX_GROWTH_MB = 128
_MAX_S = 0.1
_LIMIT_OF_ZEROS = zlib.compress(bytes(64 * _MB))
_TRIES = 20  # the bound is the server's, and others use this machine


def _bound_s() -> float:
    """A tenth of a second; on a busy machine three times what inflating to the limit takes now."""
    began = time.monotonic()
    zlib.decompress(_LIMIT_OF_ZEROS)
    return max(_MAX_S, 3 * (time.monotonic() - began))


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """A mebibyte that inflates to a gibibyte."""
    compressor = zlib.compressobj(9, wbits=31)
    zeros = bytes(_MB)
    return b"".join(compressor.compress(zeros) for _ in range(1024)) + compressor.flush()


@pytest.fixture(scope="module", autouse=True)
def _warm(server: Server) -> None:
    """Let the server load what its first request needs."""
    post(server, body())
    export(server.otlp_grpc, body())


def _refused_in_time(server: Server, content: bytes, encoding: str = "gzip") -> None:
    with measured(server.process.pid) as use:
        for _ in range(_TRIES):
            bound_s = _bound_s()
            began = time.monotonic()
            answer = post(server, content, content_encoding=encoding)
            took_s = time.monotonic() - began
            assert (answer.status, status_of(answer).code) == (413, 8)
            if took_s < bound_s:
                break

    assert took_s < bound_s
    assert use.peak_growth_mb < _MAX_GROWTH_MB


def test_case_11_a_gzip_bomb_is_refused_at_once(server: Server, bomb: bytes) -> None:
    _refused_in_time(server, bomb)


def test_case_11_a_bomb_that_hides_its_size_is_refused_too(server: Server, bomb: bytes) -> None:
    _refused_in_time(server, bomb[:-4] + bytes(4))


def test_case_11_a_deflate_bomb_is_refused_too(server: Server) -> None:
    compressor = zlib.compressobj(9)
    content = b"".join(compressor.compress(bytes(_MB)) for _ in range(256)) + compressor.flush()

    _refused_in_time(server, content, "deflate")


def test_case_11_a_json_bomb_is_refused_too(server: Server, bomb: bytes) -> None:
    with measured(server.process.pid) as use:
        answer = post(server, bomb, content_encoding="gzip", content_type="application/json")

    assert answer.status == 413
    assert use.peak_growth_mb < _MAX_GROWTH_MB


def test_case_12_a_bomb_in_many_members_is_refused_at_once(server: Server) -> None:
    _refused_in_time(server, gzip.compress(bytes(_MB)) * 1000)


def test_case_12_members_that_inflate_to_nothing_are_refused_at_once(server: Server) -> None:
    _refused_in_time(server, gzip.compress(b"") * 50_000)


def test_case_12_blocks_of_an_honest_tool_are_read(server: Server) -> None:
    content = body(attrs={"long": "x" * _MB})
    blocks = [gzip.compress(content[at : at + 65_280]) for at in range(0, len(content), 65_280)]

    assert post(server, b"".join(blocks), content_encoding="gzip").status == 200


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_case_30_a_grpc_bomb_is_refused_for_good(
    server: Server, compression: grpc.Compression
) -> None:
    refused = failure(server.otlp_grpc, bytes(100 * _MB), compression=compression)

    assert refused.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "google.rpc.retryinfo-bin" not in refused.trailers


def test_case_30_a_grpc_bomb_is_refused_at_once(server: Server, bomb: bytes) -> None:
    message = grpc_message(bomb, compressed=True)
    with measured(server.process.pid) as use:
        for _ in range(_TRIES):
            bound_s = _bound_s()
            with connected(server.otlp_grpc) as raw:
                connection = Http2Connection(raw)
                stream = connection.begin(TRACES, ("grpc-encoding", "gzip"))
                connection.send_data(stream, message[:-1000])
                began = time.monotonic()
                connection.send_data(stream, message[-1000:], last=True)
                end = connection.wait_for_end(stream)[-1]
                took_s = time.monotonic() - began
            assert (end.kind, b"grpc-status\x018" in end.payload) == (HEADERS, True)
            if took_s < bound_s:
                break

    assert took_s < bound_s
    assert use.peak_growth_mb < _MAX_GROWTH_MB
