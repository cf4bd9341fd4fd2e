"""Whether the parts of a process do their work: engine, journal, loader, quarantine."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from clickhouse_connect.driver.exceptions import ClickHouseError

from spanloom_collector.delivery.backlog import backlog_of
from spanloom_collector.delivery.journal import JournalLimits
from spanloom_collector.delivery.outbox import Outbox
from spanloom_collector.delivery.spool import Spool
from spanloom_collector.storage.connect import Engine, EngineUnavailableError
from spanloom_collector.storage.migrate import applied_checksums, packaged_migrations
from spanloom_query.routes.context import Finding

_SEGMENT_BYTES = JournalLimits().segment_bytes
_OLD_S = 60.0


def engine_findings(engine: Engine) -> list[Finding]:
    """Ask the engine."""
    return [
        _answered("engine", _engine_answers, engine),
        _answered("migrations", _schema_is_current, engine),
    ]


def front_end_findings(outbox: Outbox, journal_dir: Path, quota_bytes: int) -> list[Finding]:
    """Look at what a front end needs to accept spans, and whether somebody loads them."""
    return [_journal(outbox, journal_dir, quota_bytes), _backlog(journal_dir)]


def findings(spool: Spool, journal_dir: Path, quota_bytes: int) -> list[Finding]:
    """Look at everything that stands between an accepted span and the table."""
    return [
        _journal(spool, journal_dir, quota_bytes),
        _loader(spool),
        _backlog(journal_dir),
        _quarantine(spool),
    ]


def _journal(delivery: Spool | Outbox, folder: Path, quota_bytes: int) -> Finding:
    if not delivery.accepts:
        return Finding("journal", False, "its thread has died: read the log, restart the server")
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"?")
        free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding("journal", False, f"{folder} cannot be written: {error.strerror}")
    room_bytes = min(free_bytes, quota_bytes - delivery.waiting_bytes)
    detail = (
        f"{delivery.waiting_bytes} bytes wait, of {quota_bytes} that they may take; "
        f"{free_bytes} bytes are free on the disk"
    )
    if room_bytes < _SEGMENT_BYTES:
        return Finding(
            "journal", False, f"no room for a segment of {_SEGMENT_BYTES} bytes: {detail}"
        )
    return Finding("journal", True, detail)


def _loader(spool: Spool) -> Finding:
    if not spool.loads:
        return Finding("loader", False, "its thread has died: read the log, restart the server")
    return Finding("loader", True, "running")


def _backlog(folder: Path) -> Finding:
    backlog = backlog_of(folder)
    detail = f"{backlog.segment_count} segments wait, the oldest for {backlog.oldest_age_s:.1f} s"
    return Finding("backlog", backlog.oldest_age_s < _OLD_S, detail, is_vital=False)


def _quarantine(spool: Spool) -> Finding:
    count = spool.quarantine.count
    detail = f"{count} records; see 'spanloom doctor'" if count else "empty"
    return Finding("quarantine", not count, detail, is_vital=False)


def _answered(name: str, ask: Callable[[Engine], str], engine: Engine) -> Finding:
    try:
        return Finding(name, True, ask(engine))
    except (ClickHouseError, EngineUnavailableError, OSError) as error:
        return Finding(name, False, str(error))


def _engine_answers(engine: Engine) -> str:
    with engine.reader() as client:
        (row,) = client.query("SELECT version()").result_rows
    return f"ClickHouse {row[0]}"


def _schema_is_current(engine: Engine) -> str:
    with engine.reader() as client:
        applied = applied_checksums(client)
    packaged = {migration.version: migration.checksum for migration in packaged_migrations()}
    differing = sorted(version for version, _ in set(applied.items()) ^ set(packaged.items()))
    if differing:
        raise EngineUnavailableError(
            f"migrations {differing} differ between the database and this version of Spanloom: "
            "restart this server, or upgrade it"
        )
    return f"{len(packaged)} applied"
