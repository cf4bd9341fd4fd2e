"""The engine behind HTTP at an address that stays, so that it can die and come back. Run as

python -m tests.support.mortal_engine FOLDER PORT
"""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

from tests.support.clickhouse_engine import Engine
from tests.support.clickhouse_http import Handler, Server

_REPOSITORY = Path(__file__).parents[2]


class _ServerAt(Server):
    def __init__(self, engine: Engine, port: int) -> None:
        self.engine = engine
        ThreadingHTTPServer.__init__(self, ("127.0.0.1", port), Handler)


class MortalEngine:
    """A process that can be killed and started again on the same folder and port."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where it answers when it lives."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Begin to live."""
        arguments = (str(self._folder), str(self._port))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.mortal_engine", *arguments],
            cwd=_REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        """Die as in a power cut."""
        assert self._process is not None
        with self._process as process:
            process.kill()
        self._process = None

    @property
    def is_alive(self) -> bool:
        """Whether it was started and not killed since."""
        return self._process is not None


@contextmanager
def mortal_engine(folder: Path) -> Iterator[MortalEngine]:
    """A living engine; whatever became of it, it is dead afterwards."""
    engine = MortalEngine(folder)
    engine.start()
    try:
        yield engine
    finally:
        if engine.is_alive:
            engine.kill()


def main() -> None:
    """Serve until SIGTERM, or until killed."""
    folder, port = sys.argv[1:]
    engine = Engine(Path(folder))
    server = _ServerAt(engine, int(port))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print("ready", flush=True)
    stop.wait()
    server.shutdown()
    server.server_close()
    engine.close()


if __name__ == "__main__":
    main()
