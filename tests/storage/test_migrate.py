"""Migrations: once, in order, and never behind one's back."""

import dataclasses
import uuid

import pytest

from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.migrate import (
    Migration,
    MigrationError,
    applied_checksums,
    migrate,
    packaged_migrations,
)


def test_a_second_run_applies_nothing(engine: Engine) -> None:
    with engine.writer() as client:
        assert migrate(client) == ()
        assert set(applied_checksums(client)) == {m.version for m in packaged_migrations()}


def test_a_crash_between_statement_and_record_is_repaired(engine: Engine) -> None:
    table = f"t_{uuid.uuid4().hex}"
    text = (
        f"CREATE TABLE IF NOT EXISTS {table} (x UInt8) ENGINE = ${{ENGINE:MergeTree}} ORDER BY x;"
    )
    late = Migration(9000 + int(table[2:5], 16), table, text)
    with engine.writer() as client:
        for statement in late.statements(cluster=None):
            client.command(statement)  # as if the process had died before recording it
        applied = migrate(client, migrations=(*packaged_migrations(), late))
        client.command(f"DROP TABLE {table}")
        client.command(
            "ALTER TABLE schema_migrations DELETE WHERE version = {version:UInt32} "
            "SETTINGS mutations_sync = 1",
            parameters={"version": late.version},
        )

    assert applied == (late,)


def test_an_edited_migration_is_refused(engine: Engine) -> None:
    first, *rest = packaged_migrations()
    edited = dataclasses.replace(first, text=first.text + "-- edited")

    with engine.writer() as client, pytest.raises(MigrationError, match="was changed after"):
        migrate(client, migrations=(edited, *rest))


def test_a_newer_database_is_refused(engine: Engine) -> None:
    with engine.writer() as client, pytest.raises(MigrationError, match="upgrade Spanloom"):
        migrate(client, migrations=())


def test_a_cluster_gets_replicated_tables_that_the_engine_can_parse(engine: Engine) -> None:
    statements = [s for m in packaged_migrations() for s in m.statements(cluster="main")]

    with engine.reader() as client:
        for statement in statements:
            formatted = client.query(
                "SELECT formatQuery({sql:String})", parameters={"sql": statement}
            ).result_rows[0][0]
            assert "ON CLUSTER" in formatted
            assert formatted.startswith("ALTER") or "ReplicatedReplacingMergeTree" in formatted
