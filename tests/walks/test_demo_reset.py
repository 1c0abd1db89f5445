"""Who forgot the password chooses a new one in Chromium, with the keyboard and without scripts alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.walks.conftest import Demo
from tests.walks.window import Window

pytestmark = pytest.mark.browser

NEW = "four words in a row"


def test_a_new_password_behind_an_app_and_a_recovery_code(demo: Demo, window: Window) -> None:
    person, tab = demo.someone(), window.tab
    codes = demo.installation.json("method", "add", person.name, "recovery")["codes"]
    demo.installation.age(person)
    window.open(demo.expenses + "/login")
    window.heading("Sign in")
    tab.get_by_role("link", name="Forgot your password?").click()
    window.heading("Forgot your password?")
    tab.get_by_label("User name").fill(person.name)
    tab.get_by_label("Code from your authenticator app").fill(person.wrong_code())
    tab.get_by_role("button", name="Continue").click()
    expect(window.problem).to_contain_text("That user name or code is not right.")
    window.look()
    expect(tab.get_by_label("User name")).to_have_value(person.name)
    # From here on without a mouse.
    tab.get_by_label("Code from your authenticator app").fill(person.code())
    tab.keyboard.press("Enter")
    window.heading("Enter a recovery code")
    expect(tab.locator("h1")).to_contain_text("to choose a new password")
    tab.keyboard.type(codes[0])
    tab.keyboard.press("Enter")
    window.heading("Choose a new password")
    expect(tab.get_by_label("New password")).to_be_focused()
    tab.keyboard.type("short")
    tab.keyboard.press("Enter")
    expect(window.problem).to_contain_text("at least 8 characters")
    window.look()
    tab.keyboard.type(NEW)
    tab.keyboard.press("Enter")
    window.heading("Your password is changed")
    # The sign-in that this began from goes on, with both factors.
    tab.get_by_role("link", name="Sign in").click()
    window.password(person)
    expect(window.problem).to_contain_text("That user name or password is not right.")
    person.password = NEW
    window.sign_in(person)
    expect(tab.locator("h1")).to_contain_text("Hello")
    assert tab.url == demo.expenses + "/"


def test_without_scripts(demo: Demo, new_window: Callable[..., Window]) -> None:
    window, person = new_window(java_script_enabled=False), demo.someone()
    codes = demo.installation.json("method", "add", person.name, "recovery")["codes"]
    demo.installation.age(person)
    tab = window.tab
    window.open(demo.wiki + "/login")
    tab.get_by_role("link", name="Forgot your password?").click()
    tab.get_by_text("Use another way", exact=True).click()
    tab.get_by_role("button", name="Recovery codes").click()
    tab.get_by_label("User name").fill(person.name)
    tab.get_by_label("Recovery code").fill(codes[0])
    tab.get_by_role("button", name="Continue").click()
    window.code(person.code())
    tab.get_by_label("New password").fill(NEW)
    tab.get_by_role("button", name="Save the new password").click()
    window.heading("Your password is changed")
