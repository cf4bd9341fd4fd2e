"""Ways to the engine: in this process (chdb), or a ClickHouse server over HTTP; one interface.

Rules that were paid for (docs/adr/003): one process owns an embedded folder; the writer has a
client of its own and each reader checks one out; after **any** exception a client is thrown away,
because the embedded engine puts the output of a failed query in front of the next result.
"""

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from spanloom_collector.settings import StorageSettings
from spanloom_collector.storage.engine import written_config
from spanloom_collector.storage.migrate import migrate

DATABASE = "spanloom"

# FINAL may work partition by partition: the key determines the partition.
_READ_SETTINGS = {"do_not_merge_across_partitions_select_final": "1"}


class EngineUnavailableError(Exception):
    """The engine cannot be opened or reached; the text says why and what to do."""


class Engine:
    """Clients of one engine, handed out one caller at a time.

    Example:
        >>> engine = open_engine(StorageSettings(Path("spanloom-data")))  # doctest: +SKIP
        >>> with engine.reader() as client:  # doctest: +SKIP
        ...     client.query("SELECT count() FROM spans FINAL").result_rows
    """

    def __init__(
        self,
        open_writer: Callable[[], Client],
        open_reader: Callable[[], Client],
        reader_limit: int,
        *,
        is_embedded: bool = True,
    ) -> None:
        self.is_embedded = is_embedded
        self._open_writer = open_writer
        self._open_reader = open_reader
        self._writer: Client | None = None
        self._writer_lock = threading.Lock()
        self._idle_readers: list[Client] = []
        self._reader_slots = threading.BoundedSemaphore(reader_limit)
        self._reader_limit = reader_limit
        self._closed = False

    @contextmanager
    def writer(self) -> Iterator[Client]:
        """The one writing client. After an exception the next caller gets a new one."""
        with self._writer_lock:
            if self._closed:
                raise EngineUnavailableError("the engine is closed")
            client = self._writer or self._open_writer()
            self._writer = None
            yield from _kept_unless_failed(client, self._keep_writer)

    @contextmanager
    def reader(self) -> Iterator[Client]:
        """A read-only client for one query at a time; waits when all are in use."""
        with self._reader_slots:
            if self._closed:
                raise EngineUnavailableError("the engine is closed")
            try:
                client = self._idle_readers.pop()
            except IndexError:
                client = self._open_reader()
            yield from _kept_unless_failed(client, self._idle_readers.append)

    def close(self) -> None:
        """Wait for running queries, then close every client.

        Closing while a thread is inside the embedded engine would crash the process.
        """
        self._closed = True
        for _ in range(self._reader_limit):
            self._reader_slots.acquire()
        with self._writer_lock:
            clients = [*self._idle_readers, *([self._writer] if self._writer else [])]
            self._idle_readers, self._writer = [], None
        for client in clients:
            client.close()
        for _ in range(self._reader_limit):
            self._reader_slots.release()

    def _keep_writer(self, client: Client) -> None:
        self._writer = client


def _kept_unless_failed(client: Client, keep: Callable[[Client], None]) -> Iterator[Client]:
    try:
        yield client
    except BaseException:
        client.close()
        raise
    keep(client)


def open_engine(settings: StorageSettings, *, migrating: bool = True) -> Engine:
    """Open the engine that the settings name and bring its schema up to date.

    Args:
        settings: where the engine is.
        migrating: False leaves the schema as it is, for who only wants to look.

    Raises:
        EngineUnavailableError: the folder is locked or broken, or the server does not answer.
        MigrationError: the schema is of another version of Spanloom.
    """
    connect = _server(settings) if settings.clickhouse_url else _embedded(settings)
    with _translated_errors(settings):
        _create_database(connect, settings.cluster)
    engine = Engine(
        open_writer=lambda: connect(DATABASE, {}),
        open_reader=lambda: connect(DATABASE, _reader_settings(settings)),
        reader_limit=settings.reader_limit,
        is_embedded=not settings.clickhouse_url,
    )
    if migrating:
        with engine.writer() as client:
            migrate(client, settings.cluster)
    return engine


_Connect = Callable[[str | None, dict[str, str]], Client]


def _embedded(settings: StorageSettings) -> _Connect:
    path = settings.data_dir / "clickhouse"
    path.mkdir(parents=True, exist_ok=True)
    options = {"config-file": str(written_config(settings.data_dir).absolute())}

    def connect(database: str | None, client_settings: dict[str, str]) -> Client:
        return clickhouse_connect.get_client(
            interface="chdb",
            path=str(path),
            chdb_options=options,
            database=database,
            settings=client_settings,
        )

    return connect


def _server(settings: StorageSettings) -> _Connect:
    url = urlsplit(settings.clickhouse_url or "")
    if url.scheme not in ("http", "https") or not url.hostname:
        raise EngineUnavailableError(
            f"SPANLOOM_CLICKHOUSE_URL must look like http://user:password@host:8123, "
            f"not {settings.clickhouse_url!r}"
        )

    def connect(database: str | None, client_settings: dict[str, str]) -> Client:
        return clickhouse_connect.get_client(
            host=url.hostname,
            port=url.port or (8443 if url.scheme == "https" else 8123),
            secure=url.scheme == "https",
            username=unquote(url.username or "") or None,
            password=unquote(url.password or ""),
            database=database,
            settings=client_settings,
            autogenerate_session_id=False,  # a session would forbid concurrent queries
        )

    return connect


def _reader_settings(settings: StorageSettings) -> dict[str, str]:
    # The limits come first: once a client is read-only it cannot change them. The embedded engine
    # has no users, so it is closed entirely; a server's client sends its settings with each query.
    readonly = "2" if settings.clickhouse_url else "1"
    return {
        "max_execution_time": str(settings.query_timeout_s),
        "max_memory_usage": str(settings.query_memory_bytes),
        **_READ_SETTINGS,
        "readonly": readonly,
    }


def _create_database(connect: _Connect, cluster: str | None) -> None:
    on_cluster = f" ON CLUSTER '{cluster}'" if cluster else ""
    # The embedded engine's default database is an overlay over the file system; ours is Atomic.
    client = connect(None, {})
    try:
        client.command(f"CREATE DATABASE IF NOT EXISTS {DATABASE}{on_cluster} ENGINE = Atomic")
    finally:
        client.close()


@contextmanager
def _translated_errors(settings: StorageSettings) -> Iterator[None]:
    with _captured_stderr() as stderr:
        try:
            yield
        except (ClickHouseError, OSError, RuntimeError) as error:
            raise EngineUnavailableError(_explained(error, stderr(), settings)) from error


def _explained(error: Exception, stderr: str, settings: StorageSettings) -> str:
    if settings.clickhouse_url:
        where = urlsplit(settings.clickhouse_url).hostname
        return f"the ClickHouse server at {where} cannot be used: {error}"
    if "Cannot lock file" in stderr:
        return (
            f"another process uses the data folder {settings.data_dir}: stop it, or choose another "
            "folder with --data"
        )
    cause = next((line for line in stderr.splitlines() if "Code:" in line), str(error))
    return f"the engine cannot open {settings.data_dir}: {cause.strip()}"


@contextmanager
def _captured_stderr() -> Iterator[Callable[[], str]]:
    """Catch what the engine writes to file descriptor 2.

    It says nowhere else why it cannot open.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield lambda: _content(file)
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _content(file: Any) -> str:
    file.seek(0)
    return bytes(file.read()).decode("utf-8", "replace")
