"""Take pictures of every page: `python -m tests.pages.gallery [NAME...]`, into tests/pages/artifacts.

Two widths, light and dark, left-to-right and right-to-left.  For people to look at.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.chromium import launch
from tests.pages.samples import NAMES, THEN, WITHOUT_SCRIPTS, make_samples, serving

_FOLDER = Path(__file__).parent / "artifacts"
_LOOKS = tuple(product((360, 1280), ("light", "dark"), ("en", "ar")))


def take(browser: Browser, base: str, names: Sequence[str]) -> None:
    """Write one picture of each page in each look."""
    for (width, scheme, tag), scripts in product(_LOOKS, (True, False)):
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            locale=tag,
            java_script_enabled=scripts,
        )
        tab = context.new_page()
        for name in names:
            if (name not in WITHOUT_SCRIPTS) is scripts:
                tab.goto(f"{base}/{name}")
                tab.wait_for_load_state()
                tab.evaluate(THEN.get(name, "0"))
                tab.screenshot(path=_FOLDER / f"{name}-{width}-{scheme}-{tag}.png", full_page=True)
        context.close()


def main(names: Sequence[str]) -> None:
    """Take all pictures, or those of the named pages."""
    _FOLDER.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or "chromium"
    with serving(make_samples()) as base, sync_playwright() as playwright:
        browser = launch(playwright, chromium)
        take(browser, base, names or NAMES)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
