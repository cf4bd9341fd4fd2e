"""What ``spanloom doctor`` looks at, one function a subject; each says what to do."""

import fcntl
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from clickhouse_connect.driver.exceptions import ClickHouseError

from spanloom_collector.delivery.backlog import backlog_of
from spanloom_collector.delivery.quarantine import Entry, entries_of
from spanloom_collector.service import bound_socket
from spanloom_collector.settings import StorageSettings, log_journal_dir
from spanloom_collector.storage.connect import Engine, EngineUnavailableError, open_engine
from spanloom_collector.storage.migrate import applied_checksums, packaged_migrations
from spanloom_query.app import STATIC_DIR
from spanloom_query.presence import presence_in
from spanloom_query.running import RunningServerClient, ServerInformation
from spanloom_query.serving import LOOPBACK, ServeOptions

_PACKAGES = ("clickhouse-connect", "fastapi", "grpcio", "protobuf", "uvicorn", "opentelemetry-sdk")
_LEAST_FREE_BYTES = 1024**3
_OLD_S = 60.0
_CLOCK_TOLERANCE_S = 5.0
_FIRST_YEAR, _LAST_YEAR = 2025, 2100
_SHOWN_ENTRIES = 3
_GIB = 1024**3


class Level(Enum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Checkup(NamedTuple):
    """One finding."""

    name: str
    level: Level
    detail: str
    advice: str = ""


def _ok(name: str, detail: str) -> Checkup:
    return Checkup(name, Level.OK, detail)


def _warn(name: str, detail: str, advice: str) -> Checkup:
    return Checkup(name, Level.WARN, detail, advice)


def _fail(name: str, detail: str, advice: str) -> Checkup:
    return Checkup(name, Level.FAIL, detail, advice)


@dataclass(frozen=True)
class Patient:
    """What is examined: a server as it would be started, and the one that may run already."""

    options: ServeOptions
    endpoint: str | None = None
    """Where a running server is to be asked; by default it is looked for."""

    token: str | None = None
    """Sent to the running server."""

    @property
    def journal_dirs(self) -> tuple[Path, ...]:
        """The journal's folders: of spans, and of log records."""
        return (self.options.journal_dir, log_journal_dir(self.options.journal_dir))

    @cached_property
    def is_locked(self) -> bool:
        """Whether a process holds the embedded engine's folder."""
        try:
            fd = os.open(self.options.data_dir / "clickhouse" / "status", os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(fd)

    @cached_property
    def client(self) -> RunningServerClient:
        """Asks the server that was named, else that of the folder, else that of the port."""
        present = presence_in(self.options.data_dir)
        endpoint = self.endpoint or (present and present.endpoint)
        if not endpoint:
            host = self.options.host if self.options.host in LOOPBACK else "127.0.0.1"
            endpoint = f"http://{f'[{host}]' if ':' in host else host}:{self.options.port}"
        return RunningServerClient(endpoint, self.token)

    @cached_property
    def server(self) -> ServerInformation | None:
        """The server that answers, or None."""
        return self.client.information()


def packages(patient: Patient) -> Iterator[Checkup]:
    """Python and what the server is built on."""
    yield _ok("python", f"{platform.python_version()} at {sys.executable}")
    versions = ", ".join(f"{name} {version(name)}" for name in ("spanloom", *_PACKAGES))
    yield _ok("packages", versions)
    try:
        yield _ok("engine", f"chdb {version('chdb')} is installed")
    except PackageNotFoundError:
        if not patient.options.clickhouse_url:
            yield _fail(
                "engine",
                "chdb is not installed, and SPANLOOM_CLICKHOUSE_URL is not set",
                "pip install 'spanloom[local]'",
            )


def clock(patient: Patient) -> Iterator[Checkup]:
    """Whether the time can be right, and agrees with the server's."""
    before_wall, before_steady = time.time(), time.monotonic()
    reply = patient.client.ask("/healthz")
    now = datetime.now(UTC)
    drift_s = (time.time() - before_wall) - (time.monotonic() - before_steady)
    if not _FIRST_YEAR <= now.year <= _LAST_YEAR:
        yield _fail("clock", f"it is {now:%Y-%m-%d} here", "set the clock, e.g. with NTP")
    elif abs(drift_s) > 1:
        yield _warn("clock", f"it jumped by {drift_s:.1f} s just now", "see what sets it")
    elif reply and reply.date and abs((now - reply.date).total_seconds()) > _CLOCK_TOLERANCE_S:
        seconds = (now - reply.date).total_seconds()
        yield _warn(
            "clock",
            f"this machine is {seconds:+.0f} s from the server at {patient.client.endpoint}",
            "spans of both would be out of order: keep the clocks in step with NTP",
        )
    else:
        yield _ok("clock", f"{now:%Y-%m-%dT%H:%M:%SZ}")


def data_folder(patient: Patient) -> Iterator[Checkup]:
    """Whether it can be written."""
    folder = patient.options.data_dir
    where = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=where) as file:
            file.write(b"?")
    except OSError as error:
        yield _fail(
            "data",
            f"{where.absolute()} cannot be written: {error.strerror}",
            "give this user the right to write, or choose another folder with --data",
        )
        return
    made = "" if where == folder else " (will be made)"
    yield _ok("data", f"{folder.absolute()}{made}")


def disk(patient: Patient) -> Iterator[Checkup]:
    """Whether there is room for the journal's quota."""
    free = shutil.disk_usage(_existing(patient.options.data_dir)).free
    quota = patient.options.journal_quota_bytes
    detail = f"{free / _GIB:.1f} GiB free, the journal may take {quota / _GIB:.1f} GiB"
    if free < _LEAST_FREE_BYTES:
        yield _fail("disk", detail, "free some space: spans are refused when it is full")
    elif free < quota:
        yield _warn(
            "disk",
            detail,
            "free some space, or set SPANLOOM_JOURNAL_QUOTA_BYTES below what is free",
        )
    else:
        yield _ok("disk", detail)


def server(patient: Patient) -> Iterator[Checkup]:
    """Whether a server runs, and how it says it is."""
    endpoint = patient.client.endpoint
    if patient.server is not None:
        yield _ok("server", f"Spanloom {patient.server.version} answers at {endpoint}")
        yield from _readiness(patient)
        yield from _metrics(patient)
    elif patient.is_locked:
        yield _fail(
            "server",
            f"a process holds the data folder, but no Spanloom server answers at {endpoint}",
            "name the server with --endpoint, or end the process "
            f"({_holder(patient.options.data_dir)})",
        )
    elif patient.endpoint:
        yield _fail("server", f"nothing answers at {endpoint}", "start it, or mend the address")
    else:
        yield _ok("server", "none runs")


def _readiness(patient: Patient) -> Iterator[Checkup]:
    readiness = patient.client.readiness()
    if readiness is None:
        yield _fail("readyz", "the server does not say how it is", "read its log")
        return
    for check in readiness["checks"]:
        level = Level.WARN if readiness["status"] == "degraded" else Level.FAIL
        yield Checkup(
            f"readyz/{check['name']}",
            Level.OK if check["ok"] else level,
            check["detail"],
            "" if check["ok"] else "see 'What /readyz checks' in docs/operations.md",
        )


def _metrics(patient: Patient) -> Iterator[Checkup]:
    values = patient.client.metrics()
    if values is None:
        yield _warn(
            "metrics", "the server does not show them", "set SPANLOOM_API_KEY to one of its tokens"
        )
        return
    yield _backlog(
        int(values.get("spanloom_journal_segments", 0)),
        int(values.get("spanloom_journal_waiting_bytes", 0)),
        values.get("spanloom_journal_oldest_record_age_seconds", 0.0),
    )


def _backlog(segment_count: int, size_bytes: int, oldest_age_s: float) -> Checkup:
    detail = f"{segment_count} segments ({size_bytes} bytes) wait, the oldest {oldest_age_s:.1f} s"
    if oldest_age_s > _OLD_S:
        return _warn("journal", detail, "see in the log why the engine does not take them")
    return _ok("journal", detail)


def ports(patient: Patient) -> Iterator[Checkup]:
    """Whether each is free, or the server's own."""
    options = patient.options
    for option, port in (
        ("--port", options.port),
        ("--otlp-grpc-port", options.otlp_grpc_port),
        ("--otlp-http-port", options.otlp_http_port),
    ):
        yield _port(patient, option, port)


def _port(patient: Patient, option: str, port: int) -> Checkup:
    name = f"port {port}"
    try:
        bound_socket(patient.options.host, port).close()
    except OSError as error:
        if patient.server is not None and port in patient.server.ports:
            return _ok(name, f"the server at {patient.client.endpoint} listens there")
        return _fail(name, str(error), f"end what listens there, or choose another with {option}")
    return _ok(name, "free" if port else "any free one")


def engine(patient: Patient) -> Iterator[Checkup]:
    """Whether it opens and answers, and whose schema it holds."""
    options = patient.options
    if patient.is_locked:
        yield _ok("engine", "in use by a running server, so not opened here")
        return
    if not options.clickhouse_url and not (options.data_dir / "clickhouse").exists():
        yield _ok("engine", "there is no data yet")
        return
    try:
        opened = open_engine(
            StorageSettings(options.data_dir, clickhouse_url=options.clickhouse_url),
            migrating=False,
        )
    except EngineUnavailableError as error:
        yield _fail("engine", str(error), "see 'The engine does not open' in docs/operations.md")
        return
    try:
        yield from _engine(opened)
    finally:
        opened.close()


def _engine(opened: Engine) -> Iterator[Checkup]:
    try:
        with opened.reader() as client:
            ((release,),) = client.query("SELECT version()").result_rows
            ((tables,),) = client.query("EXISTS TABLE schema_migrations").result_rows
            applied = applied_checksums(client) if tables else {}
    except ClickHouseError as error:
        yield _fail("engine", str(error), "see its log")
        return
    yield _ok("engine", f"ClickHouse {release} answers")
    packaged = {migration.version: migration.checksum for migration in packaged_migrations()}
    foreign = [number for number, checksum in applied.items() if packaged.get(number) != checksum]
    pending = sorted(packaged.keys() - applied.keys())
    if foreign:
        yield _fail("schema", f"migrations {sorted(foreign)} are of another version", "upgrade")
    elif pending:
        yield _warn("schema", f"migrations {pending} are pending", "'spanloom serve' applies them")
    else:
        yield _ok("schema", f"{len(packaged)} migrations, all applied")


def journal(patient: Patient) -> Iterator[Checkup]:
    """What a server that is not running has left to load."""
    if patient.server is None:
        backlogs = [backlog_of(folder) for folder in patient.journal_dirs]
        segment_count = sum(backlog.segment_count for backlog in backlogs)
        size_bytes = sum(backlog.size_bytes for backlog in backlogs)
        detail = f"{segment_count} segments ({size_bytes} bytes) wait"
        if segment_count:
            yield _warn("journal", detail, "'spanloom serve' loads them when it starts")
        else:
            yield _ok("journal", detail)


def quarantine(patient: Patient) -> Iterator[Checkup]:
    """What the engine refused, and why."""
    entries: list[Entry] = []
    for folder in (journal_dir / "quarantine" for journal_dir in patient.journal_dirs):
        found = list(entries_of(folder))
        entries += found
        if found:
            yield _warn(
                "quarantine",
                f"{len(found)} records in {folder}",
                "see 'Quarantine' in docs/operations.md",
            )
    if not entries:
        yield _ok("quarantine", "empty")
    for entry in entries[:_SHOWN_ENTRIES]:
        reason = " ".join(entry.reason.split())[:200]
        yield _warn("quarantine", f"{entry.name}: {reason}", "")


def page(_patient: Patient) -> Iterator[Checkup]:
    """Whether the package holds the page."""
    if (STATIC_DIR / "index.html").exists():
        yield _ok("page", "built")
    else:
        yield _warn(
            "page", "not built", "in a repository: python hatch_build.py; else install a release"
        )


def access(patient: Patient) -> Iterator[Checkup]:
    """Whether strangers are kept out."""
    options = patient.options
    count = len(options.tokens or {})
    if count:
        yield _ok("access", f"{count} tokens on {options.host}")
    elif options.host in LOOPBACK:
        yield _ok("access", f"{options.host} is reached from this machine alone; no tokens")
    elif options.insecure:
        yield _warn(
            "access", f"everyone who reaches {options.host} reads and writes", "set SPANLOOM_TOKENS"
        )
    else:
        yield _fail(
            "access",
            f"'serve' refuses {options.host} without tokens",
            "set SPANLOOM_TOKENS, or pass --insecure if that is meant",
        )


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _holder(data_dir: Path) -> str:
    try:
        return (data_dir / "clickhouse" / "status").read_text().splitlines()[0]
    except (OSError, IndexError):
        return "its id is not known"
