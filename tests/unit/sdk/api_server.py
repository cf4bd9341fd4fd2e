"""A small HTTP server that answers as it is told, and keeps what it was asked."""

import http.server
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec


class Asked(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    content: bytes

    def json(self) -> object:
        return msgspec.json.decode(self.content)


class Reply(NamedTuple):
    status: int = 200
    content: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()
    promised_bytes: int | None = None
    """The length that is told, where it is not the true one."""
    hangs_up: bool = False
    """Closes the connection, without having said so, after the answer."""
    says_nothing: bool = False
    delay_s: float = 0.0
    reads_content: bool = True


DROPPED = Reply(says_nothing=True, hangs_up=True)


@dataclass
class ApiServer:
    asked: list[Asked] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    """Given in order; an empty JSON object when there are none."""
    connection_count: int = 0

    def start(self) -> None:
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"told": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet about clients that went away while they were being answered."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    told: ApiServer

    def setup(self) -> None:
        self.told.connection_count += 1
        super().setup()

    def answer(self) -> None:
        reply = self.told.replies.pop(0) if self.told.replies else Reply()
        content = b"".join(self.parts()) if reply.reads_content else b""
        self.told.asked.append(Asked(self.command, self.path, dict(self.headers), content))
        time.sleep(reply.delay_s)
        if not reply.says_nothing:
            self.say(reply)
        self.close_connection = self.close_connection or reply.hangs_up

    def __getattr__(self, name: str) -> object:
        if name.startswith("do_"):  # whatever the method of the request
            return self.answer
        raise AttributeError(name)

    def say(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        length_bytes = reply.promised_bytes or len(reply.content)
        self.send_header("Content-Length", str(length_bytes))
        self.end_headers()
        self.wfile.write(reply.content)

    def parts(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length", 0)))
            return
        while size_bytes := int(self.rfile.readline(), 16):
            yield self.rfile.read(size_bytes)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, format: str, *args: object) -> None:
        pass
