"""Requests that change something: their bodies are read up to a limit."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message, Receive

BODY_MAX_BYTES = 16 << 20
"""Longest body, in bytes."""

_PASS_OVER_TIMEOUT_S = 10.0


class BoundedRoute(APIRoute):
    """A route that never has more of a body in memory than it may be long."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler, behind the limit."""
        handle = super().get_route_handler()

        async def handle_bounded(request: Request) -> Response:
            return await handle(Request(request.scope, _bounded(request.receive)))

        return handle_bounded


def _bounded(receive: Receive) -> Receive:
    read_bytes = 0

    async def receive_bounded() -> Message:
        nonlocal read_bytes
        message = await receive()
        read_bytes += len(message.get("body", b""))
        if read_bytes > BODY_MAX_BYTES:
            await _pass_over(receive, message)
            raise HTTPException(
                413, f"a request may be {BODY_MAX_BYTES >> 20} MiB long: send less at once"
            )
        return message

    return receive_bounded


async def _pass_over(receive: Receive, message: Message) -> None:
    # A connection that is closed while its client still sends is reset, and the answer lost.
    with suppress(TimeoutError):
        async with asyncio.timeout(_PASS_OVER_TIMEOUT_S):
            while message.get("more_body"):
                message = await receive()
