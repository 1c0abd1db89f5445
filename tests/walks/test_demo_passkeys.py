"""Passkeys in Chromium, with its virtual authenticator, for both demo applications."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.walks.conftest import Demo
from tests.walks.passkeys import Authenticator, without_autofill
from tests.walks.window import Window

pytestmark = pytest.mark.browser

NewWindow = Callable[..., Window]
REFEDS_MFA = "https://refeds.org/profile/mfa"


def set_up(window: Window, demo: Demo, name: str = "") -> str:
    """Have a new person set up a passkey at their first sign-in; return the user name."""
    person = demo.someone(app=False)
    window.open(demo.expenses + "/login")
    window.password(person)
    window.heading("Set up a passkey")
    expect(window.tab.get_by_label("Name, to tell it from others")).to_have_value("Linux")
    if name:
        window.tab.get_by_label("Name, to tell it from others").fill(name)
    window.tab.get_by_role("button", name="Create passkey").click()
    window.save_codes()
    expect(window.tab.locator("h1")).to_contain_text("Hello")
    return person.name


def sign_out(window: Window, demo: Demo) -> None:
    window.open(demo.provider + "/signout")
    window.tab.get_by_role("button", name="Sign out").click()
    window.heading("You are signed out")


def test_a_passkey_is_set_up_and_then_is_a_whole_sign_in(demo: Demo, window: Window) -> None:
    without_autofill(window)
    key, tab = Authenticator(window), window.tab
    name = set_up(window, demo, "My laptop")
    assert window.fact("AuthnContext") == REFEDS_MFA
    (kept,) = key.credentials()
    assert kept["rpId"] == "localhost"
    assert kept["isResidentCredential"] is True
    assert "My laptop" in [one["label"] for one in demo.installation.json("method", "list", name)]
    sign_out(window, demo)
    window.open(demo.wiki + "/login")
    window.heading("Sign in")
    tab.get_by_label("Keep me signed in on this device").check()
    tab.get_by_role("button", name="Sign in with a passkey").dblclick()
    expect(tab.locator("h1")).to_have_text(f"Hello, {name.title()}")
    lasts = {one["name"]: one["expires"] for one in tab.context.cookies(demo.provider)}
    assert lasts["countersign-session"] > time.time()
    assert window.fact("acr") == "phr"
    assert window.fact("amr") == "hwk, user, mfa"
    window.open(demo.expenses + "/login")
    expect(tab.locator("h1")).to_have_text(f"Hello, {name.title()}")


def test_the_browser_offers_it_in_the_user_name_field(demo: Demo, window: Window) -> None:
    key = Authenticator(window)
    key.set("setAutomaticPresenceSimulation", enabled=False)
    person = demo.someone(app=False)
    window.open(demo.expenses + "/login")
    window.password(person)
    window.heading("Set up a passkey")
    key.set("setAutomaticPresenceSimulation", enabled=True)
    window.tab.get_by_role("button", name="Create passkey").click()
    window.save_codes()
    expect(window.tab.locator("h1")).to_contain_text("Hello")
    sign_out(window, demo)
    # The virtual authenticator picks it from the list at once; nothing is pressed or typed.
    window.open(demo.expenses + "/login")
    expect(window.tab.locator("h1")).to_have_text(f"Hello, {person.name.title()}")
    assert window.fact("AuthnContext") == REFEDS_MFA


def test_a_key_without_a_pin_is_a_second_factor_and_no_first(demo: Demo, window: Window) -> None:
    without_autofill(window)
    Authenticator(
        window, transport="usb", hasResidentKey=False, hasUserVerification=False, isUserVerified=False
    )
    name, tab = set_up(window, demo), window.tab
    sign_out(window, demo)
    window.open(demo.expenses + "/login")
    window.heading("Sign in")
    tab.get_by_role("button", name="Sign in with a passkey").click()
    expect(tab.locator("[data-trouble=stopped]")).to_be_visible()
    window.tab.get_by_label("User name").fill(name)
    window.tab.get_by_label("Password").fill(f"correct horse {name}")
    tab.get_by_role("button", name="Sign in", exact=True).click()
    # It is asked for at once, and touched at once.
    expect(tab.locator("h1")).to_have_text(f"Hello, {name.title()}")


def test_who_does_not_verify_is_asked_again_and_may_go_another_way(demo: Demo, window: Window) -> None:
    without_autofill(window)
    key = Authenticator(window)
    name, tab = set_up(window, demo), window.tab
    sign_out(window, demo)
    key.set("setUserVerified", isUserVerified=False)
    window.open(demo.expenses + "/login")
    tab.get_by_role("button", name="Sign in with a passkey").click()
    expect(tab.locator("[data-trouble=stopped]")).to_be_visible()
    window.look()
    key.set("setUserVerified", isUserVerified=True)
    tab.get_by_role("button", name="Sign in with a passkey").click()
    expect(tab.locator("h1")).to_have_text(f"Hello, {name.title()}")


def test_a_cloned_passkey_is_refused(demo: Demo, window: Window, new_window: NewWindow) -> None:
    without_autofill(window)
    key, tab = Authenticator(window), window.tab
    name = set_up(window, demo)
    (copied,) = key.credentials()
    sign_out(window, demo)
    for _ in range(2):
        window.open(demo.expenses + "/login")
        tab.get_by_role("button", name="Sign in with a passkey").click()
        expect(tab.locator("h1")).to_have_text(f"Hello, {name.title()}")
        sign_out(window, demo)
    thief = new_window()
    without_autofill(thief)
    Authenticator(thief).put(copied)
    thief.open(demo.expenses + "/login")
    thief.tab.get_by_role("button", name="Sign in with a passkey").click()
    expect(thief.problem).to_contain_text("That passkey was not accepted.")
    thief.look()
    told = demo.installation.json("audit", "--person", name)
    assert "method-copied" in {event["event"] for event in told}


def test_the_device_says_that_it_has_one_already(demo: Demo, window: Window) -> None:
    person, tab = demo.someone(app=False), window.tab
    without_autofill(window)
    Authenticator(window)
    window.open(demo.expenses + "/login")
    window.password(person)
    window.heading("Set up a passkey")
    form = tab.locator("form[data-passkey]")
    form.evaluate(
        """async (form) => {
          const options = JSON.parse(form.dataset.options);
          const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")),
            (letter) => letter.charCodeAt(0));
          const asked = { ...options, challenge: bytes(options.challenge),
            user: { ...options.user, id: bytes(options.user.id) } };
          const made = await navigator.credentials.create({ publicKey: asked });
          options.excludeCredentials = [{ type: "public-key", id: made.id, transports: ["internal"] }];
          form.dataset.options = JSON.stringify(options);
        }"""
    )
    tab.get_by_role("button", name="Create passkey").click()
    expect(tab.locator("[data-trouble=known]")).to_be_visible()
    window.look()
