"""Clients that are slow, silent, or many keep nobody else waiting."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import uvicorn
from uvicorn.server import ServerState

from spanloom_collector.receivers.connections import BoundedHttpProtocol
from tests.e2e.conformance.clients import TRACES, body, connected, export, head, post
from tests.e2e.conformance.http2 import Http2Connection, grpc_message
from tests.e2e.conformance.process import measured
from tests.support.server import Server

_CONNECTIONS = 500
_PROMPT_S = 1.0
_ADDRESSES = ["main", "otlp_http", "otlp_grpc"]


def _address(server: Server, name: str) -> str:
    return server.endpoint if name == "main" else str(getattr(server, name))


@contextmanager
def _many(address: str, count: int = _CONNECTIONS) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(connected(address)) for _ in range(count)]


def _assert_prompt(server: Server) -> None:
    """All three ports answer, one after the other; the first try may find a cold server."""
    times_s = []
    for _ in range(3):
        began = time.monotonic()
        assert post(server, body()).status == 200
        assert post(server, body(), base=server.endpoint).status == 200
        assert export(server.otlp_grpc, body()) == b""
        times_s.append(time.monotonic() - began)
    assert min(times_s) < _PROMPT_S


@pytest.mark.parametrize("name", _ADDRESSES)
def test_silent_connections_starve_nobody(server: Server, name: str) -> None:
    with measured(server.process.pid) as use, _many(_address(server, name)):
        _assert_prompt(server)

    assert use.peak_growth_mb < 64


@pytest.mark.parametrize("name", ["main", "otlp_http"])
def test_trickling_bodies_starve_nobody(server: Server, name: str) -> None:
    content = body()
    with _many(_address(server, name)) as connections:
        for raw in connections:
            raw.sendall(head(len(content)))
        for byte in content[:3]:
            for raw in connections:
                raw.sendall(bytes((byte,)))
        _assert_prompt(server)


def test_announced_bodies_hold_no_room(server: Server) -> None:
    with _many(server.otlp_http, 50) as connections:
        for raw in connections:
            raw.sendall(head(64 * 1024**2))
        _assert_prompt(server)


def test_trickling_heads_starve_nobody(server: Server) -> None:
    with _many(server.otlp_http) as connections:
        for byte in b"POST":
            for raw in connections:
                raw.sendall(bytes((byte,)))
        _assert_prompt(server)


def test_calls_without_their_message_starve_nobody(server: Server) -> None:
    with _many(server.otlp_grpc, 400) as connections:
        for raw in connections:
            Http2Connection(raw).begin(TRACES)
        _assert_prompt(server)


def test_one_connection_with_many_trickling_calls_starves_nobody(server: Server) -> None:
    message = grpc_message(body())
    with connected(server.otlp_grpc) as raw:
        connection = Http2Connection(raw)
        for _ in range(200):
            connection.send_data(connection.begin(TRACES), message[:7])
        _assert_prompt(server)


@pytest.mark.parametrize("sent", [b"", b"POST /v1/traces HTTP/1.1\r\nhost"], ids=["none", "half"])
async def test_a_connection_that_completes_no_head_is_closed(sent: bytes) -> None:
    config = uvicorn.Config(_no_app, lifespan="off", log_config=None, timeout_keep_alive=1)
    config.load()
    state = ServerState()
    listening = await asyncio.get_running_loop().create_server(
        lambda: BoundedHttpProtocol(config, state, {}), "127.0.0.1", 0
    )
    async with listening:
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        writer.write(sent)
        received = await asyncio.wait_for(reader.read(), 5)
        writer.close()

    assert received == b""


async def _no_app(scope: object, receive: object, send: object) -> None:
    raise AssertionError("no request was complete")
