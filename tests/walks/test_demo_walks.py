"""The walks of a person through both demo applications, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.walks.conftest import Demo
from tests.walks.server import Someone
from tests.walks.window import Window

pytestmark = pytest.mark.browser

NewWindow = Callable[..., Window]
_WRONG_PASSWORD = "That user name or password is not right."
_WRONG_CODE = "That code is not right."
REFEDS_MFA = "https://refeds.org/profile/mfa"


def test_ada_sets_up_an_app_and_the_second_application_asks_nothing(demo: Demo, window: Window) -> None:
    ada, tab = demo.ada, window.tab
    window.open(demo.expenses)
    window.look()
    tab.get_by_role("link", name="Sign in", exact=True).click()
    window.password(ada)
    window.app()
    expect(tab.locator(".qr svg")).to_be_visible()
    tab.get_by_text("Can’t scan it?").click()
    ada.seed = window.shown_seed
    # A wrong code sets nothing up, and the key stays the same.
    tab.get_by_label("Code").fill(ada.wrong_code())
    tab.get_by_role("button", name="Verify").click()
    expect(window.problem).to_contain_text(_WRONG_CODE)
    window.look()
    tab.get_by_label("Code").fill(ada.code())
    tab.get_by_role("button", name="Verify").click()
    window.save_codes()
    expect(tab.locator("h1")).to_have_text("Hello, Ada Lovelace")
    assert tab.url == demo.expenses + "/"
    window.look()
    assert window.fact("AuthnContext") == REFEDS_MFA
    assert window.fact("Session index")
    assert window.fact("mail") == "ada@example.org"
    assert window.fact("uid") == "ada"
    # The other application, the other protocol, and no page of the provider's in between.
    window.open(demo.wiki)
    tab.get_by_role("link", name="Sign in", exact=True).click()
    expect(tab.locator("h1")).to_have_text("Hello, Ada Lovelace")
    assert tab.url == demo.wiki + "/"
    assert window.fact("acr") == REFEDS_MFA
    assert window.fact("amr") == "pwd, otp, mfa"
    assert window.fact("auth_time")
    assert window.fact("sid")


def test_bob_types_the_code_of_his_app(demo: Demo, window: Window) -> None:
    window.open(demo.wiki + "/login")
    window.sign_in(demo.bob)
    expect(window.tab.locator("h1")).to_have_text("Hello, Bob Noyce")
    window.look()
    window.open(demo.expenses + "/login?ask=silent")
    expect(window.tab.locator("h1")).to_have_text("Hello, Bob Noyce")


def test_a_wrong_password_and_a_wrong_code_can_be_corrected(demo: Demo, window: Window) -> None:
    person = demo.someone()
    window.open(demo.expenses + "/login")
    window.password(person, typed="not this one")
    expect(window.problem).to_contain_text(_WRONG_PASSWORD)
    window.look()
    # The name stays, the password does not.
    expect(window.tab.get_by_label("User name")).to_have_value(person.name)
    expect(window.tab.get_by_label("Password")).to_have_value("")
    # Who reloads the page sends the same answer again, and is where they were.
    window.tab.reload()
    expect(window.problem).to_contain_text(_WRONG_PASSWORD)
    window.password(person)
    window.code(person.wrong_code())
    expect(window.problem).to_contain_text(_WRONG_CODE)
    window.look()
    window.tab.get_by_label("Code").fill(person.code())
    window.tab.get_by_role("button", name="Verify").click()
    expect(window.tab.locator("h1")).to_contain_text("Hello")


def test_a_locked_person_reads_what_an_unknown_one_reads(demo: Demo, window: Window) -> None:
    person = demo.someone()
    window.open(demo.expenses + "/login")
    for _ in range(11):
        window.password(person, typed="guess")
    # The right one, now.
    window.password(person)
    expect(window.problem).to_contain_text(_WRONG_PASSWORD)
    locked = window.tab.locator("main").inner_html()
    window.password(Someone("nobody-there", "guess"))
    expect(window.tab.get_by_label("User name")).to_have_value("nobody-there")
    assert window.tab.locator("main").inner_html().replace("nobody-there", person.name) == locked
    demo.installation.idp("person", "unlock", person.name)
    window.sign_in(person)
    expect(window.tab.locator("h1")).to_contain_text("Hello")


def test_too_many_wrong_codes_end_the_sign_in(demo: Demo, window: Window) -> None:
    person = demo.someone()
    window.open(demo.expenses + "/login")
    window.password(person)
    for _ in range(11):
        window.code(person.wrong_code())
    window.heading("You can’t sign in here")
    expect(window.tab.locator("main")).to_contain_text("There were too many wrong tries.")
    expect(window.tab.locator(".reference")).to_contain_text("Reference")
    window.tab.get_by_role("button", name="Go back to Expenses").click()
    expect(window.tab.locator("h1")).to_have_text("That did not work")
    assert window.tab.url.startswith(demo.expenses)


@pytest.mark.parametrize("stay", [True, False])
def test_keep_me_signed_in_outlives_the_browser(demo: Demo, new_window: NewWindow, stay: bool) -> None:
    person, window = demo.someone(), new_window()
    window.open(demo.wiki + "/login")
    window.password(person, stay=stay)
    window.code(person.code())
    expect(window.tab.locator("h1")).to_contain_text("Hello")
    kept = [cookie for cookie in window.tab.context.cookies() if cookie["expires"] != -1]
    # The browser was closed and comes back with what is not of one session.
    later = new_window()
    later.tab.context.add_cookies(kept)  # type: ignore[arg-type]
    later.open(demo.wiki + "/login")
    expect(later.tab.locator("h1")).to_contain_text("Hello" if stay else "Sign in")


def test_two_tabs_are_two_sign_ins(demo: Demo, window: Window) -> None:
    person = demo.someone()
    window.open(demo.expenses + "/login")
    other = window.another()
    other.open(demo.wiki + "/login")
    window.password(person)
    other.heading("Sign in")
    window.code(person.code())
    expect(window.tab.locator("h1")).to_contain_text("Hello")
    # What was asked in the other tab stays asked there, and can be answered.
    other.tab.reload()
    other.sign_in(person)
    expect(other.tab.locator("h1")).to_contain_text("Hello")
    assert other.tab.url == demo.wiki + "/"


def test_one_page_in_two_tabs_is_used_once(demo: Demo, window: Window) -> None:
    person = demo.someone()
    window.open(demo.expenses + "/login")
    window.password(person)
    window.heading("Enter your code")
    other = window.another()
    other.open(window.tab.url)
    other.heading("Enter your code")
    window.code(person.code())
    expect(window.tab.locator("h1")).to_contain_text("Hello")
    other.code(person.code())
    other.heading("This page was already used")


def test_back_and_reload_after_the_answer_are_harmless(demo: Demo, window: Window) -> None:
    person, tab = demo.someone(), window.tab
    window.open(demo.expenses + "/login")
    window.password(person)
    window.heading("Enter your code")
    page = tab.url
    window.code(person.code())
    expect(tab.locator("h1")).to_contain_text("Hello")
    # The pages behind it, for the code and for the password, are one address and used.
    for _ in range(2):
        tab.go_back()
        assert tab.url == page
        window.heading("This page was already used")
    tab.reload()
    window.heading("This page was already used")
    window.open(demo.expenses)
    expect(tab.locator("h1")).to_contain_text("Hello")


def test_signing_out_here_signs_out_everywhere_and_says_where_not(demo: Demo, window: Window) -> None:
    person, tab = demo.someone(), window.tab
    window.open(demo.expenses + "/login")
    window.sign_in(person)
    expect(tab.locator("h1")).to_contain_text("Hello")
    window.open(demo.wiki + "/login")
    expect(tab.locator("h1")).to_contain_text("Hello")
    window.open(demo.provider + "/signout")
    window.heading("Sign out?")
    tab.get_by_role("button", name="Sign out").click()
    window.heading("You are signed out")
    results = tab.locator(".facts li")
    expect(results.filter(has_text="Expenses")).to_contain_text("Signed out")
    # It offers no sign-out that others can start.
    expect(results.filter(has_text="Wiki")).to_contain_text("May still be signed in")
    window.open(demo.expenses)
    expect(tab.locator("h1")).to_have_text("Welcome to Expenses")
    window.open(demo.expenses + "/login?ask=silent")
    expect(tab.locator("main")).to_contain_text("NoPassive")
    window.look()


@pytest.mark.parametrize("name", ["expenses", "wiki"])
def test_an_application_signs_out(demo: Demo, window: Window, name: str) -> None:
    person, tab, address = demo.someone(), window.tab, getattr(demo, name)
    window.open(address + "/login")
    window.sign_in(person)
    expect(tab.locator("h1")).to_contain_text("Hello")
    tab.get_by_role("button", name="Sign out").click()
    expect(tab.get_by_role("status")).to_have_text("You are signed out.")
    assert tab.url == address + "/"
    window.open(address + "/login")
    window.heading("Sign in")


def test_an_application_may_ask_again(demo: Demo, window: Window) -> None:
    person, tab = demo.someone(), window.tab
    window.open(demo.expenses + "/login")
    window.sign_in(person)
    expect(tab.locator("h1")).to_contain_text("Hello")
    for address in (demo.expenses, demo.wiki):
        window.open(address + "/login?ask=strong")
        expect(tab.locator("h1")).to_contain_text("Hello")
    window.open(demo.wiki + "/login?ask=again")
    window.sign_in(person)
    expect(tab.locator("h1")).to_contain_text("Hello")


def test_cancel_goes_back_to_the_application(demo: Demo, window: Window) -> None:
    window.open(demo.expenses + "/login")
    window.heading("Sign in")
    window.tab.get_by_role("button", name="Cancel").click()
    expect(window.tab.locator("main")).to_contain_text("did not let you in")
    assert window.tab.url.startswith(demo.expenses)
    window.look()
