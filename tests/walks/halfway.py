"""A sign-in between its two factors, and what tests try from there."""

from __future__ import annotations

from dataclasses import dataclass

from tests.walks.browser import Browser
from tests.walks.server import Server, Someone


@dataclass
class Halfway:
    """A person who typed the password and sees the page that asks for a code."""

    server: Server
    browser: Browser
    person: Someone
    client: str
    address: str  # of the sign-in's page
    method: str  # what is asked for

    @property
    def path(self) -> str:
        """Return the path of the sign-in's page."""
        return self.address.removeprefix(self.server.base)

    def nothing_happened(self) -> None:
        """Check that nobody was let in, and that the code is still asked for."""
        assert not self.browser.issued
        assert self.browser.open(self.address).heading == "Enter your code"
        assert self.browser.cookie("session") == ""

    def ends_well(self) -> None:
        """Check that the sign-in goes on with the right code: what was tried broke nothing."""
        self.nothing_happened()
        assert self.browser.code(self.person).issued


def halfway(server: Server, browser: Browser, client: str, person: Someone | None = None) -> Halfway:
    """Walk to the second factor."""
    person = person or server.someone()
    assert browser.authorize(client).heading == "Sign in"
    assert browser.password(person).heading == "Enter your code"
    address, fields = browser.form()
    return Halfway(server, browser, person, client, address, fields["method"])
