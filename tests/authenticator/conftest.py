"""The phone app's calls, over the whole application, from phones in software."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest

from idp.keys import VapidKey
from tests.admin.conftest import BASE, PASSWORD, Browser, Console, console, database
from tests.phones import SoftPhone

__all__ = ["console", "database"]

_CODE = re.compile(r'id="setup-code"[^>]*>([^<]*)<')
_NUMBER = re.compile(r"<b>(\d\d)</b>")


@dataclass
class Desk:
    """A browser in which a person signs in, beside their phone."""

    console: Console
    browser: Browser

    def sign_in(self, name: str = "ada") -> Desk:
        """Come as far as the page that shows a number."""
        self.browser.open("/me")
        self.browser._answer(username=name, password=PASSWORD)
        return self

    @property
    def place(self) -> str:
        return "/".join(self.browser.path.split("/")[:3])

    @property
    def number(self) -> str:
        found = _NUMBER.search(self.browser.text)
        assert found is not None, self.browser.text
        return found[1]

    @property
    def code(self) -> str:
        found = _CODE.search(self.browser.text)
        assert found is not None, self.browser.text
        return unescape(found[1])

    def outcome(self) -> dict[str, Any]:
        said = self.browser.client.get(self.place + "/outcome", base_url=BASE)
        assert said.status_code == 200, said.text
        told: dict[str, Any] = said.get_json()
        return told

    def go_on(self, way: str = "", **fields: str) -> Browser:
        return self.browser.post(self.place + way, {"factor": "push", "method": "", **fields})


def phone_of(console: Console) -> SoftPhone:
    """Return a phone that nobody has set up yet."""
    client = console.app.test_client()

    def post(path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        sent = client.post(
            path,
            base_url=BASE,
            data=body,
            headers={"Sec-Fetch-Site": "same-origin", "User-Agent": "Mozilla/5.0 (Linux; Android 16)"},
        )
        return sent.status_code, sent.get_json() or {}

    return SoftPhone(post=post, now=console.clock.now, origin=BASE)


def set_up(console: Console, browser: Browser) -> SoftPhone:
    """Have a person who is signed in at /me set up a phone."""
    phone, desk = phone_of(console), Desk(console, browser)
    browser.post("/me/add", {"factor": "push"})
    assert phone.connect(desk.code)["status"] == 200
    desk.go_on("/enrol")
    assert phone.approve(desk.number) == "approved"
    desk.go_on("/enrol")
    assert browser.path == "/me", browser.text
    return phone


@pytest.fixture(autouse=True)
def vapid(console: Console) -> VapidKey:
    """Give the key for push services, made as at the first start."""
    key = VapidKey(console.store, console.sealer)
    with console.store.write() as unit:
        key.ensure(unit, at=console.clock.now())
    return key


@pytest.fixture
def ada(console: Console) -> Browser:
    """Give a browser in which Ada is at her page."""
    return console.browser().sign_in("ada", "/me")


@pytest.fixture
def phone(console: Console, ada: Browser) -> SoftPhone:
    """Give Ada's phone, set up."""
    return set_up(console, ada)


@pytest.fixture
def desk(console: Console, phone: SoftPhone) -> Desk:
    """Give another browser of Ada's."""
    return Desk(console, console.browser())
