"""A real browser on an application of nothing but pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.chromium import launch
from tests.pages.samples import make_samples, serving
from tests.peers import require

# Machines that run several suites at a time are slow to draw.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """Give the address of the samples."""
    with serving(make_samples()) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a Chromium."""
    program = require("chromium")
    with sync_playwright() as playwright:
        browser = launch(playwright, program)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """Give the list of what the browser's console complained about."""
    return []


@pytest.fixture
def tab(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    """Give a fresh tab whose complaints fail the test."""
    context = browser.new_context(viewport={"width": 360, "height": 800})
    tab = context.new_page()
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    yield tab
    context.close()
    assert complaints == []
