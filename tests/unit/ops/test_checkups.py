"""What the doctor says of a machine: each finding, and what to do about it."""

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from spanloom_collector.delivery.quarantine import Quarantine
from spanloom_collector.delivery.records import Record
from spanloom_query import checkups
from spanloom_query.checkups import Checkup, Level, Patient
from spanloom_query.presence import announced, presence_in
from spanloom_query.serving import ServeOptions


@pytest.fixture
def options(tmp_path: Path) -> ServeOptions:
    return ServeOptions(tmp_path / "data", port=0, otlp_grpc_port=0, otlp_http_port=0)


def _levels(
    look: Callable[[Patient], Iterable[Checkup]], options: ServeOptions, **more: str
) -> list[Level]:
    return [found.level for found in look(Patient(options, **more))]


@pytest.mark.parametrize(
    ("host", "tokens", "insecure", "level"),
    [
        ("127.0.0.1", {}, False, Level.OK),
        ("0.0.0.0", {"secret": None}, False, Level.OK),
        ("0.0.0.0", {}, True, Level.WARN),
        ("0.0.0.0", {}, False, Level.FAIL),
    ],
)
def test_a_door_that_is_open_to_everyone_is_told(
    options: ServeOptions, host: str, tokens: dict[str, str | None], insecure: bool, level: Level
) -> None:
    options = replace(options, host=host, tokens=tokens, insecure=insecure)

    assert _levels(checkups.access, options) == [level]


def test_a_port_that_is_taken_is_told_with_the_option_to_change_it(options: ServeOptions) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = list(checkups.ports(Patient(replace(options, otlp_http_port=port))))

    assert [f.level for f in found] == [Level.OK, Level.OK, Level.FAIL]
    assert "--otlp-http-port" in found[2].advice


def test_a_disk_smaller_than_the_quota_is_told(options: ServeOptions) -> None:
    assert _levels(checkups.disk, replace(options, journal_quota_bytes=1)) == [Level.OK]
    assert _levels(checkups.disk, replace(options, journal_quota_bytes=10**18)) == [Level.WARN]


def test_a_data_folder_that_cannot_be_one_is_told(options: ServeOptions, tmp_path: Path) -> None:
    before = _levels(checkups.data_folder, options)
    (tmp_path / "data").touch()

    assert (before, _levels(checkups.data_folder, options)) == ([Level.OK], [Level.FAIL])


def test_segments_that_wait_are_told(options: ServeOptions) -> None:
    journal = options.data_dir / "journal"
    journal.mkdir(parents=True)
    before = _levels(checkups.journal, options)
    (journal / "1.pb").touch()

    assert (before, _levels(checkups.journal, options)) == ([Level.OK], [Level.WARN])


def test_the_first_entries_of_quarantine_are_told_with_their_reasons(
    options: ServeOptions,
) -> None:
    quarantine = Quarantine(options.data_dir / "journal" / "quarantine")
    for number in range(5):
        quarantine.put(f"{number}", Record(b"", 1, "p"), f"reason {number}")
    found = [f.detail for f in checkups.quarantine(Patient(options))]

    assert found[0].startswith("5 records in ")
    assert found[1:] == ["0: reason 0", "1: reason 1", "2: reason 2"]


def test_a_quarantined_record_without_its_note_is_told(options: ServeOptions) -> None:
    folder = options.data_dir / "journal" / "quarantine"
    folder.mkdir(parents=True)
    (folder / "1.pb").touch()

    assert [f.detail for f in checkups.quarantine(Patient(options))][1] == "1: unknown"


@contextmanager
def _web_server(date: str, body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return date

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = Thread(target=web.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{web.server_port}"
        finally:
            web.shutdown()
            thread.join()


def test_a_server_of_another_time_is_told(options: ServeOptions) -> None:
    with _web_server("Mon, 01 Jan 2024 00:00:00 GMT", b"{}") as endpoint:
        assert _levels(checkups.clock, options, endpoint=endpoint) == [Level.WARN]
    assert _levels(checkups.clock, options) == [Level.OK]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"version": "1", "endpoint": 5}'])
def test_another_program_on_the_port_is_no_server(options: ServeOptions, body: bytes) -> None:
    with _web_server("", body) as endpoint:
        assert _levels(checkups.server, options, endpoint=endpoint) == [Level.FAIL]


def test_a_data_folder_names_its_server_while_that_runs(tmp_path: Path) -> None:
    with announced(tmp_path, "http://h:1", "h:2", "http://h:3"):
        found = presence_in(tmp_path)

    assert found is not None
    assert found.endpoint == "http://h:1"
    assert presence_in(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", '{"pid": 1}'])
def test_a_note_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "server.json").write_text(text)

    assert presence_in(tmp_path) is None


def test_what_waits_or_is_refused_among_the_log_records_is_told(options: ServeOptions) -> None:
    folder = options.data_dir / "journal" / "logs"
    Quarantine(folder / "quarantine").put("1", Record(b"", 1, "p"), "why")
    (folder / "1.pb").write_bytes(b"four")
    patient = Patient(options)

    assert [f.detail for f in checkups.journal(patient)] == ["1 segments (4 bytes) wait"]
    assert [f.detail for f in checkups.quarantine(patient)] == [
        f"1 records in {folder / 'quarantine'}",
        "1: why",
    ]
