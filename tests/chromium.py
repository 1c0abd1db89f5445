"""How tests start Chromium, but for parts of its own window that nobody looks at, and what axe says there."""

from __future__ import annotations

from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, Playwright

_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
# All that it looked at comes with its answer; to hand that over costs as much as to look.
_RUN = """rules => axe.run(rules).then(said => said.violations.flatMap(
    violation => violation.nodes.map(node => `${violation.id}: ${node.html.slice(0, 120)}`)))"""
# In a window nobody sees, Chromium loads two pages of its own to list what the address bar might
# mean, and again for each new window: more work than most of our pages are.
_NOT_SEEN = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "PreloadTopChromeWebUI")
# Chromium heeds the last list it is given, so what Playwright turns off has to be here again.
_BY_PLAYWRIGHT = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "TcpPortRandomizationWin",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
)


def launch(playwright: Playwright, program: Path | str) -> Browser:
    """Start a Chromium; whoever does closes it."""
    without = ",".join((*_BY_PLAYWRIGHT, *_NOT_SEEN))
    arguments = ["--no-sandbox", f"--disable-features={without}"]
    return playwright.chromium.launch(executable_path=program, args=arguments)


def violations(tab: Page) -> list[str]:
    """Return what axe finds wrong with the page that a tab shows: the rule, and where."""
    tab.evaluate(AXE_SCRIPT)
    found: list[str] = tab.evaluate(_RUN, _RULES)
    return found
