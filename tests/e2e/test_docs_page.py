"""The API's page for people works where there is no internet."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.browser import conftest as browser_fixtures
from tests.support.server import Server

browser = browser_fixtures.browser
page = browser_fixtures.page

# A name, since Swagger UI asks less of others when it is served from the machine itself.
_HOST = "spanloom.example"


def test_the_docs_page_names_no_other_host(server: Server) -> None:
    answer = server.request("GET", "/api/docs")

    assert answer.status == 200
    assert re.findall(r"(?:https?:)?//\w[^\s'\"]*", answer.body.decode()) == []
    assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_all_that_the_docs_page_loads_is_served(server: Server) -> None:
    document = server.request("GET", "/api/docs").body.decode()
    loaded = re.findall(r"(?:src|href)=\"([^\"]+)\"", document)

    assert sorted(path.rpartition(".")[2] for path in loaded) == ["css", "js", "svg"]
    assert [server.request("GET", path).status for path in loaded] == [200, 200, 200]


def test_the_licence_of_the_docs_page_goes_with_it(server: Server) -> None:
    licence = server.request("GET", "/docs/LICENSE")

    assert licence.status == 200
    assert b"Apache License" in licence.body


@pytest.mark.browser
def test_the_docs_page_lists_the_operations_without_internet(page: Page, server: Server) -> None:
    elsewhere: list[str] = []
    complaints: list[str] = []

    def answer(route: Route) -> None:
        asked = urlsplit(route.request.url)
        if asked.hostname == _HOST:
            route.fulfill(response=route.fetch(url=f"{server.endpoint}{asked.path}"))
        else:
            elsewhere.append(route.request.url)
            route.abort()

    page.route("**/*", answer)
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.goto(f"http://{_HOST}/api/docs")

    operations = page.locator(".opblock-summary-path")
    expect(operations.first).to_be_visible()
    paths = server.request("GET", "/api/openapi.json").json["paths"]
    described = [path for path, methods in paths.items() for _ in methods]
    # Swagger UI puts marks of no width into the paths, where they may break.
    listed = [path.replace("\u200b", "") for path in operations.all_text_contents()]
    assert sorted(listed) == sorted(described)
    assert (elsewhere, complaints) == ([], [])
