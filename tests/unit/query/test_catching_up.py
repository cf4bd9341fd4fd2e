"""How long a read waits for what was accepted before it."""

import pytest
from fastapi import FastAPI, Request

from spanloom_collector.storage.connect import Engine
from spanloom_query.routes.context import Server, caught_up
from spanloom_query.settings import QuerySettings


def waits_of(engine: Engine, prefer: str, query: str) -> list[float]:
    """The waits, in seconds, that one request leads to."""
    waits: list[float] = []

    def catch_up(timeout_s: float) -> bool:
        waits.append(timeout_s)
        return True

    app = FastAPI()
    app.state.server = Server(engine, QuerySettings(), catch_up=catch_up)
    headers = [(b"prefer", prefer.encode())] if prefer else []
    scope = {"type": "http", "headers": headers, "query_string": query.encode(), "app": app}
    caught_up(Request(scope))
    return waits


@pytest.mark.parametrize(
    ("prefer", "query", "expected"),
    [
        ("", "", [2.0]),
        ("wait=9", "", [9.0]),
        ("respond-async, wait=9", "limit=3", [9.0]),
        ("wait=0", "", [0.0]),
        ("wait=3600", "", [30.0]),
        ("await=9", "", [2.0]),
        ("wait=soon", "", [2.0]),
        ("wait=9", "cursor=x", []),
    ],
)
def test_a_read_waits_as_long_as_it_prefers_but_for_the_first_page_alone(
    embedded_engine: Engine, prefer: str, query: str, expected: list[float]
) -> None:
    assert waits_of(embedded_engine, prefer, query) == expected
