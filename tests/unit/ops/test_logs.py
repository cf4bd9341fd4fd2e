"""The log: lines that machines can read, and an outage that does not fill the disk."""

import json
import logging
import sys

import pytest

from spanloom_collector.logs import (
    ONCE_A_MINUTE,
    JsonFormatter,
    LogSettings,
    LogSettingsError,
    OnceAMinute,
)


def _record(message: str, *arguments: object, **more: object) -> logging.LogRecord:
    record = logging.LogRecord("a.b", logging.WARNING, "", 1, message, arguments, None)
    record.__dict__ |= more
    return record


def test_a_json_line_has_time_level_logger_and_message() -> None:
    line = json.loads(JsonFormatter().format(_record("%d spans", 3, created=1_700_000_000.25)))

    assert line == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "WARNING",
        "logger": "a.b",
        "message": "3 spans",
    }


def test_an_exception_stays_within_its_json_line() -> None:
    try:
        raise ValueError("broken\nin two")
    except ValueError:
        text = JsonFormatter().format(_record("failed", exc_info=sys.exc_info()))

    assert "\n" not in text
    assert "ValueError: broken" in json.loads(text)["exception"]


def _said(seconds: list[float]) -> list[str]:
    """What is written when the same message comes at each of these times."""
    now = [0.0]
    once_a_minute = OnceAMinute(clock=lambda: now[0])
    said = []
    for second in seconds:
        now[0] = second
        record = _record("refused: %s", second, **ONCE_A_MINUTE)
        if once_a_minute.filter(record):
            said.append(record.getMessage())
    return said


def test_a_repeated_message_is_said_at_once_then_once_a_minute_with_a_count() -> None:
    assert _said([5, 6, 50, 64, 65, 66, 125]) == [
        "refused: 5",
        "refused: 65 (3 more times since it was last said)",
        "refused: 125 (1 more times since it was last said)",
    ]


def test_messages_that_are_not_marked_are_all_said() -> None:
    once_a_minute = OnceAMinute()

    assert all(once_a_minute.filter(_record("quarantine")) for _ in range(3))


def test_the_environment_sets_format_and_level() -> None:
    environment = {"SPANLOOM_LOG_FORMAT": "JSON", "SPANLOOM_LOG_LEVEL": "debug"}

    assert LogSettings.from_environment(environment) == LogSettings("json", "DEBUG")
    assert LogSettings.from_environment({}) == LogSettings("text", "INFO")


@pytest.mark.parametrize("name", ["SPANLOOM_LOG_FORMAT", "SPANLOOM_LOG_LEVEL"])
def test_a_setting_without_meaning_is_explained(name: str) -> None:
    with pytest.raises(LogSettingsError, match=f"{name} must be one of .*, not 'x'"):
        LogSettings.from_environment({name: "x"})
