"""One server, one demo and one Chromium for all walks."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import sync_playwright

from idp.factors.totp import read_seed
from tests.chromium import launch
from tests.demo import running
from tests.peers import require
from tests.walks.browser import Browser
from tests.walks.server import Installation, Server, Someone
from tests.walks.window import Window


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run `idp serve`, two workers, behind a proxy on this machine; it must end well."""
    # The tests are that proxy: they say which network address a browser comes from.
    running = Server(tmp_path_factory.mktemp("walks") / "var", IDP_TRUSTED_PROXIES="127.0.0.1")
    # Before it starts, so that no worker has to hear of them first.
    for client in ("wiki", "spare"):
        running.client(client)
    # One window asks here more often in a second than a person does in a day.
    running.idp("limits", "set", "answers", "10000")
    running.idp("limits", "set", "arrivals", "100000")
    running.start()
    yield running
    assert running.stop() == 0
    assert "Traceback" not in running.log()


@pytest.fixture
def wiki() -> str:
    """Give a registered client's id."""
    return "wiki"


@pytest.fixture
def spare() -> str:
    """Give the id of a client that one test at a time may change, if it changes it back."""
    return "spare"


@pytest.fixture
def visitor(server: Server) -> Iterator[Callable[[], Browser]]:
    """Give a maker of fresh browsers."""
    made: list[Browser] = []

    def visit(address: str | None = None) -> Browser:
        made.append(Browser(server.base, address))
        return made[-1]

    yield visit
    for browser in made:
        browser.web.close()


@pytest.fixture
def browser(visitor: Callable[[], Browser]) -> Browser:
    """Give a fresh browser."""
    return visitor()


# Chromium on `idp demo` -------------------------------------------------------------------------
@dataclass(frozen=True)
class Demo:
    """The running demo, its data folder, and its people."""

    expenses: str
    wiki: str
    provider: str
    installation: Installation
    phone: str
    ada: Someone
    bob: Someone
    joan: Someone

    def someone(self, *, app: bool = True) -> Someone:
        """Add a person."""
        return self.installation.someone(app=app)


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run `idp demo`; it must end well."""
    folder = tmp_path_factory.mktemp("demo") / "var"
    demo = running.start(folder, running.free_ports(4))
    seed = read_seed(demo.said("authenticator app with the key (.+)"))
    yield Demo(
        expenses=demo.expenses,
        wiki=demo.wiki,
        provider=demo.provider,
        installation=Installation(folder, demo.provider),
        phone=demo.phone,
        joan=Someone("joan", demo.said(r"^joan +(\S+)")),
        ada=Someone("ada", demo.said(r"^ada +(\S+)")),
        bob=Someone("bob", demo.said(r"^bob +(\S+)"), seed),
    )
    assert running.stop(demo, signal.SIGTERM) == 0
    for log in (folder / "demo").glob("*.log"):
        assert "Traceback" not in log.read_text()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Chromium]:
    """Give a Chromium."""
    program = require("chromium")
    with sync_playwright() as playwright:
        chromium = launch(playwright, program)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def seen() -> set[tuple[str, ...]]:
    """Give the kinds of pages that axe looked at."""
    return set()


@pytest.fixture
def new_window(chromium: Chromium, seen: set[tuple[str, ...]]) -> Iterator[Callable[..., Window]]:
    """Give a maker of windows, each of a browser without a past; none may complain."""
    made: list[Window] = []

    def make(**look: Any) -> Window:
        context = chromium.new_context(**{"viewport": {"width": 360, "height": 740}, **look})
        made.append(Window(context.new_page(), seen, scripts=look.get("java_script_enabled", True)))
        return made[-1]

    yield make
    for window in made:
        window.tab.context.close()
    assert [text for window in made for text in window.complaints] == []


@pytest.fixture
def window(new_window: Callable[..., Window]) -> Window:
    """Give a window of a browser without a past."""
    return new_window()
