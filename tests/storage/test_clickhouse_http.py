"""The engine behind ClickHouse's HTTP protocol answers the unmodified client as a server would."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import clickhouse_connect
import polars as pl
import pytest
import urllib3
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.support.engine_process import running_engine

Connect = Callable[..., Client]

TYPES = {
    "id": "Int64",
    "name": "LowCardinality(String)",
    "attributes": "Map(LowCardinality(String), String)",
    "started_at": "DateTime64(9, 'UTC')",
    "payload": "String",
    "trace_id": "FixedString(16)",
    "tags": "Array(String)",
    "times": "Array(UInt64)",
    "score": "Nullable(Float64)",
}
ROWS: list[list[Any]] = [
    [
        1,
        "résumé",
        {"user": "ann", "it's": "a \\ 'b'\n"},
        1_700_000_000_123_456_789,
        b"\x00\xff\xfe",
        bytes(range(16)),
        ["a", ""],
        [0, 2**64 - 1],
        0.25,
    ],
    [2, "", {}, 0, b"", bytes(16), [], [], None],
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_engine(tmp_path_factory.mktemp("engine")) as url:
        yield url


@pytest.fixture
def connect(url: str) -> Iterator[Connect]:
    with ExitStack() as stack:

        def connect(**options: Any) -> Client:
            client = clickhouse_connect.get_client(
                dsn=url, autogenerate_session_id=False, dedicated_pool=True, **options
            )
            return stack.enter_context(closing(client))

        yield connect


@pytest.fixture
def client(connect: Connect) -> Client:
    client = connect()
    client.command("DROP TABLE IF EXISTS spans SYNC")
    columns = ", ".join(f"{name} {type_name}" for name, type_name in TYPES.items())
    client.command(
        f"CREATE TABLE spans ({columns}) ENGINE = MergeTree ORDER BY id "
        "SETTINGS non_replicated_deduplication_window = 100"
    )
    return client


def insert(client: Client, rows: list[list[Any]], **settings: Any) -> None:
    client.insert(
        "spans",
        [list(column) for column in zip(*rows, strict=True)],
        column_oriented=True,
        column_names=list(TYPES),
        column_type_names=list(TYPES.values()),
        settings=settings,
    )


def stored_rows(client: Client) -> list[list[Any]]:
    result = client.query(
        "SELECT * REPLACE (toUnixTimestamp64Nano(started_at) AS started_at) FROM spans ORDER BY id",
        column_formats={"payload": "bytes"},
    )
    return [list(row) for row in result.result_rows]


def value(client: Client, query: str, **options: Any) -> Any:
    [[only]] = client.query(query, **options).result_rows
    return only


def count(client: Client) -> int:
    return int(value(client, "SELECT count() FROM spans"))


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
def test_columns_come_back_as_they_were_inserted(
    client: Client, connect: Connect, compress: bool | str
) -> None:
    compressing = connect(compress=compress)

    insert(compressing, ROWS)

    assert stored_rows(compressing) == ROWS


@pytest.mark.parametrize("encoding", ["lz4", "zstd", "gzip"])
def test_the_answer_is_packed_as_the_client_asks(url: str, encoding: str) -> None:
    pool = urllib3.PoolManager()
    parameters = {"query": "SELECT repeat('a', 100000)", "enable_http_compression": "1"}

    response = pool.request(
        "GET",
        url,
        fields=parameters,
        headers={"Accept-Encoding": encoding},
        decode_content=False,
    )
    pool.clear()

    assert response.headers["Content-Encoding"] == encoding
    assert len(response.data) < 1000


def test_arrow_and_json_are_answered(client: Client) -> None:
    insert(client, ROWS)
    query = "SELECT id, name, score FROM spans ORDER BY id"

    frame = client.query_df_arrow(query, dataframe_library="polars")
    lines = client.raw_query(query, fmt="JSONEachRow").splitlines()

    assert frame.equals(pl.DataFrame({"id": [1, 2], "name": ["résumé", ""], "score": [0.25, None]}))
    assert lines[0] == '{"id":1,"name":"résumé","score":0.25}'.encode()


def test_parameters_stay_data(client: Client) -> None:
    nasty = ["it's", "\\", "\\N", "{x:String}", "%s", "tab\tline\n", "😀", "`", '"']

    values = [value(client, "SELECT {x:String}", parameters={"x": text}) for text in nasty]

    assert values == nasty


def test_parameters_too_long_for_a_url_arrive(client: Client) -> None:
    ids = list(range(100_000))

    length = value(client, "SELECT length({ids:Array(Int64)})", parameters={"ids": ids})

    assert length == 100_000


def test_a_date_parameter_keeps_its_zone(client: Client) -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)

    query = "SELECT toUnixTimestamp({t:DateTime('UTC')})"

    assert value(client, query, parameters={"t": noon}) == int(noon.timestamp())


def test_settings_last_for_one_query(client: Client) -> None:
    query = "SELECT getSetting('max_block_size')"

    assert value(client, query, settings={"max_block_size": 7}) == 7
    assert value(client, query) != 7


def test_the_database_of_the_client_is_used(client: Client, connect: Connect) -> None:
    client.command("CREATE DATABASE IF NOT EXISTS `other db` ENGINE = Atomic")

    assert connect(database="other db").command("SELECT currentDatabase()") == "other db"


def test_an_insert_with_a_used_token_is_ignored(client: Client) -> None:
    insert(client, ROWS, insert_deduplication_token="segment-1")
    insert(client, ROWS, insert_deduplication_token="segment-1")
    insert(client, ROWS, insert_deduplication_token="segment-2")

    assert count(client) == 2 * len(ROWS)


def test_an_insert_tells_how_many_rows_it_wrote(client: Client) -> None:
    summary = client.raw_insert("spans", ["id"], b"1\n2\n3\n", fmt="CSV")

    assert summary.written_rows == 3


def test_an_insert_may_select_from_its_body(client: Client) -> None:
    statement = (
        "INSERT INTO spans (id, payload) SELECT x * {factor:Int64}, s "
        "FROM input('x Int64, s String') FORMAT RowBinary"
    )
    body = (4).to_bytes(8, "little") + b"\x02\xff\xfe"

    client.command(
        statement,
        parameters={"factor": 10},
        data=body,
        settings={"insert_deduplication_token": "segment-1"},
    )

    query = "SELECT id, payload FROM spans"
    assert client.query(query, query_formats={"String": "bytes"}).result_rows == [(40, b"\xff\xfe")]


@pytest.mark.parametrize(
    ("query", "settings", "code"),
    [
        ("SELECT * FROM missing", {}, 60),
        ("SELECT missing_column", {}, 47),
        ("SELEC 1", {}, 62),
        ("SELECT throwIf(number = 2) FROM numbers(3)", {}, 395),
        ("SELECT sleepEachRow(1) FROM numbers(3)", {"max_execution_time": 1}, 159),
        ("INSERT INTO spans (id) VALUES ('x')", {"readonly": 1}, 164),
    ],
)
def test_errors_carry_the_code_of_clickhouse(
    client: Client, query: str, settings: dict[str, Any], code: int
) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.command(query, settings=settings)

    assert caught.value.code == code


def test_a_rejected_insert_leaves_nothing_behind(client: Client) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.raw_insert("spans", ["id"], b'{"id": 1}\n{"id": "x"}\n', fmt="JSONEachRow")

    assert caught.value.code in (6, 27, 72)
    assert count(client) == 0


def test_a_failed_query_leaves_the_next_answer_clean(client: Client) -> None:
    for _ in range(10):
        with pytest.raises(DatabaseError):
            client.query("SELECT throwIf(number = 50000) FROM numbers(100000)")

        assert client.query("SELECT 'clean'").result_rows == [("clean",)]


def test_sessions_are_refused_with_the_remedy(connect: Connect) -> None:
    with pytest.raises(DatabaseError, match="autogenerate_session_id=False"):
        connect(session_id="mine").command("SELECT 1")


def test_four_threads_read_and_write_at_once(client: Client) -> None:
    def work(thread: int) -> list[int]:
        answers = []
        for number in range(10):
            insert(client, [[100 * thread + number, *ROWS[0][1:]]])
            query = "SELECT {n:Int64} + sleepEachRow(0.01)"
            answers.append(value(client, query, parameters={"n": number}))
        return answers

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(work, range(4)))

    assert answers == [list(range(10))] * 4
    assert count(client) == 40


def test_the_engine_keeps_its_data_over_a_restart(tmp_path: Path) -> None:
    def run(command: str) -> object:
        with (
            running_engine(tmp_path) as url,
            closing(
                clickhouse_connect.get_client(
                    dsn=url, autogenerate_session_id=False, dedicated_pool=True
                )
            ) as client,
        ):
            return client.command(command)

    run("CREATE TABLE kept ENGINE = MergeTree ORDER BY x AS SELECT 42 AS x")

    assert run("SELECT x FROM kept") == 42
