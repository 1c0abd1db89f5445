"""Phone calls in Chromium: the demo's phone rings beside the browser that signs in."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.walks.conftest import Demo
from tests.walks.window import Window

pytestmark = pytest.mark.browser

REFEDS_MFA = "https://refeds.org/profile/mfa"


def test_a_call_is_set_up_and_then_confirms_and_reports(demo: Demo, window: Window) -> None:
    person, tab = demo.someone(app=False), window.tab
    phone = window.another()
    window.open(demo.expenses + "/login")
    window.password(person)
    window.heading("Set up a passkey")
    window.another_way("Phone call", "Set up a phone for calls")
    tab.get_by_label("Country").select_option("US")
    tab.get_by_label("Phone number").fill("425 555 0177")
    tab.get_by_role("button", name="Call me").click()
    expect(tab.locator("main")).to_contain_text("rings in a moment")
    window.look()
    answer(phone, demo, "setting up this phone")
    window.save_codes()
    expect(tab.locator("h1")).to_have_text(f"Hello, {person.name.title()}")
    assert window.fact("AuthnContext") == REFEDS_MFA
    sign_out(window, demo)
    window.open(demo.expenses + "/login")
    window.password(person)
    window.heading("We are calling you")
    answer(phone, demo, "Somebody signs in to Expenses")
    expect(tab.locator("h1")).to_have_text(f"Hello, {person.name.title()}")
    sign_out(window, demo)
    window.open(demo.wiki + "/login")
    window.password(person)
    window.heading("We are calling you")
    answer(phone, demo, "Somebody signs in to Wiki", "0", "1")
    window.heading("You can’t sign in here")
    expect(tab.locator("main")).to_contain_text("Your account is blocked")


def answer(phone: Window, demo: Demo, heard: str, *keys: str) -> None:
    """Pick up, hear who it is, and press keys."""
    phone.open(demo.phone)
    phone.tab.get_by_role("button", name="Pick up").click()
    expect(phone.tab.locator("#calls")).to_contain_text(heard)
    for key in keys or ("#",):
        phone.tab.get_by_role("button", name=key, exact=True).click()
    expect(phone.tab.locator("#calls")).to_contain_text("Call ended")


def sign_out(window: Window, demo: Demo) -> None:
    window.open(demo.provider + "/signout")
    window.tab.get_by_role("button", name="Sign out").click()
    window.heading("You are signed out")
