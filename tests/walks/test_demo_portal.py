"""The page under /me in Chromium: a passkey is added, used, removed, and tidied away on the device."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.walks.conftest import Demo
from tests.walks.passkeys import Authenticator, without_autofill
from tests.walks.window import Window

pytestmark = pytest.mark.browser


def test_a_passkey_is_added_and_when_it_is_removed_the_device_forgets_it(demo: Demo, window: Window) -> None:
    without_autofill(window)
    key, person, tab = Authenticator(window), demo.someone(), window.tab
    window.open(demo.provider + "/me")
    window.sign_in(person)
    window.heading("How you sign in")
    tab.get_by_role("button", name="Passkey").click()
    window.heading("Set up a passkey")
    expect(tab.locator("main")).not_to_contain_text("A password alone is not enough")
    tab.get_by_label("Name, to tell it from others").fill("Work laptop")
    tab.get_by_role("button", name="Create passkey").click()
    window.heading("How you sign in")
    expect(tab.locator(".methods").first).to_contain_text("Work laptop")
    assert len(key.credentials()) == 1
    window.look()
    item = tab.locator(".methods li", has_text="Work laptop")
    item.locator("summary").click()
    item.get_by_label("Name, to tell it from others").fill("Old laptop")
    item.get_by_role("button", name="Save the name").click()
    expect(tab.get_by_role("status")).to_contain_text("The name is changed.")
    item = tab.locator(".methods li", has_text="Old laptop")
    item.locator("summary").click()
    item.get_by_role("button", name="Remove it").click()
    expect(tab.get_by_role("status")).to_contain_text("It is removed")
    expect(tab.locator(".methods").first).not_to_contain_text("Old laptop")
    # The page tells the browser which there still are.
    tab.wait_for_function("() => document.readyState === 'complete'")
    for _ in range(50):
        if not key.credentials():
            break
        tab.wait_for_timeout(100)
    assert key.credentials() == []


def test_with_nothing_but_the_keyboard_everything_ends(demo: Demo, window: Window) -> None:
    person, tab = demo.someone(), window.tab
    window.open(demo.wiki + "/login")
    window.sign_in(person)
    expect(tab.locator("h1")).to_contain_text("Hello")
    window.open(demo.provider + "/me")
    window.heading("How you sign in")
    expect(tab.locator(".recent")).to_contain_text("Wiki")
    summary = tab.get_by_text("This was not me")
    summary.focus()
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("button", name="Sign me out everywhere")).to_be_focused()
    tab.keyboard.press("Enter")
    window.heading("You are signed out everywhere")
    window.open(demo.wiki + "/login")
    window.heading("Sign in")
