"""A real Chromium on the real server; skipped where there is none, unless CI demands one."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.browser.audit import Audit

_FLAGS = ("--no-sandbox", "--font-render-hinting=none", "--force-color-profile=srgb")
_AXE = Path(__file__).parents[3] / "query_api/web/node_modules/axe-core/axe.min.js"
_CONTEXT: dict[str, Any] = {
    "viewport": {"width": 1440, "height": 900},
    "locale": "en-GB",
    "timezone_id": "UTC",
    "reduced_motion": "reduce",
    "permissions": ["clipboard-read", "clipboard-write"],
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium a module: Playwright holds the thread's event loop while it runs."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        _cannot_run("no chromium was found: install it or name it in CHROMIUM")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own; what its scripts fail at fails the test."""
    context = browser.new_context(**_CONTEXT)
    page = context.new_page()
    page.set_default_timeout(15_000)
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    context.close()
    assert failures == []


@pytest.fixture(scope="session")
def audit() -> Audit:
    """axe, from the packages that the page is tested with."""
    if not _AXE.is_file():
        _cannot_run("axe-core is missing: run `npm ci` in query_api/web")
    return Audit(_AXE.read_text())


def _cannot_run(reason: str) -> None:
    if os.environ.get("CI") or os.environ.get("SPANLOOM_TEST_REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)
