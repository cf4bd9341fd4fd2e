"""The engine's clients: read-only readers, and none that carries an old failure on."""

import subprocess
import sys
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from spanloom_collector.settings import StorageSettings
from spanloom_collector.storage.connect import Engine, EngineUnavailableError, open_engine


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE spans",
        "TRUNCATE TABLE spans",
        "INSERT INTO spans (project) VALUES ('x')",
    ],
)
def test_a_reader_cannot_write(engine: Engine, sql: str) -> None:
    with pytest.raises(ClickHouseError), engine.reader() as client:
        client.command(sql)


def test_an_embedded_reader_cannot_open_files(embedded_engine: Engine) -> None:
    with pytest.raises(ClickHouseError), embedded_engine.reader() as client:
        client.query("SELECT * FROM file('/etc/hostname', 'LineAsString')")


def test_a_failed_query_leaves_nothing_in_the_next_answer(engine: Engine) -> None:
    for _ in range(5):
        with pytest.raises(ClickHouseError), engine.reader() as client:
            client.query("SELECT number, throwIf(number = 100000) FROM numbers(200000)")
        with engine.reader() as client:
            assert client.query("SELECT 42").result_rows == [(42,)]


def test_a_closed_engine_says_so(tmp_path: Path) -> None:
    engine = Engine(open_writer=pytest.fail, open_reader=pytest.fail, reader_limit=1)
    engine.close()

    with pytest.raises(EngineUnavailableError, match="closed"), engine.reader():
        pass


def test_a_folder_in_use_is_explained(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from spanloom_collector.settings import StorageSettings\n"
        "from spanloom_collector.storage.connect import EngineUnavailableError, open_engine\n"
        "settings = StorageSettings(pathlib.Path(sys.argv[1]))\n"
        "if len(sys.argv) > 2:\n"
        "    try: open_engine(settings)\n"
        "    except EngineUnavailableError as error: print(error)\n"
        "else:\n"
        "    engine = open_engine(settings); print('open', flush=True); sys.stdin.read()\n"
        "    engine.close()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    owner = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdin
    assert owner.stdout
    assert owner.stdout.readline() == "open\n"
    second = subprocess.run([*command, "x"], capture_output=True, text=True, timeout=60)
    owner.communicate()

    assert "another process uses the data folder" in second.stdout


@pytest.mark.parametrize("url", ["localhost:8123", "http://", "tcp://host"])
def test_a_server_address_that_is_none_is_explained(tmp_path: Path, url: str) -> None:
    with pytest.raises(EngineUnavailableError, match="must look like"):
        open_engine(StorageSettings(tmp_path, clickhouse_url=url))


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailableError, match=r"127\.0\.0\.1"):
        open_engine(StorageSettings(tmp_path, clickhouse_url="http://127.0.0.1:9"))
