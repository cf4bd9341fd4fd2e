"""The in-process engine behind ClickHouse's HTTP protocol, so that its HTTP client meets it.

No ClickHouse server can be had from a package registry, but its engine can (`chdb`). Run as

    python -m tests.support.clickhouse_http --path DIR

it prints `listening on http://127.0.0.1:PORT` and serves until SIGTERM. What the storage suite
needs is here: ping, the client's handshake, parameters, settings, formats, compressed bodies,
inserts, errors. Sessions, users and external tables are not; open the client with
`autogenerate_session_id=False`.
"""

import argparse
import gzip
import json
import os
import re
import signal
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import lz4.frame  # type: ignore[import-untyped]
import zstandard

from tests.support.clickhouse_engine import Engine, EngineStoppingError
from tests.support.clickhouse_statement import Answer, Statement, StatementError, run

# Parameters of a request which speak to the HTTP handler; all others are settings of the query.
_TRANSPORT_PARAMETERS = frozenset(
    {
        "buffer_size",
        "client_protocol_version",
        "compress",
        "database",
        "decompress",
        "default_format",
        "enable_http_compression",
        "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close",
        "password",
        "query",
        "query_id",
        "quota_key",
        "role",
        "send_progress_in_http_headers",
        "user",
        "wait_end_of_query",
    }
)
_CONTENT_TYPES = {
    "CSV": "text/csv; charset=UTF-8",
    "JSON": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
}
_STATUS_OF_CODE = {
    6: HTTPStatus.BAD_REQUEST,  # CANNOT_PARSE_TEXT
    27: HTTPStatus.BAD_REQUEST,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
    36: HTTPStatus.BAD_REQUEST,  # BAD_ARGUMENTS
    41: HTTPStatus.BAD_REQUEST,  # CANNOT_PARSE_DATETIME
    46: HTTPStatus.NOT_FOUND,  # UNKNOWN_FUNCTION
    47: HTTPStatus.NOT_FOUND,  # UNKNOWN_IDENTIFIER
    53: HTTPStatus.BAD_REQUEST,  # TYPE_MISMATCH
    60: HTTPStatus.NOT_FOUND,  # UNKNOWN_TABLE
    62: HTTPStatus.BAD_REQUEST,  # SYNTAX_ERROR
    70: HTTPStatus.BAD_REQUEST,  # CANNOT_CONVERT_TYPE
    81: HTTPStatus.NOT_FOUND,  # UNKNOWN_DATABASE
    115: HTTPStatus.NOT_FOUND,  # UNKNOWN_SETTING
    159: HTTPStatus.REQUEST_TIMEOUT,  # TIMEOUT_EXCEEDED
    202: HTTPStatus.SERVICE_UNAVAILABLE,  # TOO_MANY_SIMULTANEOUS_QUERIES
}
_SYNTAX_ERROR = 62
_NOT_IMPLEMENTED = 48
_UNKNOWN_EXCEPTION = 1002
_ENGINE_ERROR = re.compile(r"Code: (\d+)\. (?:DB::\w+: )?(.*)", re.DOTALL)

_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "lz4": lz4.frame.compress,
    "zstd": lambda data: zstandard.ZstdCompressor(level=1).compress(data),
    "gzip": lambda data: gzip.compress(data, compresslevel=1),
}
_UNPACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "lz4": lz4.frame.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}


