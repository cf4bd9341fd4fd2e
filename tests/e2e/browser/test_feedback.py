"""Feedback and names, given in the page."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import samples
from tests.e2e.browser.audit import Audit
from tests.e2e.browser.samples import SampleTrace
from tests.support.server import Server


@pytest.fixture
def trace(server: Server) -> SampleTrace:
    return samples.agent_trace(server, f"acme/{server.fresh_project()}")


def _stored(server: Server, trace: SampleTrace) -> list[dict[str, object]]:
    project = trace.project.replace("/", "%2F")
    path = f"/projects/{project}/traces/{trace.path.rpartition('/')[2]}/spans/{trace.llm}/feedback"
    found: list[dict[str, object]] = server.get(path)["feedback"]
    return found


def test_a_reaction_a_note_and_a_score_are_given_and_taken_away(
    page: Page, server: Server, trace: SampleTrace, audit: Audit
) -> None:
    page.goto(f"{server.endpoint}{trace.path}?span={trace.llm}&pane=feedback")
    said = page.get_by_role("region", name="Feedback").get_by_role("listitem")

    page.get_by_role("button", name="thumbs up").click()
    expect(said).to_have_count(1)
    page.get_by_label("Note").fill("The tone is right.")
    page.get_by_label("Note").press("Enter")
    expect(said).to_have_count(2)
    page.get_by_label("Score").fill("correct")
    page.get_by_label("Value").fill("true")
    page.get_by_label("Explanation").fill("I looked it up.")
    page.get_by_role("button", name="Add score").click()

    expect(said).to_contain_text(["👍", "The tone is right.", "correct: true"])
    expect(page.get_by_label("Score")).to_have_value("")
    assert [each["kind"] for each in _stored(server, trace)] == ["reaction", "note", "score"]
    assert audit.faults(page) == []
    page.get_by_role("button", name="Delete: correct: true").click()
    expect(said).to_have_count(2)
    assert len(_stored(server, trace)) == 2


def test_a_span_is_renamed_in_its_head_and_in_the_tree(
    page: Page, server: Server, trace: SampleTrace, audit: Audit
) -> None:
    page.goto(f"{server.endpoint}{trace.path}?span={trace.llm}")
    head = page.get_by_role("region", name="Selected span")

    head.get_by_role("button", name="Rename").click()
    assert audit.faults(page) == []
    head.get_by_label("Name to show").fill("the odd one")
    head.get_by_label("Name to show").press("Enter")

    expect(head.get_by_role("heading", name="the odd one")).to_be_visible()
    expect(page.get_by_role("treeitem").filter(has_text="the odd one")).to_be_visible()
    head.get_by_role("button", name="Rename").click()
    head.get_by_label("Name to show").fill("")
    head.get_by_label("Name to show").press("Enter")
    expect(head.get_by_role("heading", name="chat gpt-5")).to_be_visible()
