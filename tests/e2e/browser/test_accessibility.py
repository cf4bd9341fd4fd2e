"""Every page, in both themes, without a violation of WCAG 2.2 AA that axe can see."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import samples
from tests.e2e.browser.audit import Audit
from tests.support.server import Server


@pytest.fixture(scope="module")
def addresses(server: Server) -> dict[str, str]:
    project = server.fresh_project()
    trace = samples.agent_trace(server, project)
    evaluation = samples.evaluation(server, project)
    return {
        "projects": "/",
        "traces": f"/p/{project}/traces",
        "wrong filter": f"/p/{project}/traces?where=oops+%3D+1",
        "no match": f"/p/{project}/traces?where=name+%3D+%27none%27",
        "no traces": f"/p/{server.fresh_project()}/traces",
        "trace": trace.path,
        "chat": f"{trace.path}?span={trace.llm}",
        "error": f"{trace.path}?span={trace.failed}",
        "attributes": f"{trace.path}?span={trace.llm}&pane=attributes",
        "events": f"{trace.path}?span={trace.failed}&pane=events",
        "feedback": f"{trace.path}?span={trace.llm}&pane=feedback",
        "raw": f"{trace.path}?span={trace.llm}&pane=raw",
        "no such trace": f"/p/{project}/traces/{'0' * 31}1",
        "evaluations": f"/p/{project}/evaluations",
        "no evaluations": f"/p/{server.fresh_project()}/evaluations",
        "evaluation": evaluation.path,
        "row": f"{evaluation.path}?row=2",
    }


_PAGES = {
    "projects": "Projects",
    "traces": "2 traces",
    "wrong filter": "oops",
    "no match": "No trace matches",
    "no traces": "Waiting for the first span",
    "trace": "late_callback",
    "chat": "Output",
    "error": "Stack trace",
    "attributes": "Resource",
    "events": "Stack trace",
    "feedback": "Nothing was said so far",
    "raw": "resourceSpans",
    "no such trace": "could not be loaded",
    "evaluations": "1 evaluation",
    "no evaluations": "Waiting for the first evaluation",
    "evaluation": "40 rows",
    "row": "Open its trace",
}


@pytest.mark.parametrize("name", _PAGES)
def test_no_fault_is_found_on(
    page: Page, server: Server, addresses: dict[str, str], audit: Audit, name: str
) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{server.endpoint}{addresses[name]}")
    expect(page.get_by_text(_PAGES[name]).first).to_be_visible()
    light = audit.faults(page)
    page.emulate_media(color_scheme="dark")
    page.evaluate(
        "() => new Promise((drawn) => setTimeout(() => requestAnimationFrame(drawn), 50))"
    )

    assert (light, audit.faults(page)) == ([], [])


def test_a_chosen_theme_outlives_the_visit(page: Page, server: Server) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(server.endpoint)
    page.get_by_role("button", name="Dark theme").click()
    page.reload()

    expect(page.get_by_role("button", name="Dark theme")).to_have_attribute("aria-pressed", "true")
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(15, 18, 22)"
