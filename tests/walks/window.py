"""A window of a real browser, which looks at every page it meets."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import Locator, Page, expect

from idp.factors.totp import read_seed
from tests.chromium import violations
from tests.walks.server import Someone

# Machines that run several suites at a time are slow to draw.
expect.set_options(timeout=20_000)
_NO_COMPLAINTS = (
    # A page that came with 403 or 410 may well be the right one.
    "Failed to load resource: the server responded with a status of 4",
    # The phone app subscribes, and goes on without.
    "Chrome currently does not support the Push API in incognito mode",
    # We typed before the browser had drawn the page.
    "Autofocus processing was blocked because a document already has a focused element.",
)
_LABELS = ("User name", "Password", "Code")


@dataclass
class Window:
    """One window; every kind of page is looked at by axe once in each language."""

    tab: Page
    seen: set[tuple[str, ...]]
    scripts: bool = True
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tab.on("console", lambda message: self._complained(message.text))
        self.tab.on("pageerror", lambda error: self._complained(str(error)))

    def _complained(self, text: str) -> None:
        if not text.startswith(_NO_COMPLAINTS):
            self.complaints.append(text)

    def another(self) -> Window:
        """Open another tab of the same browser."""
        return Window(self.tab.context.new_page(), self.seen, self.scripts, self.complaints)

    def open(self, address: str) -> None:
        """Go to an address and look at the page."""
        self.tab.goto(address)

    def heading(self, text: str) -> None:
        """Wait for a page of ours with this heading, and look at it."""
        expect(self.tab.locator("h1")).to_contain_text(text)
        self.look()

    def password(self, person: Someone, *, stay: bool = False, typed: str = "") -> None:
        """Answer the first page."""
        self.heading("Sign in")
        self.tab.get_by_label("User name").fill(person.name)
        self.tab.get_by_label("Password").fill(typed or person.password)
        if stay:
            self.tab.get_by_label("Keep me signed in on this device").check()
        self.tab.get_by_role("button", name="Sign in", exact=True).click()

    def code(self, code: str) -> None:
        """Answer the second page."""
        self.heading("Enter your code")
        self.tab.get_by_label("Code").fill(code)
        self.tab.get_by_role("button", name="Verify").click()

    def another_way(self, name: str, heading: str) -> None:
        """Pick another of the ways that the page offers."""
        self.tab.get_by_text("Use another way", exact=True).click()
        self.tab.get_by_role("button", name=name).click()
        self.heading(heading)

    def app(self) -> None:
        """Set up an authenticator app instead of the passkey that is proposed first."""
        self.heading("Set up a passkey")
        self.another_way("Authenticator app", "Set up an authenticator app")

    def sign_in(self, person: Someone, *, stay: bool = False) -> None:
        """Answer both pages."""
        self.password(person, stay=stay)
        self.code(person.code())

    def save_codes(self) -> list[str]:
        """Leave it at the first method, keep the recovery codes that are shown then, and say so."""
        self.not_now()
        return self.keep_codes()

    def not_now(self) -> None:
        """Leave it at the first method."""
        self.heading("Add a second way")
        self.tab.get_by_role("button", name="Not now").click()

    def keep_codes(self) -> list[str]:
        """Keep the recovery codes that are shown, and say so."""
        self.heading("Save your recovery codes")
        codes = self.tab.locator(".codes code").all_inner_texts()
        self.tab.get_by_role("button", name="I saved them").click()
        return codes

    @property
    def problem(self) -> Locator:
        """Return the page's message about the last answer."""
        return self.tab.get_by_role("alert")

    @property
    def shown_seed(self) -> bytes:
        """Return the seed that a set-up page shows to be typed into an app."""
        return read_seed(self.tab.locator("#key").inner_text())

    def fact(self, label: str) -> str:
        """Return what a demo application shows beside a label."""
        found = self.tab.locator("dt", has_text=label).locator("xpath=following-sibling::dd")
        return found.first.inner_text()

    def look(self) -> None:
        """Check what must be true of every page: one field for each label, and nothing for axe to say."""
        for label in _LABELS:
            assert self.tab.get_by_label(label, exact=True).count() <= 1, label
        kind = (
            self.tab.title(),
            self.tab.locator("html").get_attribute("lang") or "",
            str(self.problem.count()),
            str(self.tab.viewport_size),
        )
        if kind in self.seen or not self.scripts:
            return
        self.seen.add(kind)
        folded = self.tab.locator("details:visible").all()
        for more in folded:
            more.locator("summary").click()
        assert violations(self.tab) == []
        for more in folded:
            more.locator("summary").click()
