"""How tests start Chromium: the real browser, but for parts of its own window that nobody looks at."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Playwright

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
