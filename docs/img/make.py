# ruff: noqa: INP001 - a program, run by its path
"""Make the pictures in README and docs/people.md: `python docs/img/make.py`, from the top folder.

Needs Chromium. The pages are the real ones, as tests/pages/samples.py gives them.
"""

from __future__ import annotations

import base64
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.pages.samples import THEN, make_samples, serving  # noqa: E402 - the tests are not installed

# By the picture's name: page, width and height in CSS pixels, colours, language.
_SHOTS = {
    "sign-in": (
        ("password-or-passkey", 460, 760, "light", "en"),
        ("me", 460, 1110, "light", "en"),
        ("totp", 330, 660, "dark", "en"),
        ("password-or-passkey", 330, 740, "dark", "ar"),
    ),
    "confirming": (
        ("totp-remember", 330, 640, "light", "en"),
        ("push", 330, 640, "light", "en"),
        ("app-question", 330, 640, "dark", "en"),
        ("call", 330, 640, "light", "en"),
    ),
    "setting-up": (
        ("setup-passkey", 330, 700, "light", "en"),
        ("another", 330, 700, "light", "en"),
        ("setup-recovery", 330, 700, "light", "en"),
        ("forgotten", 330, 700, "dark", "en"),
    ),
}
_GAP = 28
_SHEET = """<!doctype html><style>
body {{ margin: 0; padding: {gap}px; width: max-content;
  display: flex; align-items: center; gap: {gap}px; background: #d9dee8 }}
img {{ border-radius: 18px; box-shadow: 0 6px 24px #1b254040 }}
</style>{images}"""


def main() -> None:
    """Take the pages of each picture and put them side by side."""
    chromium = shutil.which("chromium") or "chromium"
    with serving(make_samples()) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, shots in _SHOTS.items():
            images = "".join(_image(browser, base, *shot) for shot in shots)
            sheet = browser.new_page(viewport={"width": 1800, "height": 1200})
            sheet.set_content(_SHEET.format(gap=_GAP, images=images))
            sheet.locator("body").screenshot(path=Path(__file__).with_name(f"{name}.png"))
        browser.close()


def _image(browser: Browser, base: str, name: str, width: int, height: int, scheme: str, tag: str) -> str:
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        locale=tag,
    )
    tab = context.new_page()
    tab.goto(f"{base}/{name}")
    if name in THEN:
        tab.evaluate(THEN[name])
    data = base64.b64encode(tab.screenshot()).decode()
    context.close()
    return f'<img width="{width}" height="{height}" src="data:image/png;base64,{data}">'


if __name__ == "__main__":
    main()
