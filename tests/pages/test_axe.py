"""Every page against axe (WCAG 2.2 AA, good practice) and on a small phone; both schemes, both directions."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.chromium import violations
from tests.pages.samples import NAMES, THEN, WITHOUT_SCRIPTS

pytestmark = pytest.mark.browser

_PHONE = 320  # CSS pixels
_LARGE = 44
_TARGETS = "button:visible, a:visible, input:visible:not([type=checkbox], [type=radio]), .tick, summary"
# In one go, since each question to the browser costs as much as loading a page.
_BOXES = """targets => targets.map(target => {
    const box = target.getBoundingClientRect();
    return [box.left, box.right, box.height];
})"""


# Colours, widths and directions do not depend on one another: two looks see all of each. All pages
# are made of the same parts, so by turns is enough while one works; `make check` sees each in both.
_LOOKS = ((360, "dark", "ar"), (1280, "light", "en"))
_PAGES = sorted(set(NAMES) - WITHOUT_SCRIPTS)
_LONG = bool(os.environ.get("COUNTERSIGN_LONG"))
_SEEN = [
    pytest.param(look, name, id=f"{name} {look[1]}")
    for turn, look in enumerate(_LOOKS)
    for place, name in enumerate(_PAGES)
    if _LONG or place % len(_LOOKS) == turn
]


@pytest.fixture(scope="module")
def look(browser: Browser, request: pytest.FixtureRequest) -> Iterator[tuple[Page, int]]:
    width, scheme, tag = request.param
    context = browser.new_context(color_scheme=scheme, locale=tag)
    yield context.new_page(), width
    context.close()


@pytest.mark.parametrize(("look", "name"), _SEEN, indirect=["look"])
def test_axe_finds_nothing_and_targets_are_large(look: tuple[Page, int], base: str, name: str) -> None:
    tab, width = look
    tab.set_viewport_size({"width": width, "height": 800})
    answer = tab.goto(f"{base}/{name}")
    assert answer is not None
    assert answer.status == NAMES[name], "or axe looks at the page that tells of an error"
    tab.evaluate(THEN.get(name, "0"))
    tab.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    assert violations(tab) == []
    assert _too_small_or_outside(tab) == []


@pytest.mark.parametrize("tag", ["en", "ar"])
@pytest.mark.parametrize("name", sorted(WITHOUT_SCRIPTS))
def test_without_scripts_targets_are_large(browser: Browser, base: str, name: str, tag: str) -> None:
    context = browser.new_context(locale=tag, java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{base}/{name}")
    assert _too_small_or_outside(tab) == []
    context.close()


def _too_small_or_outside(tab: Page) -> list[list[float]]:
    """Return left, right and height of what a thumb misses on a small phone, or that stands out of it."""
    tab.set_viewport_size({"width": _PHONE, "height": 600})
    boxes: list[list[float]] = tab.locator(_TARGETS).evaluate_all(_BOXES)
    return [box for box in boxes if box[0] < 0 or box[1] > _PHONE or box[2] < _LARGE]