class Handler(BaseHTTPRequestHandler):
    """One HTTP connection of a client."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        self._respond(readonly=True)

    def do_POST(self) -> None:
        self._respond(readonly=False)

    def log_message(self, format: str, *args: object) -> None:
        """Tests read what the server prints; it prints its address only."""

    def _respond(self, *, readonly: bool) -> None:
        body = self._read_body()
        url = urlsplit(self.path)
        arguments = dict(parse_qsl(url.query, keep_blank_values=True))
        if url.path == "/ping":
            self._send(HTTPStatus.OK, b"Ok.\n", {})
            return
        headers = {"X-ClickHouse-Query-Id": arguments.get("query_id") or str(uuid.uuid4())}
        try:
            self._run(arguments, body, headers, readonly=readonly)
        except EngineStoppingError:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, b"The engine is closing.\n", headers)
        except StatementError as error:
            self._send_error(error.code, str(error), headers)
        except Exception as error:  # noqa: BLE001 the client must hear of any fault
            found = _ENGINE_ERROR.search(str(error))
            code, message = (
                (int(found[1]), found[2]) if found else (_UNKNOWN_EXCEPTION, repr(error))
            )
            self._send_error(code, message, headers)

    def _run(
        self, arguments: dict[str, str], body: bytes, headers: dict[str, str], *, readonly: bool
    ) -> None:
        data = _unpacked(body, self.headers.get("Content-Encoding") or "")
        content_type = self.headers.get("Content-Type") or ""
        if content_type.startswith("multipart/form-data"):
            arguments |= _form_fields(content_type, data)
            data = b""
        statement = self._statement(arguments, data, readonly=readonly)
        started_ns = time.perf_counter_ns()
        with self.server.engine.connection() as connection:
            answer = run(connection, statement)
        summary = _summary(answer, elapsed_ns=time.perf_counter_ns() - started_ns)
        headers["X-ClickHouse-Summary"] = json.dumps(summary)
        if answer.format:
            headers["X-ClickHouse-Format"] = answer.format
            headers["Content-Type"] = _CONTENT_TYPES.get(answer.format, "application/octet-stream")
        accepted = self.headers.get("Accept-Encoding") if _wants_packed(arguments) else None
        self._send(HTTPStatus.OK, answer.body, headers, accepted or "")

    def _statement(self, arguments: Mapping[str, str], data: bytes, *, readonly: bool) -> Statement:
        if "session_id" in arguments:
            message = "No sessions here: open the client with autogenerate_session_id=False"
            raise StatementError(_NOT_IMPLEMENTED, message)
        query = arguments.get("query", "").encode("utf-8", "surrogateescape")
        sql = b"\n".join(part for part in (query, data) if part)
        if not sql.strip():
            raise StatementError(_SYNTAX_ERROR, "Syntax error: failed at position 1: empty query")
        settings = {
            name: value
            for name, value in arguments.items()
            if name not in _TRANSPORT_PARAMETERS and not name.startswith("param_")
        }
        return Statement(
            sql=sql,
            database=arguments.get("database") or self.headers.get("X-ClickHouse-Database"),
            default_format=arguments.get("default_format")
            or self.headers.get("X-ClickHouse-Format")
            or "TabSeparated",
            settings={"readonly": "1", **settings} if readonly else settings,
            parameters={
                name.removeprefix("param_"): value
                for name, value in arguments.items()
                if name.startswith("param_")
            },
        )

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size_bytes := int(self.rfile.readline().split(b";")[0], base=16):
            chunks.append(self.rfile.read(size_bytes))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _send_error(self, code: int, message: str, headers: Mapping[str, str]) -> None:
        version = "" if "(version " in message else f" (version {self.server.engine.version})"
        body = f"Code: {code}. DB::Exception: {message}{version}\n".encode(errors="surrogateescape")
        status = _STATUS_OF_CODE.get(code, HTTPStatus.INTERNAL_SERVER_ERROR)
        self._send(status, body, {**headers, "X-ClickHouse-Exception-Code": str(code)})

    def _send(
        self, status: HTTPStatus, body: bytes, headers: Mapping[str, str], accepted: str = ""
    ) -> None:
        encoding = next((name for name in re.split(r"[,\s]+", accepted) if name in _PACKERS), None)
        if encoding:
            body = _PACKERS[encoding](body)
            headers = {**headers, "Content-Encoding": encoding}
        self.send_response(status)
        all_headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-ClickHouse-Server-Display-Name": "chdb",
            "X-ClickHouse-Timezone": self.server.engine.timezone,
            **headers,
            "Content-Length": str(len(body)),
        }
        for name, value in all_headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """A thread for each connection of a client, on a free port of this machine."""

    # A client keeps its idle connections open; their threads must not hold up the exit.
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        super().__init__(("127.0.0.1", 0), Handler)


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding not in _UNPACKERS:
        raise StatementError(_NOT_IMPLEMENTED, f"Unknown HTTP content encoding {encoding}")
    return _UNPACKERS[encoding](body)


def _wants_packed(arguments: Mapping[str, str]) -> bool:
    return arguments.get("enable_http_compression") in ("1", "true")


def _form_fields(content_type: str, body: bytes) -> dict[str, str]:
    """The client sends parameters that are too long for a URL as a form."""
    header = b"Content-Type: " + content_type.encode() + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(header + body)
    fields = {}
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        if part.get_filename():
            raise StatementError(_NOT_IMPLEMENTED, f"No external tables here: {name}")
        value = part.get_payload(decode=True)
        fields[name] = bytes(value).decode("utf-8", "surrogateescape")
    return fields


def _summary(answer: Answer, *, elapsed_ns: int) -> dict[str, str]:
    counts = {
        "read_rows": answer.read_rows,
        "read_bytes": answer.read_bytes,
        "written_rows": answer.written_rows,
        "written_bytes": answer.written_bytes,
        "total_rows_to_read": 0,
        "result_rows": 0,
        "result_bytes": len(answer.body),
        "elapsed_ns": elapsed_ns,
    }
    return {name: str(count) for name, count in counts.items()}


def main() -> None:
    """Serve the folder named on the command line until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--path", type=Path, required=True, help="folder of the engine's data")
    path = parser.parse_args().path.resolve()
    path.mkdir(parents=True, exist_ok=True)
    os.chdir(path)  # the engine keeps schemas that statements bring along in the current folder
    engine = Engine(path)
    server = Server(engine)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    stop.wait()
    server.shutdown()
    server.server_close()
    engine.close()


if __name__ == "__main__":
    main()
