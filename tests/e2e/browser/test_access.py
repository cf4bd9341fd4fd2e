"""What the page says when it is not let in, or nobody answers."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import samples
from tests.e2e.browser.audit import Audit
from tests.support.server import Server, running_server


@pytest.fixture(scope="module")
def locked_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    tokens = {"SPANLOOM_TOKENS": "secret"}
    with running_server(tmp_path_factory.mktemp("locked"), environment=tokens) as running:
        yield running


def test_a_token_is_asked_for_and_kept(page: Page, locked_server: Server, audit: Audit) -> None:
    page.goto(f"{locked_server.endpoint}/p/mine/traces")
    page.get_by_label("Token").fill("wrong")
    assert audit.faults(page) == []
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("did not accept")).to_be_visible()

    page.get_by_label("Token").fill("secret")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("No traces in mine yet")).to_be_visible()

    page.reload()
    expect(page.get_by_text("No traces in mine yet")).to_be_visible()


def test_a_server_that_does_not_answer_can_be_asked_again(page: Page, server: Server) -> None:
    samples.agent_trace(server, server.fresh_project())
    page.goto(server.endpoint)
    expect(page.get_by_role("grid", name="Projects")).to_be_visible()

    page.context.set_offline(True)
    expect(page.get_by_role("alert")).to_contain_text("No answer from the server", timeout=15_000)
    expect(page.get_by_role("grid", name="Projects")).to_be_visible()

    page.context.set_offline(False)
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("alert")).to_be_hidden()
