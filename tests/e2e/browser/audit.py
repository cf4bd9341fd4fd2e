"""Accessibility faults of a page, as axe finds them."""

from dataclasses import dataclass

from playwright.sync_api import Page

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_RUN = """
async (rules) => {
  const { violations } = await axe.run(document, { runOnly: rules });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`));
}
"""


@dataclass(frozen=True)
class Audit:
    """Runs axe. The script is injected by the driver, past the page's content policy."""

    script: str

    def faults(self, page: Page) -> list[str]:
        """Every violation of WCAG 2.2 AA on the page as it is now."""
        page.evaluate(f"if (!window.axe) {{ {self.script} }}")
        found: list[str] = page.evaluate(_RUN, _RULES)
        return found
