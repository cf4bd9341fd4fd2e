"""The pages of evaluations: list, scores, rows."""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import samples
from tests.e2e.browser.samples import SampleEvaluation
from tests.support.server import Server


@pytest.fixture(scope="module")
def evaluation(server: Server) -> SampleEvaluation:
    return samples.evaluation(server, server.fresh_project())


def _open(page: Page, server: Server, evaluation: SampleEvaluation, query: str = "") -> None:
    page.goto(f"{server.endpoint}{evaluation.path}{query}")
    expect(page.get_by_role("grid", name="Rows")).to_be_visible()


def test_an_evaluation_is_reached_from_the_list(
    page: Page, server: Server, evaluation: SampleEvaluation
) -> None:
    page.goto(f"{server.endpoint}/p/{evaluation.project}/evaluations")
    row = page.get_by_role("row").filter(has_text="nightly")
    expect(row).to_contain_text("exact_match.correct 74.4%")

    row.get_by_role("link", name="nightly").click()
    expect(page).to_have_url(f"{server.endpoint}{evaluation.path}")


def test_scores_say_how_many_rows_they_rest_on(
    page: Page, server: Server, evaluation: SampleEvaluation
) -> None:
    _open(page, server, evaluation)
    card = page.get_by_role("region", name="exact_match.correct")

    expect(card).to_contain_text("74.4%")
    expect(card).to_contain_text("29 true · 39 / 40 scored")
    expect(page.get_by_role("region", name="Predictions")).to_contain_text("1 with an error")


def test_rows_show_inputs_outputs_and_every_score(
    page: Page, server: Server, evaluation: SampleEvaluation
) -> None:
    _open(page, server, evaluation)
    cells = page.get_by_role("row").nth(3).get_by_role("gridcell")

    expect(cells).to_have_text(
        [
            "2",
            "What is the capital of Australia?",
            "Canberra",
            "Sydney",
            "false",
            "0.333",
            "–",
            "520 ms",
            "1,234",
            "Trace",
        ]
    )


def test_a_row_leads_to_its_span(page: Page, server: Server, evaluation: SampleEvaluation) -> None:
    _open(page, server, evaluation)
    page.get_by_role("link", name="Trace of row 1", exact=True).click()

    expect(page).to_have_url(re.compile(f"{evaluation.trace_id}.*{evaluation.predictions[1]}"))
    selected = page.locator('[role=treeitem][aria-selected="true"]')
    expect(selected).to_contain_text("predict_and_score")

    page.get_by_role("link", name="Open the evaluation").click()
    expect(page).to_have_url(f"{server.endpoint}{evaluation.path}")


def test_a_row_opens_beside_the_grid_and_the_next_one_after_it(
    page: Page, server: Server, evaluation: SampleEvaluation
) -> None:
    _open(page, server, evaluation)
    page.get_by_text("Canberra").first.click()
    detail = page.get_by_role("region", name="Row 2")
    expect(detail.get_by_role("region", name="Output")).to_contain_text("Sydney")
    expect(page).to_have_url(re.compile("row=2"))

    detail.get_by_role("button", name="Next row").click()
    expect(page.get_by_role("region", name="Row 3")).to_be_visible()


def test_a_link_to_the_last_row_shows_its_error(
    page: Page, server: Server, evaluation: SampleEvaluation
) -> None:
    _open(page, server, evaluation, "?row=39")

    expect(page.get_by_role("region", name="Row 39")).to_contain_text("TimeoutError: too slow")
    expect(page.locator('[role=row][aria-selected="true"]')).to_have_attribute(
        "aria-rowindex", "41"
    )


def test_rows_are_read_on_as_they_are_scrolled_to(page: Page, server: Server) -> None:
    evaluation = samples.evaluation(server, server.fresh_project(), row_count=450)
    _open(page, server, evaluation)
    expect(page.get_by_text("200 rows of 450 loaded")).to_be_visible()

    grid = page.get_by_role("grid", name="Rows")
    grid.focus()
    page.keyboard.press("Control+End")
    expect(page.get_by_text("400 rows of 450 loaded")).to_be_visible()
    page.keyboard.press("Control+End")
    expect(page.get_by_text("450 rows", exact=True)).to_be_visible()


def test_a_project_without_evaluations_holds_the_program_to_run_and_turns_live(
    page: Page, server: Server
) -> None:
    page.goto(f"{server.endpoint}/p/{server.fresh_project()}/evaluations")
    program = page.locator("pre", has_text="spanloom.init").inner_text()

    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    row = page.get_by_role("row").filter(has_text="exact_match.correct")
    expect(row).to_contain_text("100%")
