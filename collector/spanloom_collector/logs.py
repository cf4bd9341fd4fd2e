"""The server's log on standard error: lines for people, or JSON lines for machines."""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

ONCE_A_MINUTE: Final = {"is_once_a_minute": True}
"""Pass as ``extra`` with a message that would otherwise be repeated at every retry."""

_FORMATS = ("text", "json")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_QUIET_S = 60.0


class LogSettingsError(ValueError):
    """A variable of the environment asks for a log that there is not; the text says which."""


@dataclass(frozen=True)
class LogSettings:
    """How the log looks."""

    format: str = "text"
    """``text``, or ``json`` for one JSON object a line."""

    level: str = "INFO"
    """The least level that is written."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "LogSettings":
        """Read ``SPANLOOM_LOG_FORMAT`` and ``SPANLOOM_LOG_LEVEL``.

        Raises:
            LogSettingsError: one of them has no meaning.
        """
        return cls(
            _one_of(_FORMATS, "SPANLOOM_LOG_FORMAT", environment, str.lower) or cls.format,
            _one_of(_LEVELS, "SPANLOOM_LOG_LEVEL", environment, str.upper) or cls.level,
        )


def _one_of(
    known: tuple[str, ...],
    name: str,
    environment: Mapping[str, str],
    in_case: Callable[[str], str],
) -> str | None:
    text = environment.get(name, "")
    if text and in_case(text) not in known:
        raise LogSettingsError(f"{name} must be one of {', '.join(known)}, not {text!r}")
    return in_case(text) or None


def write_log(settings: LogSettings) -> None:
    """Send the log of the whole process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter()
        if settings.format == "json"
        else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    handler.addFilter(OnceAMinute())
    logging.basicConfig(level=settings.level, handlers=[handler], force=True)
    threading.excepthook = _log_dead_thread


def _log_dead_thread(died: threading.ExceptHookArgs) -> None:
    name = died.thread.name if died.thread else "unknown"
    logging.getLogger(__name__).critical("the thread %s has died", name, exc_info=died.exc_value)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and exception if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class OnceAMinute(logging.Filter):
    """Lets a message that is marked as such through once a minute, with a count of the others.

    What fails, fails again with every retry: an outage would fill the disk with its log.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._last_s: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written."""
        if not any(getattr(record, mark, False) for mark in ONCE_A_MINUTE):
            return True
        key = f"{record.name}:{record.msg}"
        with self._lock:
            if self._clock() - self._last_s.get(key, -_QUIET_S) < _QUIET_S:
                self._suppressed[key] = self._suppressed.get(key, 0) + 1
                return False
            self._last_s[key] = self._clock()
            count = self._suppressed.pop(key, 0)
        if count:
            record.msg = f"{record.msg} ({count} more times since it was last said)"
        return True
