"""HTTP connections within bounds that uvicorn does not set by itself."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MAX_FRAMING_BYTES = 64 * 1024
# What a byte of body excuses: a chunk of one byte takes five more.
_FRAMING_PER_BODY_BYTE = 16


class BoundedHttpProtocol(HttpToolsProtocol):
    """A connection whose requests' heads are bounded in size and in time.

    Without it, a header or a trailer without an end fills the memory, and a connection that never
    completes a head is kept for ever. The body's own bounds are the application's.
    """

    _framing_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, unless what is neither body nor a complete head is too much."""
        self._framing_bytes += len(data)
        super().data_received(data)
        if self._framing_bytes > _MAX_FRAMING_BYTES and not self.transport.is_closing():
            self.send_400_response("The request's head is too large.")

    def on_headers_complete(self) -> None:
        """A head is complete."""
        self._framing_bytes = 0
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some body arrived, or is passed over because its request was refused."""
        excused = _FRAMING_PER_BODY_BYTE * len(body)
        self._framing_bytes = max(0, self._framing_bytes - excused)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is complete, its trailers too."""
        self._framing_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next head; what is left of a refused body has the same time to pass."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._await_head()

    def _await_head(self) -> None:
        self._stop_waiting()
        self._head_timer = self.loop.call_later(self.timeout_keep_alive, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
