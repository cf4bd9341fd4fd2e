"""The in-process engine of one folder, shared by the requests of many threads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import chdb

from tests.support.clickhouse_statement import ClickHouseConnection


class EngineStoppingError(Exception):
    """A request came after the engine began to close."""


class Engine:
    """The engine of one folder. Every request gets a connection of its own.

    A connection is never used twice: after a failed query the engine would put that query's
    output in front of the next answer, and `readonly` cannot be taken back.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._changed = threading.Condition()
        self._open_count = 0
        self._stopping = False
        self._first = chdb.connect(self._path)  # the engine lives as long as one connection does
        facts = self._first.query("SELECT version(), timezone()", "TabSeparated").bytes()
        self.version, self.timezone = facts.decode().strip().split("\t")

    @contextmanager
    def connection(self) -> Iterator[ClickHouseConnection]:
        with self._changed:
            if self._stopping:
                raise EngineStoppingError
            self._open_count += 1
        try:
            connection = chdb.connect(self._path)
            try:
                yield connection
            finally:
                connection.close()
        finally:
            with self._changed:
                self._open_count -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Wait for the running requests: leaving the process amid a query crashes it."""
        with self._changed:
            self._stopping = True
            self._changed.wait_for(lambda: self._open_count == 0)
        self._first.close()
