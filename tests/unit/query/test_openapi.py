"""The page's types are generated from the API's description, so that must not drift."""

import json
import os
from pathlib import Path

from spanloom_collector.storage.connect import Engine
from spanloom_query.app import create_api
from spanloom_query.routes.context import Server
from spanloom_query.settings import QuerySettings

_DESCRIPTION = Path(__file__).parents[3] / "query_api" / "web" / "openapi.json"


def test_the_committed_description_is_the_servers(embedded_engine: Engine) -> None:
    api = create_api(Server(embedded_engine, QuerySettings()))
    text = json.dumps(api.openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        _DESCRIPTION.write_text(text)

    assert _DESCRIPTION.read_text() == text, (
        "run: make snapshots, then npm run gen in the web folder"
    )
