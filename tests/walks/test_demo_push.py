"""The phone app in Chromium beside the browser that signs in: open, closed, refused, reported, offline."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.walks.conftest import Demo
from tests.walks.handset import Handset, number_on
from tests.walks.server import Someone
from tests.walks.window import Window

pytestmark = pytest.mark.browser

NewWindow = Callable[..., Window]


def set_up(window: Window, handset: Handset, demo: Demo) -> Someone:
    """Have a new person set up the phone app at their first sign-in to the SAML application."""
    person, tab = demo.someone(app=False), window.tab
    window.open(demo.expenses + "/login")
    window.password(person)
    window.heading("Set up a passkey")
    window.another_way("Phone app", "Set up the phone app")
    handset.open(tab.locator("a", has_text="Open the app here").get_attribute("href") or "")
    handset.connect()
    # The page has noticed by itself that the phone has come.
    handset.approve(number_on(window), "Try it once")
    window.save_codes()
    expect(tab.locator("h1")).to_have_text(f"Hello, {person.name.title()}")
    handset.result("Confirmed")
    return person


def sign_out(window: Window, demo: Demo) -> None:
    window.open(demo.provider + "/signout")
    window.tab.get_by_role("button", name="Sign out").click()
    window.heading("You are signed out")


def come_to_number(window: Window, demo: Demo, person: Someone) -> str:
    window.open(demo.expenses + "/login")
    window.password(person)
    window.heading("Check your phone")
    return number_on(window)


def test_the_app_confirms_while_it_is_open_and_turns_down(
    demo: Demo, window: Window, new_window: NewWindow
) -> None:
    handset = Handset(new_window(), demo.provider)
    person = set_up(window, handset, demo)
    assert window.fact("AuthnContext") == "https://refeds.org/profile/mfa"
    sign_out(window, demo)
    number = come_to_number(window, demo, person)
    handset.heading("Are you signing in?")
    told = handset.tab.locator(".told")
    expect(told).to_contain_text("Expenses")
    expect(told).to_contain_text("Chrome on Linux")
    expect(told).to_contain_text("Same network as this phone")
    handset.approve(f"{(int(number) + 1) % 100:02}")
    handset.result("That is another number")
    expect(window.problem).to_contain_text("another number")
    window.look()
    window.tab.get_by_role("button", name="Send a new request").click()
    expect(window.problem).to_have_count(0)
    handset.heading("Are you signing in?")
    handset.tab.get_by_role("button", name="No", exact=True).click()
    handset.result("Turned down")
    expect(window.problem).to_contain_text("turned down")
    window.tab.get_by_role("button", name="Send a new request").click()
    expect(window.problem).to_have_count(0)
    handset.approve(number_on(window))
    expect(window.tab.locator("h1")).to_have_text(f"Hello, {person.name.title()}")
    handset.result("Confirmed")


def test_the_app_is_woken_while_it_is_closed_and_shows_codes_without_a_connection(
    demo: Demo, window: Window, new_window: NewWindow
) -> None:
    handset = Handset(new_window(), demo.provider)
    person = set_up(window, handset, demo)
    sign_out(window, demo)
    handset.close()
    number = come_to_number(window, demo, person)
    handset.push()
    handset.open()
    shown = handset.tab.evaluate(
        """async () => {
          const registration = await navigator.serviceWorker.ready;
          for (let tries = 0; tries < 100; tries++) {
            const [one] = await registration.getNotifications();
            if (one) return { title: one.title, body: one.body };
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        }"""
    )
    assert shown["title"] == "Are you signing in?"
    assert shown["body"] == f"Expenses · {person.name}\nPress to answer."
    handset.approve(number)
    expect(window.tab.locator("h1")).to_have_text(f"Hello, {person.name.title()}")
    handset.result("Confirmed")
    sign_out(window, demo)
    handset.tab.context.set_offline(True)
    handset.tab.reload()
    handset.heading("Nothing to confirm")
    come_to_number(window, demo, person)
    window.tab.get_by_text("Is your phone offline?").click()
    window.tab.get_by_label("Code").fill(handset.tab.locator(".totp").inner_text())
    window.tab.get_by_role("button", name="Verify").click()
    expect(window.tab.locator("h1")).to_have_text(f"Hello, {person.name.title()}")
    handset.window.complaints.clear()  # each look without a connection


@pytest.mark.skipif(not os.environ.get("COUNTERSIGN_LONG"), reason="`make check` does it")
def test_without_scripts_a_button_goes_on_and_a_report_blocks(
    demo: Demo, window: Window, new_window: NewWindow
) -> None:
    handset = Handset(new_window(), demo.provider)
    person = set_up(window, handset, demo)
    plain = new_window(java_script_enabled=False)
    plain.open(demo.wiki + "/login")
    plain.password(person)
    handset.approve(number_on(plain))
    handset.result("Confirmed")
    plain.tab.get_by_role("button", name="I have typed it").click()
    expect(plain.tab.locator("h1")).to_have_text(f"Hello, {person.name.title()}")
    thief = new_window()
    come_to_number(thief, demo, person)
    handset.heading("Are you signing in?")
    handset.tab.get_by_role("button", name="I did not start this").click()
    handset.heading("Was it somebody else?")
    handset.tab.get_by_role("button", name="Yes, block my account").click()
    handset.result("Reported")
    thief.heading("You can’t sign in here")
    expect(thief.tab.locator("main")).to_contain_text("Your account is blocked")
