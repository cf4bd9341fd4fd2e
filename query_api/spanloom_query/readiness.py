"""Whether the parts behind the API do their work: journal, loader, quarantine."""

import shutil
import tempfile
from pathlib import Path

from spanloom_collector.delivery.backlog import backlog_of
from spanloom_collector.delivery.journal import JournalLimits
from spanloom_collector.delivery.spool import Spool
from spanloom_query.routes.context import Finding

_SEGMENT_BYTES = JournalLimits().segment_bytes
_OLD_S = 60.0


def findings(spool: Spool, journal_dir: Path, quota_bytes: int) -> list[Finding]:
    """Look at everything that stands between an accepted span and the table."""
    return [
        _journal(spool, journal_dir, quota_bytes),
        _loader(spool),
        _backlog(journal_dir),
        _quarantine(spool),
    ]


def _journal(spool: Spool, folder: Path, quota_bytes: int) -> Finding:
    if not spool.accepts:
        return Finding("journal", False, "its thread has died: read the log, restart the server")
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"?")
        free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding("journal", False, f"{folder} cannot be written: {error.strerror}")
    room_bytes = min(free_bytes, quota_bytes - spool.waiting_bytes)
    detail = (
        f"{spool.waiting_bytes} bytes wait, of {quota_bytes} that they may take; "
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
