"""Signing in and setting up a phone by text message, in a real browser, with the demo's phone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.walks.conftest import Demo
from tests.walks.window import Window

pytestmark = pytest.mark.browser

NewWindow = Callable[..., Window]


def texts(demo: Demo, window: Window, number: str) -> tuple[Window, Locator]:
    """Open the phone in another tab; return it, and its texts to a number, newest first."""
    phone = window.another()
    phone.open(demo.phone)
    found = phone.tab.locator(".messages li").filter(has_text=number).locator(".text")
    # They come by themselves.
    expect(found.first).to_be_visible()
    return phone, found


def code_in(text: str) -> str:
    found = re.search(r"^@localhost #(\d{6})$", text, re.MULTILINE)
    assert found
    return found[1]


def set_up(window: Window, demo: Demo, number: str, *, country: str = "US") -> None:
    """Walk from the application to the page that says where a code went."""
    person = demo.someone(app=False)
    window.open(demo.expenses + "/login")
    window.password(person)
    window.heading("Set up a passkey")
    window.another_way("Text message", "Set up your phone")
    window.tab.get_by_label("Country").select_option(country)
    window.tab.get_by_label("Mobile phone number").fill(number)
    window.tab.get_by_role("button", name="Text me a code").click()


def test_joan_types_the_code_that_her_phone_got(demo: Demo, window: Window) -> None:
    window.open(demo.wiki + "/login")
    window.password(demo.joan)
    window.heading("Enter your code")
    expect(window.tab.locator("main")).to_contain_text("+44 •••• ••••56")
    phone, found = texts(demo, window, "+447400123456")
    phone.look()
    text = found.first.inner_text()
    assert "Share it with nobody" in text
    code = code_in(text)
    window.code(str((int(code) + 1) % 10**6).zfill(6))
    expect(window.problem).to_contain_text("That code is not right.")
    window.tab.get_by_role("button", name="Send another text").click()
    # Pressed within half a minute: said, and the page is the same.
    expect(window.problem).to_contain_text("still on its way")
    window.look()
    window.code(code)
    expect(window.tab.locator("h1")).to_have_text("Hello, Joan Clarke")
    assert window.fact("amr") == "pwd, sms, mfa"
    told = demo.installation.json("audit", "--person", "joan")
    assert {"code-sent", "token-issued"} <= {event["event"] for event in told}
    assert code not in str(told)
    assert "7400123456" not in str(told)


def test_a_newcomer_sets_up_a_phone_instead_of_an_app(demo: Demo, window: Window) -> None:
    set_up(window, demo, "555 12")
    expect(window.problem).to_contain_text("not a phone number")
    # What was typed is still there to be corrected.
    expect(window.tab.get_by_label("Mobile phone number")).to_have_value("555 12")
    expect(window.tab.get_by_label("Country")).to_have_value("US")
    window.look()
    window.tab.get_by_label("Mobile phone number").fill("+1 900 555 0123")
    window.tab.get_by_role("button", name="Text me a code").click()
    expect(window.problem).to_contain_text("can’t get text messages")
    window.tab.get_by_label("Mobile phone number").fill("(425) 555-0161")
    window.tab.get_by_role("button", name="Text me a code").click()
    expect(window.tab.locator("main")).to_contain_text("+1 •••-•••-••61")
    window.look()
    window.tab.get_by_role("button", name="Use another number").click()
    window.tab.get_by_label("Mobile phone number").fill("+1 425 555 0162")
    window.tab.get_by_role("button", name="Text me a code").click()
    expect(window.tab.locator("main")).to_contain_text("+1 •••-•••-••62")
    first = code_in(texts(demo, window, "+14255550161")[1].first.inner_text())
    second = code_in(texts(demo, window, "+14255550162")[1].first.inner_text())
    window.tab.get_by_label("Code").fill(first if first != second else "000000")
    window.tab.get_by_role("button", name="Verify").click()
    expect(window.problem).to_contain_text("That code is not right.")
    window.tab.get_by_label("Code").fill(second)
    window.tab.get_by_role("button", name="Verify").click()
    window.save_codes()
    expect(window.tab.locator("h1")).to_contain_text("Hello")


def test_the_phone_needs_no_scripts(demo: Demo, new_window: NewWindow) -> None:
    window = new_window(java_script_enabled=False)
    set_up(window, demo, "0151 23456701", country="DE")
    window.heading("Set up your phone")
    reading = new_window()
    code = code_in(texts(demo, reading, "+4915123456701")[1].first.inner_text())
    window.tab.get_by_label("Code").fill(code)
    window.tab.get_by_role("button", name="Verify").click()
    window.save_codes()
    # The answer waits for the person to send it on.
    window.tab.get_by_role("button", name="Continue").click()
    expect(window.tab.locator("h1")).to_contain_text("Hello")


def test_the_text_is_in_the_persons_language(demo: Demo, new_window: NewWindow) -> None:
    person, window = demo.someone(app=False), new_window(locale="ar")
    demo.installation.idp("method", "add", person.name, "sms", "+1 425 555 0163")
    window.open(demo.expenses + "/login")
    window.tab.locator("#username").fill(person.name)
    window.tab.locator("#password").fill(person.password)
    window.tab.locator("button.main").click()
    expect(window.tab.locator("#code")).to_be_visible()
    window.look()
    text = texts(demo, window, "+14255550163")[1].first.inner_text()
    assert "لتسجيل دخولك" in text
    window.tab.locator("#code").fill(code_in(text))
    window.tab.locator("button.main").click()
    expect(window.tab.locator("h1")).to_contain_text("Hello")
