"""The real engine with the example's rows in it."""

from collections.abc import Iterator
from contextlib import closing

import clickhouse_connect
import pytest

from tests.support.engine_process import running_engine
from tests.unit.filters.example import Table, fill_table, make_rows


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    """In a process of its own: another suite may hold the one engine a process can have."""
    with (
        running_engine(tmp_path_factory.mktemp("filters")) as url,
        closing(
            clickhouse_connect.get_client(
                dsn=url, autogenerate_session_id=False, dedicated_pool=True
            )
        ) as client,
    ):
        rows = make_rows(300)
        fill_table(client, rows)
        yield Table(client, rows)
