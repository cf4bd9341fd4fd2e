"""Reading a request's body within bounds: of size, of time, and of all requests' bytes together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Any

from spanloom_collector.delivery.backpressure import InFlightBytes
from spanloom_collector.pipeline.decode import MalformedRequestError, RequestTooLargeError
from spanloom_collector.receivers.refusals import ClientTooSlowError
from spanloom_collector.settings import CollectorSettings

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_HOLD_STEP_BYTES = 64 * 1024


class Incoming:
    """What a client sends: ASGI's ``receive``, and what is left of it when it was refused."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._complete = False

    async def __call__(self) -> MutableMapping[str, Any]:
        """The next event."""
        event = await self._receive()
        self._complete = event["type"] == "http.disconnect" or not event.get("more_body", False)
        return event

    async def pass_over(self, timeout_s: float) -> None:
        """Read to the end and keep nothing, for a limited time.

        A connection that is closed while its client still sends is reset, and the answer lost.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self._complete:
                    await self()


@asynccontextmanager
async def held_body(
    headers: Mapping[str, str],
    receive: Receive,
    settings: CollectorSettings,
    in_flight: InFlightBytes,
) -> AsyncIterator[bytes]:
    """Read a body and count its bytes as in flight until the request is answered.

    What has arrived is counted, not what is announced: a client that announces much and sends
    little would keep others out for free.

    Raises:
        RequestTooLargeError: it exceeds the limit; nothing is read if that was announced.
        ClientTooSlowError: it does not arrive in time.
        RetryLaterError: too many bytes are in flight.
        MalformedRequestError: the client went away.
    """
    _refuse_announced(headers, settings.max_request_bytes)
    with ExitStack() as held:
        try:
            async with asyncio.timeout(settings.body_timeout_s):
                body = await _read(receive, settings.max_request_bytes, in_flight, held)
        except TimeoutError:
            raise ClientTooSlowError(
                f"the body did not arrive within {settings.body_timeout_s:g} s"
            ) from None
        yield body


def _refuse_announced(headers: Mapping[str, str], max_bytes: int) -> None:
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > max_bytes:
        raise RequestTooLargeError(f"the body exceeds {max_bytes} bytes")


async def _read(
    receive: Receive, max_bytes: int, in_flight: InFlightBytes, held: ExitStack
) -> bytes:
    body = bytearray()
    held_bytes = 0
    more = True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise MalformedRequestError("the client went away before the body was complete")
        body += event.get("body", b"")
        more = event.get("more_body", False)
        if len(body) > max_bytes:
            raise RequestTooLargeError(f"the body exceeds {max_bytes} bytes")
        if not more or len(body) - held_bytes >= _HOLD_STEP_BYTES:
            held.enter_context(in_flight.held(len(body) - held_bytes))
            held_bytes = len(body)
    return bytes(body)
