"""One server, one demo and one Chromium for all walks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.walks.browser import Browser
from tests.walks.server import Server


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run `idp serve`, two workers, behind a proxy on this machine; it must end well."""
    # The tests are that proxy: they say which network address a browser comes from.
    running = Server(tmp_path_factory.mktemp("walks") / "var", IDP_TRUSTED_PROXIES="127.0.0.1")
    # Before it starts, so that no worker has to hear of them first.
    for client in ("wiki", "spare"):
        running.client(client)
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
