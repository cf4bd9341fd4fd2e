"""One statement of an HTTP request, and how it runs on a connection of the in-process engine."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

ClickHouseConnection = Any
"""A `chdb` connection; the package ships no types."""

# Everything up to the line end behind FORMAT is SQL, everything after it is data.
_INSERT_WITH_DATA = re.compile(
    rb"\s*(?P<head>INSERT\s+INTO\s+.*?)\s+FORMAT\s+(?P<format>\w+)[ \t]*(?:;|\r?\n|$)",
    re.IGNORECASE | re.DOTALL,
)
_BRINGS_ITS_OWN_ROWS = re.compile(rb"\b(VALUES|INFILE)\b", re.IGNORECASE)
_INPUT_FUNCTION = re.compile(rb"\binput\s*\(", re.IGNORECASE)
_SELECT = re.compile(rb"\bSELECT\b", re.IGNORECASE)
_LAST_FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_RETURNS_ROWS = re.compile(
    rb"(\s|--[^\n]*\n|/\*.*?\*/)*(SELECT|WITH|SHOW|DESC|DESCRIBE|EXISTS|EXPLAIN|CHECK|\()",
    re.IGNORECASE | re.DOTALL,
)
_SETTING_NAME = re.compile(r"[A-Za-z_]\w*")
_UNKNOWN_SETTING = 115


class StatementError(Exception):
    """A fault found before the engine saw the statement, with ClickHouse's code for it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Statement:
    """What a request asks for: the SQL (with inline data behind `FORMAT x`) and its context."""

    sql: bytes
    database: str | None
    default_format: str
    settings: Mapping[str, str]
    parameters: Mapping[str, str]


class Answer(NamedTuple):
    """The result's bytes, the format they are in (None: no result) and the row counts."""

    body: bytes
    format: str | None
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0


class _InsertWithData(NamedTuple):
    head: bytes
    format: str
    data: bytes


def run(connection: ClickHouseConnection, statement: Statement) -> Answer:
    """Run one statement on a connection that is thrown away afterwards.

    Raises:
        StatementError: A setting has no possible name.
        RuntimeError: The engine's own error, its text beginning with `Code: n.` somewhere.
    """
    _apply_context(connection, statement)
    insert = _find_insert_with_data(statement.sql)
    if insert is None:
        return _query(connection, statement)
    if _SELECT.search(insert.head):
        return _insert_through_select(connection, insert, statement.parameters)
    return _insert(connection, insert)


def _apply_context(connection: ClickHouseConnection, statement: Statement) -> None:
    if statement.database:
        connection.query(f"USE {_quoted(statement.database, '`')}", "Null")
    # `readonly` goes last: it forbids every further SET.
    for name in sorted(statement.settings, key=lambda name: name == "readonly"):
        if not _SETTING_NAME.fullmatch(name):
            raise StatementError(_UNKNOWN_SETTING, f"Unknown setting {name!r}")
        connection.query(f"SET {name} = {_quoted(statement.settings[name])}", "Null")


def _find_insert_with_data(sql: bytes) -> _InsertWithData | None:
    found = _INSERT_WITH_DATA.match(sql)
    if found is None or _BRINGS_ITS_OWN_ROWS.search(found["head"]):
        return None
    if _SELECT.search(found["head"]) and not _INPUT_FUNCTION.search(found["head"]):
        return None
    return _InsertWithData(found["head"], found["format"].decode(), sql[found.end() :])


def _insert(connection: ClickHouseConnection, insert: _InsertWithData) -> Answer:
    with connection.send_insert(insert.head.decode(), insert.format) as stream:
        stream.append(insert.data)
        result = stream.finish()
    rows, size_bytes = result.rows_written, result.bytes_written
    return Answer(b"", None, rows, size_bytes, rows, size_bytes)


def _insert_through_select(
    connection: ClickHouseConnection, insert: _InsertWithData, parameters: Mapping[str, str]
) -> Answer:
    """The in-process engine has no request body to feed `input()`, so a file stands in for it."""
    with tempfile.NamedTemporaryFile(suffix=f".{insert.format}") as body:
        body.write(insert.data)
        body.flush()
        source = f"file({_quoted(body.name)}, {_quoted(insert.format)}, "
        sql = _INPUT_FUNCTION.sub(lambda _: source.encode(), insert.head, count=1)
        result = connection.query(sql.decode(), "Null", params=dict(parameters))
    rows, size_bytes = result.rows_read(), result.bytes_read()
    return Answer(b"", None, rows, size_bytes, rows, size_bytes)


def _query(connection: ClickHouseConnection, statement: Statement) -> Answer:
    named = _LAST_FORMAT.search(statement.sql)
    format_name = named[1].decode() if named else statement.default_format
    result = connection.query(
        _text_if_possible(statement.sql), format_name, params=dict(statement.parameters)
    )
    body = result.bytes() or b""
    has_result = body or named or _RETURNS_ROWS.match(statement.sql)
    return Answer(
        body, format_name if has_result else None, result.rows_read(), result.bytes_read()
    )


def _text_if_possible(sql: bytes) -> str | bytes:
    try:
        return sql.decode()
    except UnicodeDecodeError:  # parameters bound by the client as raw bytes
        return sql


def _quoted(text: str, sign: str = "'") -> str:
    escaped = text.replace("\\", "\\\\").replace(sign, f"\\{sign}")
    return f"{sign}{escaped}{sign}"
