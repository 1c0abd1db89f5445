"""The same walks without scripts, without a mouse, from right to left; and when time runs out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect
from werkzeug.serving import make_server

from idp.factors.codes import hotp
from idp.store import revisioned
from tests.demo.running import free_ports
from tests.oidc import house
from tests.walks.conftest import Demo
from tests.walks.window import Window

pytestmark = pytest.mark.browser

NewWindow = Callable[..., Window]


def test_without_scripts(demo: Demo, new_window: NewWindow) -> None:
    window, person = new_window(java_script_enabled=False), demo.someone()
    window.open(demo.expenses + "/login")
    window.sign_in(person)
    # The answer waits for the person to send it on.
    window.tab.get_by_role("button", name="Continue").click()
    expect(window.tab.locator("h1")).to_contain_text("Hello")
    window.open(demo.wiki + "/login")
    expect(window.tab.locator("h1")).to_contain_text("Hello")
    window.open(demo.provider + "/signout")
    window.tab.get_by_role("button", name="Sign out").click()
    window.heading("You are signed out")


def test_without_scripts_an_app_is_set_up(demo: Demo, new_window: NewWindow) -> None:
    window, person = new_window(java_script_enabled=False), demo.someone(app=False)
    window.open(demo.wiki + "/login")
    window.password(person)
    window.app()
    window.tab.get_by_text("Can’t scan it?").click()
    person.seed = window.shown_seed
    window.tab.get_by_label("Code").fill(person.code())
    window.tab.get_by_role("button", name="Verify").click()
    window.save_codes()
    expect(window.tab.locator("h1")).to_contain_text("Hello")


def test_recovery_codes_are_kept_as_a_file_and_get_in_once(
    demo: Demo, window: Window, new_window: NewWindow
) -> None:
    person, tab = demo.someone(app=False), window.tab
    window.open(demo.wiki + "/login")
    window.password(person)
    window.app()
    tab.get_by_text("Can’t scan it?").click()
    person.seed = window.shown_seed
    tab.get_by_label("Code").fill(person.code())
    tab.get_by_role("button", name="Verify").click()
    window.not_now()
    window.heading("Save your recovery codes")
    with tab.expect_download() as download:
        tab.get_by_role("link", name="Save as a file").click()
    kept = Path(download.value.path()).read_text(encoding="utf-8")
    tab.reload()
    codes = window.keep_codes()
    assert [line for line in kept.splitlines() if line in codes] == codes
    assert len(codes) == 10
    expect(tab.locator("h1")).to_contain_text("Hello")
    for works in (True, False):
        window = new_window()
        tab = window.tab
        window.open(demo.wiki + "/login")
        window.password(person)
        tab.get_by_text("Use another way").click()
        tab.get_by_role("button", name="Recovery codes").click()
        window.heading("Enter a recovery code")
        tab.get_by_label("Recovery code").fill(codes[0].lower())
        tab.get_by_role("button", name="Verify").click()
        if not works:
            expect(window.problem).to_contain_text("was used already")
            return
        window.heading("You used a recovery code")
        expect(tab.locator("main")).to_contain_text("Codes left: 9")
        tab.get_by_role("button", name="Continue").click()
        expect(tab.locator("h1")).to_contain_text("Hello")


def test_with_nothing_but_the_keyboard(demo: Demo, window: Window) -> None:
    person, keys = demo.someone(), window.tab.keyboard
    window.open(demo.expenses + "/login")
    # Both pages begin where one types.
    expect(window.tab.get_by_label("User name")).to_be_focused()
    keys.type(person.name)
    keys.press("Tab")
    keys.type(person.password)
    keys.press("Enter")
    expect(window.tab.get_by_label("Code")).to_be_focused()
    keys.type(person.wrong_code())
    keys.press("Enter")
    expect(window.problem).to_be_visible()
    expect(window.tab.get_by_label("Code")).to_be_focused()
    keys.type(person.code())
    keys.press("Tab")
    expect(window.tab.get_by_role("button", name="Verify")).to_be_focused()
    keys.press("Enter")
    expect(window.tab.locator("h1")).to_contain_text("Hello")


def test_from_right_to_left(demo: Demo, new_window: NewWindow) -> None:
    window, person = new_window(locale="ar", color_scheme="dark"), demo.someone(app=False)
    tab = window.tab
    window.open(demo.expenses + "/login")
    expect(tab.locator("html")).to_have_attribute("dir", "rtl")
    window.look()
    tab.locator("#username").fill(person.name)
    tab.locator("#password").fill("guess")
    tab.locator("button.main").click()
    expect(window.problem).to_be_visible()
    window.look()
    tab.locator("#password").fill(person.password)
    tab.locator("button.main").click()
    expect(tab.locator("[data-passkey]")).to_be_visible()
    window.look()
    tab.locator("details.more summary").click()
    tab.locator(".offers form:has([value=totp]) button").click()
    expect(tab.locator(".qr svg")).to_be_visible()
    window.look()
    tab.locator("summary").first.click()
    person.seed = window.shown_seed
    tab.locator("#code").fill(person.code())
    tab.locator("form:has(#code) button.main").click()
    expect(tab.locator(".offers")).to_be_visible()
    window.look()
    tab.locator(".cancel button").click()
    expect(tab.locator(".codes code")).to_have_count(10)
    window.look()
    tab.locator("button.main").click()
    expect(tab.locator("h1")).to_contain_text("Hello")
    window.open(demo.provider + "/signout")
    window.look()
    tab.locator("button.main").click()
    expect(tab.locator(".facts li")).to_have_count(1)
    window.look()


def test_the_language_can_be_chosen_on_the_page(demo: Demo, new_window: NewWindow) -> None:
    window = new_window(viewport={"width": 1280, "height": 800})
    window.open(demo.wiki + "/login")
    window.heading("Sign in")
    window.tab.locator("nav.languages a[hreflang=ar]").click()
    expect(window.tab.locator("html")).to_have_attribute("dir", "rtl")
    window.open(demo.provider)
    expect(window.tab.locator("html")).to_have_attribute("dir", "rtl")
    window.look()
    window.tab.locator("nav.languages a[hreflang=en]").click()
    window.heading("Your sign-in service")


def test_an_account_can_be_chosen(demo: Demo, window: Window) -> None:
    person, another, tab = demo.someone(), demo.someone(), window.tab
    window.open(demo.wiki + "/login")
    window.sign_in(person)
    expect(tab.locator("h1")).to_contain_text("Hello")
    asked = {"client_id": "wiki", "redirect_uri": demo.wiki + "/callback", "response_type": "code"}
    asked |= {"scope": "openid", "code_challenge": "v" * 43, "code_challenge_method": "S256"}
    window.open(f"{demo.provider}/oidc/authorize?{urlencode(asked | {'prompt': 'select_account'})}")
    window.heading("Choose an account")
    tab.get_by_role("button", name="Use another account").click()
    window.sign_in(another)
    # This sign-in was not of the application's asking; what matters is who is signed in now.
    expect(tab.locator("h1")).to_have_text("That did not work")
    window.open(demo.expenses + "/login")
    expect(tab.locator("h1")).to_have_text(f"Hello, {another.name.title()}")


def test_a_person_who_was_switched_off_reads_why(demo: Demo, window: Window) -> None:
    person = demo.someone()
    window.open(demo.expenses + "/login")
    window.password(person)
    window.heading("Enter your code")
    demo.installation.idp("person", "disable", person.name)
    window.tab.reload()
    window.heading("You can’t sign in here")
    expect(window.tab.locator("main")).to_contain_text("Your account is switched off.")
    window.tab.get_by_role("button", name="Go back to Expenses").click()
    expect(window.tab.locator("main")).to_contain_text("did not let you in")


def test_pages_that_are_not_there(demo: Demo, window: Window) -> None:
    window.open(demo.provider + "/nothing/here")
    window.heading("Page not found")
    window.open(demo.provider + "/signin/0123456789")
    window.heading("This page was already used")
    window.open(demo.provider + "/saml/sso?SAMLRequest=nonsense")
    window.heading("We can’t continue")
    window.open(demo.provider + "/oidc/authorize?client_id=nobody")
    window.heading("We can’t continue")


# A clock to set ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class Timed:
    """The whole application in this process, with a clock that the test sets."""

    house: house.House
    base: str

    def code(self) -> str:
        """Return the code that the person's app shows now."""
        return hotp(house.SEED, int(self.house.clock.now().timestamp()) // 30, digits=6, algorithm="sha1")


@pytest.fixture
def timed(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Timed]:
    """Serve the application on loopback; nobody waits fifteen minutes for a page to expire."""
    monkeypatch.setattr(revisioned, "CHECK_EVERY", 0.0)
    (port,) = free_ports(1)
    built = house.build(
        house.prepare(tmp_path_factory.mktemp("timed")), tmp_path / "data", base=f"http://localhost:{port}"
    )
    # The browser has a clock of its own, for cookies.
    built.clock.advance(seconds=(datetime.now(UTC) - built.clock.now()).total_seconds())
    server = make_server("127.0.0.1", port, built.app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield Timed(built, f"http://localhost:{port}")
    server.shutdown()
    thread.join()
    server.server_close()
    built.store.dispose()


def test_a_sign_in_that_took_too_long_can_be_started_again(timed: Timed, window: Window) -> None:
    tab, ada = window.tab, timed.house.add_person()
    timed.house.enrol(ada)
    left: list[str] = []
    # The client lives nowhere; the browser says where it was sent.
    tab.on("request", lambda request: left.append(request.url))
    tab.route(house.CALLBACK + "**", lambda route: route.fulfill(body="in"))

    def answer(label: str, text: str, button: str) -> None:
        tab.get_by_label(label).fill(text)
        tab.get_by_role("button", name=button, exact=True).click()

    window.open(f"{timed.base}/oidc/authorize?{urlencode(house.asking(nonce='n'))}")
    tab.get_by_label("User name").fill("ada")
    answer("Password", house.PASSWORD, "Sign in")
    window.heading("Enter your code")
    timed.house.clock.advance(minutes=16)
    answer("Code", timed.code(), "Verify")
    window.heading("This page has expired")
    assert not any(map(_is_answer, left))
    # Nothing of what was proved counts any more.
    tab.get_by_role("button", name="Start again").click()
    window.heading("Sign in")
    tab.get_by_label("User name").fill("ada")
    answer("Password", house.PASSWORD, "Sign in")
    window.heading("Enter your code")
    answer("Code", timed.code(), "Verify")
    expect(tab.locator("body")).to_have_text("in")
    assert any(map(_is_answer, left))


def _is_answer(address: str) -> bool:
    return address.startswith(house.CALLBACK) and "code=" in address


def test_a_page_that_was_left_open_overnight_says_so(timed: Timed, window: Window) -> None:
    window.open(f"{timed.base}/oidc/authorize?{urlencode(house.asking())}")
    window.heading("Sign in")
    timed.house.clock.advance(minutes=16)
    window.tab.reload()
    window.heading("This page has expired")
    timed.house.clock.advance(hours=12)
    window.tab.reload()
    window.heading("This page was already used")
