"""Insert a whole segment: the engine reads and decodes the file itself."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from spanloom_collector.storage.connect import Engine, EngineUnavailableError
from spanloom_collector.storage.rows import WRITE_SETTINGS, SpanRow

_COLUMNS = ", ".join(f"`{name}`" for name in SpanRow._fields)


@dataclass(frozen=True)
class SegmentFormat:
    """What a segment holds, and how that becomes rows of ``spans``."""

    proto: str
    """The messages, in protobuf's language."""

    message: str
    """Which of them a record is."""

    structure: str
    """The columns that a record has to ClickHouse."""

    select_rows: Callable[[str], str]
    """From a table function with these columns to the SELECT of the rows."""


def deduplicated_blocks(engine: Engine) -> float:
    """How many blocks the engine knew already by their token since it started; NaN if it is away.

    A block is what one insert brings into one month. A server counts those of its other users, too.
    """
    sql = "SELECT value FROM system.events WHERE event = 'DuplicatedInsertedBlocks'"
    try:
        with engine.reader() as client:
            rows = client.query(sql).result_rows
    except (ClickHouseError, EngineUnavailableError, OSError):
        return math.nan
    return float(rows[0][0]) if rows else 0.0


def insert_segment_file(
    client: Client, segment: Path, form: SegmentFormat, deduplication_token: str
) -> None:
    """Let the embedded engine read a segment from disk; when this returns its rows are on disk.

    Args:
        client: the writing client of an embedded engine.
        segment: the file. The messages' definition is kept beside it.
        form: what the file holds.
        deduplication_token: names this insert and no other.

    Raises:
        clickhouse_connect.driver.exceptions.ClickHouseError: nothing is promised about the rows.
    """
    proto = _definition(segment.parent, form)
    source = f"file({_text(str(segment))}, 'Protobuf', {_text(form.structure)})"
    schema = {"format_schema": f"{proto}:{form.message}"}
    client.command(_insert(form.select_rows(source), schema, deduplication_token))


def _definition(folder: Path, form: SegmentFormat) -> Path:
    """The messages' definition as a file; one of another version, or torn, is replaced."""
    path = folder / f"{form.message}.proto"
    if not path.exists() or path.read_text() != form.proto:
        new = path.with_suffix(".new")
        new.write_text(form.proto)
        new.replace(path)
    return path


def insert_segment_body(
    client: Client, segment: Path, form: SegmentFormat, deduplication_token: str
) -> None:
    """Send a segment to a server, which decodes it; otherwise as :func:`insert_segment_file`."""
    schema = {
        "format_schema_source": "string",
        "format_schema": form.proto,
        "format_schema_message_name": form.message,
    }
    select = form.select_rows(f"input({_text(form.structure)})")
    statement = f"{_insert(select, schema, deduplication_token)} FORMAT Protobuf"
    client.command(statement, data=segment.read_bytes())


def _insert(select: str, schema: dict[str, str], deduplication_token: str) -> str:
    settings = schema | {
        **WRITE_SETTINGS,
        "insert_deduplication_token": deduplication_token,
        "input_format_protobuf_oneof_presence": "1",
        # One segment, one block, one part: it is stored wholly or not at all.
        "max_insert_block_size": "10000000",
        "min_insert_block_size_rows": "10000000",
        "min_insert_block_size_bytes": "10000000000",
        "max_threads": "1",
        # A third of the statement's fixed cost, and there is nothing to optimise in it.
        "query_plan_enable_optimizations": "0",
    }
    clause = ", ".join(f"{name} = {_text(value)}" for name, value in settings.items())
    return f"INSERT INTO spans ({_COLUMNS}) SETTINGS {clause} {select}"


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
