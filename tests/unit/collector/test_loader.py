"""The loader's promise: done means durable, failed means send again."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import wait

import pytest

from spanloom_collector.delivery.loader import Loader, RetryLaterError
from spanloom_collector.pipeline.columns import rows_of
from spanloom_collector.storage.connect import Engine, EngineUnavailableError
from spanloom_collector.storage.rows import SpanRow
from tests.support.otlp import request, span


@pytest.fixture
def loader(embedded_engine: Engine) -> Iterator[Loader]:
    loader = Loader(embedded_engine, max_pending_bytes=1_000)
    loader.start()
    yield loader
    loader.stop()


def _rows(project: str, count: int = 1) -> list[SpanRow]:
    return list(rows_of(request(*(span() for _ in range(count))), project, 1))


def _count(engine: Engine, project: str) -> int:
    sql = "SELECT count() FROM spans FINAL WHERE project = {project:String}"
    with engine.reader() as client:
        return int(client.query(sql, parameters={"project": project}).result_rows[0][0])


def test_a_batch_is_there_when_its_future_is_done(loader: Loader, embedded_engine: Engine) -> None:
    project = uuid.uuid4().hex
    loader.submit(_rows(project, 3), 10).result(30)

    assert _count(embedded_engine, project) == 3


def test_an_empty_batch_is_durable_at_once(loader: Loader) -> None:
    assert loader.submit([], 0).done()


def test_batches_from_many_threads_all_arrive(loader: Loader, embedded_engine: Engine) -> None:
    project = uuid.uuid4().hex
    futures = []
    threads = [
        threading.Thread(target=lambda: futures.append(loader.submit(_rows(project), 1)))
        for _ in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait(futures, 60)

    assert _count(embedded_engine, project) == 40
    assert loader.pending_bytes == 0


def test_a_batch_the_engine_refuses_costs_the_others_nothing(embedded_engine: Engine) -> None:
    project = uuid.uuid4().hex
    loader = Loader(embedded_engine, max_pending_bytes=1_000)
    bad = _rows(project)[0]._replace(flags=2**40)
    futures = [loader.submit([row], 1) for row in (*_rows(project), bad, *_rows(project))]
    loader.start()
    loader.stop()

    assert [future.exception() is None for future in futures] == [True, False, True]
    assert _count(embedded_engine, project) == 2


def test_what_is_pending_at_the_stop_is_stored(embedded_engine: Engine) -> None:
    project = uuid.uuid4().hex
    loader = Loader(embedded_engine, max_pending_bytes=1_000)
    future = loader.submit(_rows(project), 1)
    loader.start()
    loader.stop()

    assert future.exception() is None
    assert _count(embedded_engine, project) == 1


def test_too_much_pending_is_refused(embedded_engine: Engine) -> None:
    loader = Loader(embedded_engine, max_pending_bytes=1_000)
    loader.submit(_rows("p"), 900)

    with pytest.raises(RetryLaterError, match="900 bytes"):
        loader.submit(_rows("p"), 200)


def test_a_stopped_loader_refuses(embedded_engine: Engine) -> None:
    loader = Loader(embedded_engine, max_pending_bytes=1)
    loader.start()
    loader.stop()

    with pytest.raises(RetryLaterError, match="stopping"):
        loader.submit(_rows("p"), 1)


def test_an_engine_that_is_away_means_send_again() -> None:
    def unreachable() -> object:
        raise EngineUnavailableError("no such server")

    engine = Engine(unreachable, unreachable, reader_limit=1)  # type: ignore[arg-type]
    loader = Loader(engine, max_pending_bytes=1_000)
    future = loader.submit(_rows("p"), 1)
    loader.start()
    loader.stop()

    with pytest.raises(RetryLaterError, match="no such server"):
        future.result()
