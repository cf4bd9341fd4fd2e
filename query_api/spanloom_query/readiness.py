"""Whether the parts of a process do their work: engine, journal, loader, quarantine."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
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


def front_end_findings(outboxes: Sequence[Outbox], quota_bytes: int) -> list[Finding]:
    """Look at what a front end needs to accept spans, and whether somebody loads them."""
    return [_journal(outboxes, quota_bytes), _backlog(outboxes)]


def findings(spools: Sequence[Spool], quota_bytes: int) -> list[Finding]:
    """Look at everything that stands between accepted spans and log records and their tables."""
    return [
        _journal(spools, quota_bytes),
        _loader(spools),
        _backlog(spools),
        _quarantine(spools),
    ]


def _journal(spools: Sequence[Spool | Outbox], quota_bytes: int) -> Finding:
    if not all(spool.accepts for spool in spools):
        return Finding("journal", False, "its thread has died: read the log, restart the server")
    for spool in spools:
        try:
            with tempfile.TemporaryFile(dir=spool.folder) as file:
                file.write(b"?")
        except OSError as error:
            text = f"{spool.folder} cannot be written: {error.strerror}"
            return Finding("journal", False, text)
    return _room(spools[0].folder, sum(spool.waiting_bytes for spool in spools), quota_bytes)


def _room(folder: Path, waiting_bytes: int, quota_bytes: int) -> Finding:
    free_bytes = shutil.disk_usage(folder).free
    detail = (
        f"{waiting_bytes} bytes wait, of {quota_bytes} that they may take; "
        f"{free_bytes} bytes are free on the disk"
    )
    if min(free_bytes, quota_bytes - waiting_bytes) < _SEGMENT_BYTES:
        return Finding(
            "journal", False, f"no room for a segment of {_SEGMENT_BYTES} bytes: {detail}"
        )
    return Finding("journal", True, detail)


def _loader(spools: Sequence[Spool]) -> Finding:
    if not all(spool.loads for spool in spools):
        return Finding("loader", False, "its thread has died: read the log, restart the server")
    return Finding("loader", True, "running")


def _backlog(spools: Sequence[Spool | Outbox]) -> Finding:
    backlogs = [backlog_of(spool.folder) for spool in spools]
    count = sum(backlog.segment_count for backlog in backlogs)
    oldest_age_s = max(backlog.oldest_age_s for backlog in backlogs)
    detail = f"{count} segments wait, the oldest for {oldest_age_s:.1f} s"
    return Finding("backlog", oldest_age_s < _OLD_S, detail, is_vital=False)


def _quarantine(spools: Sequence[Spool]) -> Finding:
    count = sum(spool.quarantine.count for spool in spools)
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
