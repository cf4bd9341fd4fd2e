"""Just enough of HTTP/2 to send gRPC calls that no library would send.

Source: RFC 9113 (frames, flow control), RFC 7541 (literal header fields).
"""

import socket
import struct
from typing import NamedTuple

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1
_INITIAL_WINDOW_SETTING = 4
_INITIAL_WINDOW_BYTES = 65_535
_MAX_FRAME_BYTES = 16_384


class Frame(NamedTuple):
    """One frame as it came."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def ends_stream(self) -> bool:
        """Whether nothing more comes on its stream."""
        closing = self.kind in (DATA, HEADERS) and bool(self.flags & _END_STREAM)
        return closing or self.kind == RST_STREAM


class Http2Connection:
    """One connection; calls are made by hand, a frame at a time."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw
        self._buffer = b""
        self._next_stream = 1
        self._initial_window = _INITIAL_WINDOW_BYTES
        self._windows = {0: _INITIAL_WINDOW_BYTES}
        raw.sendall(_PREFACE)
        self._send(SETTINGS, 0, 0, b"")

    def begin(self, path: str, *extra: tuple[str, str]) -> int:
        """Send the head of a gRPC call; its stream."""
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        fields = (
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "test"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            *extra,
        )
        block = b"".join(_literal(name, value) for name, value in fields)
        self._send(HEADERS, _END_HEADERS, stream, block)
        self._windows[stream] = self._initial_window
        return stream

    def send_data(self, stream: int, data: bytes, *, last: bool = False) -> None:
        """Send bytes of a call, as fast as the server lets us."""
        while data:
            room = min(self._windows[0], self._windows[stream], _MAX_FRAME_BYTES)
            if room <= 0:
                self.next_frame()
                continue
            part, data = data[:room], data[room:]
            self._send(DATA, _END_STREAM if last and not data else 0, stream, part)
            self._windows[0] -= len(part)
            self._windows[stream] -= len(part)

    def next_frame(self) -> Frame:
        """The next frame, after what it asks of a client was done."""
        header = self._read(9)
        length = int.from_bytes(header[:3], "big")
        kind, flags, stream = header[3], header[4], int.from_bytes(header[5:], "big")
        frame = Frame(kind, flags, stream, self._read(length))
        if kind == SETTINGS and not flags & _ACK:
            self._apply_settings(frame.payload)
            self._send(SETTINGS, _ACK, 0, b"")
        elif kind == PING and not flags & _ACK:
            self._send(PING, _ACK, 0, frame.payload)
        elif kind == WINDOW_UPDATE:
            self._windows[stream] += int.from_bytes(frame.payload, "big")
        return frame

    def wait_for(self, kind: int) -> Frame:
        """The next frame of a kind."""
        while (frame := self.next_frame()).kind != kind:
            pass
        return frame

    def wait_for_end(self, stream: int) -> list[Frame]:
        """The frames until a stream's end."""
        frames = []
        while not frames or not (frames[-1].stream == stream and frames[-1].ends_stream):
            frames.append(self.next_frame())
        return frames

    def _apply_settings(self, payload: bytes) -> None:
        for name, value in struct.iter_unpack(">HI", payload):
            if name == _INITIAL_WINDOW_SETTING:
                grown = value - self._initial_window
                self._initial_window = value
                for stream in self._windows.keys() - {0}:
                    self._windows[stream] += grown

    def _send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        header = len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
        self._raw.sendall(header + payload)

    def _read(self, length: int) -> bytes:
        while len(self._buffer) < length:
            received = self._raw.recv(65_536)
            if not received:
                raise ConnectionError("the server closed the connection")
            self._buffer += received
        taken, self._buffer = self._buffer[:length], self._buffer[length:]
        return taken


def grpc_message(content: bytes, *, compressed: bool = False) -> bytes:
    """A message with gRPC's prefix."""
    return bytes((compressed,)) + len(content).to_bytes(4, "big") + content


def _literal(name: str, value: str) -> bytes:
    return b"\0" + b"".join(bytes((len(text),)) + text.encode() for text in (name, value))
