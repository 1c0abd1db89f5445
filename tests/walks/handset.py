"""A phone beside the browser: Chromium with the phone app, and the push service that wakes it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import CDPSession, Page, expect

from tests.walks.window import Window


class Handset:
    """The phone app in a browser of its own; whatever it shows is looked at by axe."""

    def __init__(self, window: Window, provider: str) -> None:
        self.window = window
        self.origin = provider
        window.tab.context.grant_permissions(["notifications"], origin=provider)
        # Its own tab, so that it hears of workers while the app is closed.
        self._aside: Page = window.tab.context.new_page()
        self._session: CDPSession = self._aside.context.new_cdp_session(self._aside)
        self._registrations: dict[str, str] = {}
        self._session.on("ServiceWorker.workerRegistrationUpdated", self._heard)
        self._session.send("ServiceWorker.enable")

    @property
    def tab(self) -> Page:
        """Return the app's tab."""
        return self.window.tab

    def open(self, address: str = "") -> None:
        """Open the app, or an address that the sign-in page shows."""
        self.tab.goto(address or self.origin + "/authenticator/")

    def heading(self, text: str) -> None:
        """Wait for a part of the app with this heading, and look at it."""
        expect(self.tab.locator("h1:visible")).to_contain_text(text, use_inner_text=True)
        self.window.look()

    def connect(self) -> None:
        """Set the phone up with the code that came with the address."""
        self.heading("Confirm sign-ins with this phone")
        self.tab.get_by_role("button", name="Set up").click()

    def approve(self, number: str, heading: str = "Are you signing in?") -> None:
        """Type the number for what is asked."""
        self.heading(heading)
        self.tab.get_by_label("Number on the sign-in page").fill(number)
        self.tab.get_by_role("button", name="Yes, it is me").click()

    def result(self, text: str) -> None:
        """Wait for what the app says in the end, and leave it."""
        self.heading(text)
        self.tab.get_by_role("button", name="Done").click()
        self.heading("Nothing to confirm")

    def close(self) -> None:
        """Close the app; what was installed stays."""
        tab, self.window.tab = self.window.tab, self._aside
        tab.close()

    def push(self) -> None:
        """Have the push service deliver what wakes the app."""
        for _ in range(100):
            if self.origin in self._registrations:
                break
            self._aside.wait_for_timeout(50)
        delivered = {
            "origin": self.origin,
            "registrationId": self._registrations[self.origin],
            "data": '{"look": true}',
        }
        self._session.send("ServiceWorker.deliverPushMessage", delivered)

    def _heard(self, said: dict[str, Any]) -> None:
        for one in said["registrations"]:
            if not one["isDeleted"] and one["scopeURL"].endswith("/authenticator/"):
                self._registrations[one["scopeURL"].removesuffix("/authenticator/")] = one["registrationId"]


def number_on(window: Window) -> str:
    """Return the number that a page shows to be typed on the phone."""
    shown = window.tab.locator(".number b")
    expect(shown).to_be_visible()
    return shown.inner_text()
