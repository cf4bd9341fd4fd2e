"""What publishing has answered for is there after the process was killed."""

import json
from pathlib import Path

from tests.support.server import Server, running_server


def _post(server: Server, path: str, body: object) -> dict[str, object]:
    headers = {"content-type": "application/json"}
    answer = server.request("POST", path, body=json.dumps(body).encode(), headers=headers)
    assert answer.status == 200, answer.body.decode()
    return dict(answer.json)


def test_published_objects_outlive_a_killed_server(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        chunk = _post(server, "/api/v1/projects/p/dataset-rows", {"rows": [{"a": 1}]})
        dataset = {"name": "rows", "kind": "dataset", "chunks": [chunk["digest"]]}
        _post(server, "/api/v1/projects/p/objects", {**dataset, "aliases": ["best"]})
        server.kill()

    with running_server(tmp_path) as server:
        page = server.get("/projects/p/objects/rows/versions/best/rows")
        assert [row["value"] for row in page["rows"]] == [{"a": 1}]
        again = _post(server, "/api/v1/projects/p/objects", dataset)
        assert (again["version"], again["is_new"]) == ("v0", False)
