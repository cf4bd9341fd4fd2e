"""Bring the schema up to date: numbered SQL files, applied once, in order, checked by checksum.

ClickHouse has no transaction around DDL. So every statement is written to be repeatable
(``IF NOT EXISTS``), and a file is recorded only after all of its statements have run: a crash in
between runs the file again.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources

from clickhouse_connect.driver.client import Client

_TABLE = "schema_migrations"
_FILE_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
_PLACEHOLDER = re.compile(r"\$\{(ENGINE:)?(\w+)\}")

# Without fsync a power cut loses nearly everything since the last merge; and with more than a
# hundred broken parts the engine would refuse to open at all.
_DURABLE = (
    "fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, "
    "non_replicated_deduplication_window = 1000, max_suspicious_broken_parts = 100000, "
    "max_suspicious_broken_parts_bytes = 1099511627776"
)
_REPLICATED = "replicated_deduplication_window = 1000, max_suspicious_broken_parts = 100000"


class MigrationError(Exception):
    """The schema in the database and the migrations in this package do not fit together."""


@dataclass(frozen=True)
class Migration:
    """One numbered file."""

    version: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """Sha256 of the file, placeholders unfilled: the same for every flavour of engine."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def statements(self, cluster: str | None) -> Iterator[str]:
        """The file's statements with the placeholders filled for one engine or a cluster."""
        filled = _PLACEHOLDER.sub(lambda match: _fill(match, cluster), self.text)
        without_comments = re.sub(r"^\s*--.*$", "", filled, flags=re.MULTILINE)
        yield from (part.strip() for part in without_comments.split(";\n") if part.strip(" \n;"))


def _fill(match: re.Match[str], cluster: str | None) -> str:
    engine, name = match.group(1) is not None, match.group(2)
    if engine and cluster is None:
        return name
    if engine:
        return f"Replicated{name}"
    if name == "ON_CLUSTER":
        return "" if cluster is None else f"ON CLUSTER '{cluster}'"
    if name == "DURABLE":
        return _DURABLE if cluster is None else _REPLICATED
    raise MigrationError(f"unknown placeholder {match.group(0)}")


def packaged_migrations() -> tuple[Migration, ...]:
    """The migrations shipped with this package, in order."""
    files = resources.files("spanloom_collector.storage").joinpath("sql").iterdir()
    found = ((match, file) for file in files if (match := _FILE_NAME.fullmatch(file.name)))
    return tuple(
        sorted(
            (Migration(int(match[1]), match[2], file.read_text("utf-8")) for match, file in found),
            key=lambda migration: migration.version,
        )
    )


def applied_checksums(client: Client) -> Mapping[int, str]:
    """What the database has recorded: version to checksum."""
    rows = client.query(f"SELECT version, checksum FROM {_TABLE} FINAL").result_rows  # noqa: S608
    return {int(version): str(checksum) for version, checksum in rows}


def migrate(
    client: Client,
    cluster: str | None = None,
    migrations: tuple[Migration, ...] | None = None,
) -> tuple[Migration, ...]:
    """Apply what is pending.

    Args:
        client: a writing client whose database exists.
        cluster: name of a ClickHouse cluster, or None for one engine.
        migrations: those to apply; by default the packaged ones.

    Returns:
        The migrations that were applied now.

    Raises:
        MigrationError: the database is newer than this package, or an applied file was edited.
    """
    migrations = packaged_migrations() if migrations is None else migrations
    for statement in Migration(0, "ledger", _LEDGER).statements(cluster):
        client.command(statement)
    applied = applied_checksums(client)
    _refuse_misfits(migrations, applied)
    pending = tuple(m for m in migrations if m.version not in applied)
    for migration in pending:
        _apply(client, migration, cluster)
    if pending:
        os.sync()  # a table made just before a power cut is otherwise lost with its folder
    return pending


_LEDGER = f"""
CREATE TABLE IF NOT EXISTS {_TABLE} ${{ON_CLUSTER}}
(version UInt32, name String, checksum String, applied_time DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = ${{ENGINE:ReplacingMergeTree}}(applied_time) ORDER BY version SETTINGS ${{DURABLE}};
"""


def _apply(client: Client, migration: Migration, cluster: str | None) -> None:
    for statement in migration.statements(cluster):
        client.command(statement)
    client.insert(
        _TABLE,
        [[migration.version, migration.name, migration.checksum]],
        column_names=["version", "name", "checksum"],
        column_type_names=["UInt32", "String", "String"],
    )


def _refuse_misfits(migrations: tuple[Migration, ...], applied: Mapping[int, str]) -> None:
    known = {migration.version: migration for migration in migrations}
    for version, checksum in sorted(applied.items()):
        if version not in known:
            raise MigrationError(
                f"the database holds migration {version:04}, which this version of Spanloom does "
                "not know: it was written by a newer one; upgrade Spanloom"
            )
        if known[version].checksum != checksum:
            raise MigrationError(
                f"migration {version:04}_{known[version].name} was changed after it was applied: "
                "restore the file and put the change into a new migration"
            )
