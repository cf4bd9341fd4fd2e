"""The pages of traces: list, tree, span."""

import re
import subprocess
import sys
import time

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser import samples
from tests.e2e.browser.samples import SampleTrace
from tests.support.server import Server


@pytest.fixture(scope="module")
def trace(server: Server) -> SampleTrace:
    # A project with a slash: every address must keep it as one part.
    return samples.agent_trace(server, f"acme/{server.fresh_project()}")


def _open_trace(page: Page, server: Server, trace: SampleTrace, query: str = "") -> None:
    page.goto(f"{server.endpoint}{trace.path}{query}")
    expect(page.get_by_role("tree")).to_be_visible()


def _item(page: Page, name: str) -> Locator:
    return page.get_by_role("treeitem").filter(has=page.get_by_text(name, exact=True))


def _selected(page: Page) -> Locator:
    return page.locator('[role=treeitem][aria-selected="true"]')


def test_a_trace_is_reached_from_the_projects(
    page: Page, server: Server, trace: SampleTrace
) -> None:
    page.goto(server.endpoint)
    page.get_by_role("link", name=trace.project, exact=True).click()
    page.get_by_role("link", name="answer_question").click()

    expect(page).to_have_url(f"{server.endpoint}{trace.path}")
    expect(page.get_by_role("heading", level=1)).to_have_text("answer_question")


def test_the_list_shows_what_went_in_and_out(
    page: Page, server: Server, trace: SampleTrace
) -> None:
    page.goto(f"{server.endpoint}{trace.path.rpartition('/')[0]}")
    row = page.get_by_role("row").filter(has_text="answer_question")

    expect(row.get_by_role("gridcell")).to_contain_text(["answer_question", samples.QUESTION])
    expect(row).to_contain_text("1,234")
    expect(row).to_contain_text("gpt-5")


def test_a_selected_span_shows_its_chat_and_its_tokens(
    page: Page, server: Server, trace: SampleTrace
) -> None:
    _open_trace(page, server, trace)
    _item(page, "chat gpt-5").click()

    detail = page.get_by_role("region", name="Selected span")
    expect(detail.get_by_role("region", name="Input")).to_contain_text(samples.QUESTION)
    expect(detail.get_by_role("region", name="Output")).to_contain_text(samples.ANSWER)
    expect(detail).to_contain_text("1,234 (1,200 in, 34 out)")
    expect(page).to_have_url(re.compile(f"span={trace.llm}"))


def test_a_link_to_a_span_opens_it(page: Page, server: Server, trace: SampleTrace) -> None:
    _open_trace(page, server, trace, f"?span={trace.failed}")

    expect(_selected(page)).to_contain_text("search")
    expect(page.get_by_role("region", name="Error")).to_contain_text(
        "ConnectionError peer closed the connection"
    )


def test_a_link_to_an_unknown_span_opens_the_trace_and_says_so(
    page: Page, server: Server, trace: SampleTrace
) -> None:
    _open_trace(page, server, trace, "?span=00000000000000ff")

    expect(page.get_by_text("is not in this trace")).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("is not in this trace")).to_be_hidden()


def test_a_span_without_its_parent_stands_under_a_mark(
    page: Page, server: Server, trace: SampleTrace
) -> None:
    _open_trace(page, server, trace)

    expect(page.get_by_role("treeitem").filter(has_text="Missing parent")).to_be_visible()
    expect(_item(page, "late_callback")).to_have_attribute("aria-level", "2")


def test_parents_tell_of_errors_below_and_sum_tokens(
    page: Page, server: Server, trace: SampleTrace
) -> None:
    _open_trace(page, server, trace)

    expect(_item(page, "answer_question")).to_contain_text("1 errors below")
    expect(_item(page, "answer_question")).to_contain_text("Σ 1.2k")
    expect(_item(page, "plan")).to_contain_text("Σ 1.2k")


def test_the_tree_is_driven_by_keys(page: Page, server: Server, trace: SampleTrace) -> None:
    _open_trace(page, server, trace)
    tree = page.get_by_role("tree")
    tree.focus()

    def after(key: str) -> str:
        page.keyboard.press(key)
        active = tree.get_attribute("aria-activedescendant")
        return page.locator(f'[id="{active}"]').inner_text()

    assert "plan" in after("ArrowDown")
    assert "chat gpt-5" in after("ArrowDown")
    assert "plan" in after("ArrowLeft")  # to the parent
    after("ArrowLeft")  # collapses
    expect(_item(page, "chat gpt-5")).to_be_hidden()
    expect(_item(page, "plan")).to_have_attribute("aria-expanded", "false")
    after("ArrowRight")
    expect(_item(page, "chat gpt-5")).to_be_visible()
    assert "late_callback" in after("End")
    assert "answer_question" in after("Home")
    assert "search" in after("e")  # the next error
    after("[")
    expect(page.get_by_role("treeitem")).to_have_count(5)
    after("]")
    expect(page.get_by_role("treeitem")).to_have_count(6)


