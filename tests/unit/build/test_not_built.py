"""What a server answers whose page was not built."""

from pathlib import Path
from typing import NamedTuple

import pytest
from starlette.types import ASGIApp, Message

from spanloom_collector.storage.connect import Engine
from spanloom_query.app import create_app
from spanloom_query.routes.context import Server
from spanloom_query.settings import QuerySettings


class _Answer(NamedTuple):
    status: int
    body: str


@pytest.mark.parametrize("path", ["/", "/api/docs"])
async def test_a_page_that_is_not_built_says_so_and_where_the_api_is_described(
    embedded_engine: Engine, tmp_path: Path, path: str
) -> None:
    app = create_app(Server(embedded_engine, QuerySettings()), _no_otlp, static_dir=tmp_path)

    notice = await _get(app, path)
    assert notice.status == 503
    assert "The page is not built" in notice.body
    assert "hatch_build.py" in notice.body
    assert 'href="/api/openapi.json"' in notice.body
    assert (await _get(app, "/api/openapi.json")).status == 200


async def _get(app: ASGIApp, path: str) -> _Answer:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    await app(scope, receive, send)
    return _Answer(sent[0]["status"], b"".join(part.get("body", b"") for part in sent).decode())


async def _no_otlp(*_: object) -> None:
    raise AssertionError("nothing is sent to OTLP here")
