"""The engine decodes a segment as the column path does: the same rows, column for column."""

import base64
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanloom_collector.delivery.records import Record, encoded
from spanloom_collector.pipeline.columns import rows_of
from spanloom_collector.pipeline.segments import SEGMENT_FORMAT
from spanloom_collector.storage.attributes import restored
from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.rows import SpanRow, insert_spans
from spanloom_collector.storage.segments import (
    deduplicated_blocks,
    insert_segment_body,
    insert_segment_file,
)
from tests.support.otlp import attributes, full_request, request, span
from tests.support.random_spans import RandomSpans

_RECEIVED = 1_790_000_000_000_000_000
_CAPTURED = sorted((Path(__file__).parents[1] / "fixtures" / "otlp").glob("*.pb"))


def _insert(engine: Engine) -> Callable[[Client, Path, str], None]:
    insert = insert_segment_file if engine.is_embedded else insert_segment_body
    return lambda client, path, token: insert(client, path, SEGMENT_FORMAT, token)


def _differences(engine: Engine, folder: Path, sent: list[ExportTraceServiceRequest]) -> list[Any]:
    by_engine, by_us = uuid.uuid4().hex, uuid.uuid4().hex
    segment = folder / f"{by_engine}.pb"
    records = [encoded(Record(one.SerializeToString(), _RECEIVED, by_engine)) for one in sent]
    segment.write_bytes(b"".join(records))
    rows = [row for one in sent for row in rows_of(one, by_us, _RECEIVED)]
    with engine.writer() as client:
        _insert(engine)(client, segment, by_engine)
        insert_spans(client, rows, by_us)
    found, wanted = _table(engine, by_engine), _table(engine, by_us)
    assert len(wanted) == len({row.span_id for row in rows})
    assert found.keys() == wanted.keys()
    return [
        (name, wanted[key][name], found[key][name])
        for key in wanted
        for name in SpanRow._fields
        if name != "project" and _comparable(wanted[key], name) != _comparable(found[key], name)
    ]


def _table(engine: Engine, project: str) -> dict[str, dict[str, Any]]:
    columns = ", ".join(_readable(name) for name in SpanRow._fields)
    sql = f"SELECT {columns} FROM spans FINAL WHERE project = {{project:String}}"
    with engine.reader() as client:
        rows = client.query(sql, parameters={"project": project}).named_results()
        return {row["span_id"]: row for row in rows}


def _readable(name: str) -> str:
    if name in ("event_attr_other", "link_attr_other"):
        return f"arrayMap(m -> mapApply((k, v) -> (k, base64Encode(v)), m), {name}) AS {name}"
    if name.endswith("_other"):
        return f"mapApply((k, v) -> (k, base64Encode(v)), {name}) AS {name}"
    return f"toUnixTimestamp64Nano({name}) AS {name}" if name.endswith("_time") else name


def _comparable(row: dict[str, Any], name: str) -> Any:
    """Tagged floats are the same number in another spelling."""
    if not name.endswith("_other"):
        return repr(row[name])
    maps = row[name] if isinstance(row[name], list) else [row[name]]
    return [
        str(restored({}, {key: base64.b64decode(value) for key, value in one.items()}))
        for one in maps
    ]


def test_every_field_is_decoded_by_the_engine(engine: Engine, tmp_path: Path) -> None:
    assert _differences(engine, tmp_path, [full_request()]) == []


def test_captured_spans_of_real_clients_are_decoded_alike(engine: Engine, tmp_path: Path) -> None:
    sent = [ExportTraceServiceRequest.FromString(path.read_bytes()) for path in _CAPTURED]

    assert _differences(engine, tmp_path, sent) == []


def test_two_thousand_random_spans_are_decoded_alike(engine: Engine, tmp_path: Path) -> None:
    made = RandomSpans(seed=1, start_unix_nano=_RECEIVED)
    sent = [
        request(*(made.span() for _ in range(100)), resource={"service.name": f"s{i}"})
        for i in range(20)
    ]

    assert _differences(engine, tmp_path, sent) == []


@pytest.mark.parametrize("place", ["span", "resource", "event"])
def test_repeated_keys_are_left_to_the_column_path(
    engine: Engine, tmp_path: Path, place: str
) -> None:
    twice = [*attributes({"k": 1}), *attributes({"k": "x"})]
    sent = request(span())
    sent_span = sent.resource_spans[0].scope_spans[0].spans[0]
    sent_span.events.add()
    home = {
        "span": sent_span.attributes,
        "event": sent_span.events[0].attributes,
        "resource": sent.resource_spans[0].resource.attributes,
    }[place]
    home.extend(twice)
    segment = tmp_path / "segment.pb"
    segment.write_bytes(encoded(Record(sent.SerializeToString(), time.time_ns(), "p")))

    with (
        pytest.raises(ClickHouseError, match="an attribute is repeated"),
        engine.writer() as client,
    ):
        _insert(engine)(client, segment, uuid.uuid4().hex)


def test_a_record_without_a_project_is_left_to_the_column_path(
    engine: Engine, tmp_path: Path
) -> None:
    segment = tmp_path / "segment.pb"
    segment.write_bytes(encoded(Record(request(span()).SerializeToString(), 1, "")))

    with pytest.raises(ClickHouseError, match="names no project"), engine.writer() as client:
        _insert(engine)(client, segment, uuid.uuid4().hex)


def test_a_segment_is_inserted_once_under_its_name(engine: Engine, tmp_path: Path) -> None:
    project = uuid.uuid4().hex
    segment = tmp_path / "segment.pb"
    segment.write_bytes(encoded(Record(request(span()).SerializeToString(), 1, project)))
    before = deduplicated_blocks(engine)
    with engine.writer() as client:
        for _ in range(2):
            _insert(engine)(client, segment, project)
        sql = "SELECT count() FROM spans WHERE project = {project:String}"
        assert client.query(sql, parameters={"project": project}).result_rows == [(1,)]
    assert deduplicated_blocks(engine) > before