def test_the_copied_link_leads_back_to_the_span(
    page: Page, server: Server, trace: SampleTrace
) -> None:
    _open_trace(page, server, trace, f"?span={trace.llm}")
    page.get_by_role("tree").press("y")

    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{server.endpoint}{trace.path}?span={trace.llm}"


def test_search_moves_from_match_to_match(page: Page, server: Server, trace: SampleTrace) -> None:
    _open_trace(page, server, trace)
    page.get_by_label("Search in this trace").fill("llm")
    page.get_by_label("Search in this trace").press("Enter")

    expect(page.get_by_text("1 of 1")).to_be_visible()
    expect(_selected(page)).to_contain_text("chat gpt-5")
    expect(page).to_have_url(re.compile("q=llm"))


def test_attributes_and_the_raw_span_are_shown(
    page: Page, server: Server, trace: SampleTrace
) -> None:
    _open_trace(page, server, trace, f"?span={trace.llm}&pane=attributes")
    expect(page.get_by_role("region", name="Attributes")).to_contain_text("gen_ai.provider.name")
    expect(page.get_by_role("region", name="Resource")).to_contain_text("browser-test")

    page.get_by_role("tab", name="Raw").click()
    expect(page.get_by_role("region", name="OTLP/JSON")).to_contain_text(trace.llm)
    expect(page).to_have_url(re.compile("pane=raw"))


def test_what_logs_tell_of_a_span_is_shown_with_it(page: Page, server: Server) -> None:
    trace = samples.told_trace(server, server.fresh_project())
    _open_trace(page, server, trace, f"?span={trace.llm}")

    expect(page.get_by_label("Input", exact=True)).to_contain_text(samples.QUESTION)
    expect(page.get_by_label("Output", exact=True)).to_contain_text(samples.ANSWER)
    scores = page.get_by_label("Scores", exact=True)
    expect(scores).to_contain_text("relevance0.75 · relevantIt names the capital.")
    page.get_by_role("tab", name="Events2").click()
    log = page.get_by_label("Log · INFO · gen_ai.evaluation.result")
    expect(log).to_contain_text("gen_ai.evaluation.score.label")


def test_a_wrong_filter_is_explained_where_it_is_wrong(
    page: Page, server: Server, trace: SampleTrace
) -> None:
    page.goto(f"{server.endpoint}{trace.path.rpartition('/')[0]}")
    page.get_by_label("Filter traces").fill("status = 'ok' AND oops > 1")
    page.get_by_label("Filter traces").press("Enter")

    problem = page.get_by_role("alert")
    expect(problem.locator("mark")).to_have_text("oops")
    expect(page.get_by_label("Filter traces")).to_have_attribute("aria-invalid", "true")

    page.get_by_label("Filter traces").fill("name = 'answer_question'")
    page.get_by_label("Filter traces").press("Enter")
    expect(page.get_by_role("link", name="answer_question")).to_be_visible()
    expect(problem).to_be_hidden()


def test_new_traces_are_announced_and_do_not_move_the_list(page: Page, server: Server) -> None:
    project = server.fresh_project()
    samples.agent_trace(server, project)
    page.goto(f"{server.endpoint}/p/{project}/traces")
    expect(page.get_by_role("row")).to_have_count(2)

    samples.agent_trace(server, project)
    page.get_by_role("button", name="1 new").click()
    expect(page.get_by_role("row")).to_have_count(3)


def test_an_empty_project_holds_the_program_to_run_and_turns_live(
    page: Page, server: Server
) -> None:
    page.goto(f"{server.endpoint}/p/{server.fresh_project()}/traces")
    program = page.locator("pre", has_text="spanloom.init").inner_text()

    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    expect(page.get_by_role("link", name="answer", exact=True)).to_be_visible()


def test_a_trace_of_30_000_spans_is_drawn_at_once_and_stays_small(
    page: Page, server: Server
) -> None:
    project = server.fresh_project()
    trace_id = samples.wide_trace(server, project, 30_000)

    begun = time.monotonic()
    page.goto(f"{server.endpoint}/p/{project}/traces/{trace_id}")
    expect(page.get_by_role("treeitem").first).to_be_visible()
    drawn_s = time.monotonic() - begun
    page.get_by_role("tree").focus()
    page.keyboard.press("End")
    expect(_selected(page)).to_contain_text("fetch 29999")
    page.keyboard.press("[")
    expect(page.get_by_role("treeitem").last).to_contain_text("page")

    assert drawn_s < 10  # about 1 s; the rest is for busy machines
    assert page.evaluate("document.querySelectorAll('*').length") < 3_000
