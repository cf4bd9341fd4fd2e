"""Versions are numbered once, in the order of first publication, on both ways to the engine."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spanloom_collector.storage import objects as storage
from spanloom_collector.storage.connect import Engine
from spanloom_collector.storage.objects import NewVersion, ObjectError, Version
from spanloom_query.reads import objects as reads


def _new(project: str, value: Any, name: str = "thing", **facts: Any) -> NewVersion:
    return NewVersion(project, name, facts.pop("kind", "object"), value, **facts)


def _project() -> str:
    return uuid.uuid4().hex


def _published(engine: Engine, project: str, *values: Any) -> list[Version]:
    return [storage.publish(engine, _new(project, value)) for value in values]


def _dataset(engine: Engine, project: str, *chunks: list[dict[str, Any]]) -> Version:
    stored = [storage.insert_chunk(engine, project, rows).digest for rows in chunks]
    return storage.publish(engine, _new(project, None, kind="dataset", chunk_digests=stored))


def _rows(engine: Engine, project: str, version: Version, offset: int, limit: int) -> Any:
    found = reads.find_version(engine, project, version.name, version.digest)
    assert found is not None
    page = reads.list_rows(engine, project, found, offset, limit)
    return orjson.loads(orjson.dumps(page))


def test_the_same_content_is_the_same_version(engine: Engine) -> None:
    versions = _published(engine, _project(), {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1})

    assert [version.number for version in versions] == [0, 0, 1]
    assert [version.is_new for version in versions] == [True, False, True]
    assert len({version.digest for version in versions}) == 2


def test_a_version_comes_back_as_it_was_published(engine: Engine) -> None:
    project, value = _project(), {"text": "ü\U0001f600\n", "big": 2**70, "none": None, "f": 1.0}
    new = _new(project, value, class_name="Thing", description="of mine", tags=["t"], aliases=["a"])
    version = storage.publish(engine, new)

    found = reads.get_content(engine, project, "thing", "latest")
    assert found is not None
    assert orjson.dumps(found.value) == storage.canonical(value)
    assert (found.version, found.digest) == ("v0", version.digest)
    assert (found.class_name, found.description) == ("Thing", "of mine")
    assert (found.tags, found.aliases, found.is_latest) == (["t"], ["a"], True)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.sampled_from("pppd"), st.sampled_from("xy"), st.integers(0, 4))).filter(
        bool
    )
)
def test_numbers_follow_first_publication_whatever_happens(
    embedded_engine: Engine, steps: list[tuple[str, str, int]]
) -> None:
    project, numbers = _project(), {"x": list[int](), "y": list[int]()}
    for step, name, value in steps:
        known = numbers[name]
        if step == "d":
            digest = storage.digest_of("object", value)
            storage.delete_versions(embedded_engine, project, name, [digest])
            continue
        if value not in known:
            known.append(value)
        version = storage.publish(embedded_engine, _new(project, value, name))
        assert version.number == known.index(value)


def test_versions_published_at_once_get_dense_numbers(engine: Engine) -> None:
    project = _project()
    with ThreadPoolExecutor(8) as pool:
        publish = lambda value: storage.publish(engine, _new(project, value % 10))  # noqa: E731
        versions = list(pool.map(publish, range(40)))

    assert len({version.digest for version in versions}) == 10
    assert {version.number for version in versions} == set(range(10))
    assert len({(version.digest, version.number) for version in versions}) == 10
    assert sum(version.is_new for version in versions) == 10


def test_two_servers_never_give_one_number_twice(
    server_engine: Engine, second_server_engine: Engine
) -> None:
    project, engines = _project(), (server_engine, second_server_engine)

    def publish(index: int) -> Version:
        return storage.publish(engines[index % 2], _new(project, index // 3))

    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(publish, range(60)))

    assert {version.number for version in versions} == set(range(20))
    assert len({(version.digest, version.number) for version in versions}) == 20
    assert sum(version.is_new for version in versions) == 20


def test_a_deleted_version_keeps_its_number_and_loses_its_content(engine: Engine) -> None:
    project = _project()
    first, second = _published(engine, project, "one", "two")
    storage.set_alias(engine, project, "thing", "best", second.digest)
    storage.set_tag(engine, project, "thing", "good", second.digest)
    storage.delete_versions(engine, project, "thing", [second.digest])

    assert reads.get_content(engine, project, "thing", "v1") is None
    assert reads.find_version(engine, project, "thing", "best") is None
    assert reads.was_deleted(engine, project, "thing", "v1")
    latest = reads.find_version(engine, project, "thing", "latest")
    assert latest is not None
    assert latest.digest == first.digest
    assert [version.number for version in _published(engine, project, "three", "two")] == [2, 1]
    revived = reads.find_version(engine, project, "thing", "v1")
    assert revived is not None
    assert (revived.tags, revived.aliases) == ([], [])


def test_an_alias_means_what_it_was_set_to_last(engine: Engine) -> None:
    project = _project()
    versions = _published(engine, project, "one", "two")
    for version in (*versions, *versions):
        storage.set_alias(engine, project, "thing", "best", version.digest)

    found = reads.find_version(engine, project, "thing", "best")
    assert found is not None
    assert found.version == "v1"
    storage.delete_alias(engine, project, "thing", "best")
    assert reads.find_version(engine, project, "thing", "best") is None


def test_the_last_change_wins_when_the_clock_goes_back(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = _project()
    first, second = _published(engine, project, "one", "two")
    storage.set_alias(engine, project, "thing", "best", first.digest)
    monkeypatch.setattr("time.time_ns", lambda: 1)
    storage.set_alias(engine, project, "thing", "best", second.digest)
    storage.delete_versions(engine, project, "thing", [first.digest])

    found = reads.find_version(engine, project, "thing", "best")
    assert found is not None
    assert found.digest == second.digest
    assert reads.find_version(engine, project, "thing", "v0") is None


def test_a_dataset_is_read_in_pages_across_its_chunks(engine: Engine) -> None:
    project = _project()
    rows = [{"index": index, "same": index % 2 and "x"} for index in range(25)]
    version = _dataset(engine, project, rows[:10], rows[10:20], rows[20:])

    pages = [_rows(engine, project, version, offset, 7) for offset in range(0, 25, 7)]
    assert [row["value"] for page in pages for row in page["rows"]] == rows
    assert [row["index"] for page in pages for row in page["rows"]] == list(range(25))
    assert [page["next_offset"] for page in pages] == [7, 14, 21, None]
    assert _rows(engine, project, version, 25, 7) == {"rows": [], "total": 25, "next_offset": None}


def test_a_dataset_may_hold_a_row_twice(engine: Engine) -> None:
    project, rows = _project(), [{"a": 1}, {"a": 1}, {"a": 2}, {"a": 1}]
    version = _dataset(engine, project, rows)

    assert [row["value"] for row in _rows(engine, project, version, 0, 10)["rows"]] == rows


def test_chunks_do_not_change_a_datasets_digest(engine: Engine) -> None:
    project, rows = _project(), [{"a": index} for index in range(6)]
    versions = [_dataset(engine, project, rows), _dataset(engine, project, rows[:1], rows[1:])]

    assert versions[0].digest == versions[1].digest
    assert [version.is_new for version in versions] == [True, False]


def test_a_page_of_large_rows_ends_early(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "PAGE_MAX_BYTES", 250)
    project, rows = _project(), [{"text": str(index) * 100} for index in range(3)]
    rows.append({"text": "x" * 1_000})
    version = _dataset(engine, project, rows[:1], rows[1:])

    offset: int | None = 0
    counts = []
    while offset is not None:
        page = _rows(engine, project, version, offset, 100)
        counts.append(len(page["rows"]))
        offset = page["next_offset"]
    assert counts == [2, 1, 1]


def test_a_dataset_of_rows_that_were_not_sent_is_refused(engine: Engine) -> None:
    with pytest.raises(ObjectError, match="not stored: send them first"):
        storage.publish(engine, _new(_project(), None, kind="dataset", chunk_digests=["0" * 64]))


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"name": "a/b"}, "cannot name an object"),
        ({"name": " a"}, "cannot name an object"),
        ({"name": ""}, "cannot name an object"),
        ({"name": "objects"}, "cannot name an object"),
        ({"name": "x" * 129}, "cannot name an object"),
        ({"kind": "thing"}, "there is no kind 'thing': use one of dataset, model, object"),
        ({"kind": "dataset"}, "at least one chunk"),
        ({"kind": "model", "value": {"name": "A"}}, "just 'name' and 'fields'"),
        ({"chunk_digests": ["0" * 64]}, "only a dataset has chunks"),
        ({"aliases": ["latest"]}, "follows from the content"),
        ({"aliases": ["v3"]}, "follows from the content"),
        ({"aliases": ["0" * 64]}, "follows from the content"),
        ({"tags": ["a:b"]}, "cannot name a tag"),
        ({"value": "\ud800"}, "cannot be stored as JSON"),
    ],
)
def test_what_cannot_be_stored_is_refused(
    embedded_engine: Engine, facts: dict[str, Any], message: str
) -> None:
    given: dict[str, Any] = {"value": 1, **facts}

    with pytest.raises(ObjectError, match=message):
        storage.publish(embedded_engine, _new(_project(), given.pop("value"), **given))


def test_a_chunk_that_lost_rows_is_not_taken_for_whole(embedded_engine: Engine) -> None:
    project, rows = _project(), [{"a": 1}, {"a": 2}]
    whole = storage.insert_chunk(embedded_engine, project, rows)
    with embedded_engine.writer() as client:
        client.command(
            "INSERT INTO dataset_rows SELECT project, chunk, position, 'x', value "
            "FROM dataset_rows WHERE project = {project:String} AND position = 1",
            parameters={"project": project},
        )
    new = _new(project, None, kind="dataset", chunk_digests=[whole.digest])

    with pytest.raises(ObjectError, match="not stored: send them first"):
        storage.publish(embedded_engine, new)
    storage.insert_chunk(embedded_engine, project, rows)
    assert storage.publish(embedded_engine, new).number == 0
