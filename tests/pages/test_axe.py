"""Every page against axe: WCAG 2.2 AA and good practice, light and dark, both directions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.pages.samples import NAMES, WITHOUT_SCRIPTS

pytestmark = pytest.mark.browser

_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


# Colours, widths and directions do not depend on one another: two looks see all of each.
@pytest.fixture(scope="module", params=[(360, "dark", "ar"), (1280, "light", "en")], ids=str)
def look(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, scheme, tag = request.param
    viewport = {"width": width, "height": 800}
    context = browser.new_context(viewport=viewport, color_scheme=scheme, locale=tag)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", sorted(set(NAMES) - WITHOUT_SCRIPTS))
def test_axe_finds_nothing(look: Page, base: str, name: str) -> None:
    answer = look.goto(f"{base}/{name}")
    assert answer is not None
    assert answer.status == NAMES[name], "or axe looks at the page that tells of an error"
    look.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    result = Axe().run(look, options=_RULES)
    assert [
        f"{violation['id']}: {node['html'][:120]}"
        for violation in result.response["violations"]
        for node in violation["nodes"]
    ] == []
