"""What the pages do in a real browser: with scripts, without, under their own policy."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from flask import Flask, Response, redirect, request
from playwright.sync_api import Browser, Page, expect

from idp.core.model import Reply
from idp.web.reply import respond
from idp.web.settings import WebSettings
from idp.web.setup import make_flask
from idp.web.templating import page
from tests.pages.samples import serving

pytestmark = pytest.mark.browser

_TRICKY = "\"><script>document.title='taken'</script>&amp;'"


def _partner() -> Flask:
    """A partner whose endpoints send the browser on to another of its hosts."""
    app = Flask("partner")

    def land() -> Response:
        host = "localhost" if "127.0.0.1" in request.host_url else "127.0.0.1"
        port = request.host.partition(":")[2]
        app.config["form"] = request.form.to_dict()
        app.config["origin"] = request.headers.get("Origin")
        return redirect(f"http://{host}:{port}/in", 303)  # type: ignore[return-value]

    app.add_url_rule("/acs", "acs", land, methods=["GET", "POST"])
    app.add_url_rule("/in", "in", lambda: "You are in", methods=["GET", "POST"])
    app.add_url_rule("/favicon.ico", "icon", lambda: "")
    return app


@pytest.fixture(scope="module")
def partner() -> Iterator[tuple[str, Flask]]:
    app = _partner()
    with serving(app) as address:
        yield address.replace("localhost", "127.0.0.1"), app


@pytest.fixture(scope="module")
def provider(partner: tuple[str, Flask]) -> Iterator[str]:
    acs = partner[0] + "/acs"
    app = make_flask(WebSettings.of(base_url="http://localhost"))
    posts = Reply(address=acs, fields={"SAMLResponse": "PHg+", "RelayState": _TRICKY, "submit": "x"})
    replies = {"post": posts, "follow": Reply(address=acs + "?code=1&state=a%2fb")}
    sent: list[float] = []

    def ask(kind: str) -> Response:
        action = f"/answer/{kind}"
        return page("factors/password/ask.html", partner_name="Expenses", action=action, reply_to=acs)

    def answer(kind: str) -> Response:
        return respond(replies[kind], partner_name="Expenses")

    def slow() -> Response:
        sent.append(time.monotonic())
        time.sleep(0.4)
        return Response(f"{len(sent)} received")

    app.add_url_rule("/ask/<kind>", "ask", ask)
    app.add_url_rule("/answer/<kind>", "answer", answer, methods=["GET", "POST"])
    app.add_url_rule("/answer/slow", "slow", slow, methods=["POST"])
    app.add_url_rule("/favicon.ico", "icon", lambda: "")
    with serving(app) as address:
        yield address


def _sign_in(tab: Page) -> None:
    tab.get_by_label("User name").fill("ada")
    tab.get_by_label("Password", exact=True).fill("secret")
    tab.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("kind", ["post", "follow"])
def test_a_form_ends_at_the_partner_through_all_of_its_redirects(
    tab: Page, provider: str, partner: tuple[str, Flask], kind: str
) -> None:
    tab.goto(f"{provider}/ask/{kind}")
    _sign_in(tab)
    expect(tab.locator("body")).to_have_text("You are in")


def test_the_posted_form_arrives_unchanged(tab: Page, provider: str, partner: tuple[str, Flask]) -> None:
    tab.goto(f"{provider}/answer/post")
    expect(tab.locator("body")).to_have_text("You are in")
    form = partner[1].config["form"]
    assert form == {"SAMLResponse": "PHg+", "RelayState": _TRICKY, "submit": "x"}
    assert partner[1].config["origin"] == provider


@pytest.mark.parametrize("kind", ["post", "follow"])
def test_without_scripts_it_goes_by_hand(
    browser: Browser, provider: str, partner: tuple[str, Flask], kind: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{provider}/ask/{kind}")
    _sign_in(tab)
    if kind == "post":
        tab.get_by_role("button", name="Continue").click()
    expect(tab.locator("body")).to_have_text("You are in")
    context.close()


def test_a_form_is_sent_once(tab: Page, provider: str) -> None:
    tab.goto(f"{provider}/ask/slow")
    tab.get_by_label("User name").fill("ada")
    tab.get_by_label("Password", exact=True).fill("secret")
    tab.get_by_role("button", name="Sign in").dblclick()
    expect(tab.locator("body")).to_have_text("1 received")


def test_the_password_can_be_looked_at_and_is_hidden_when_sent(tab: Page, base: str) -> None:
    tab.goto(f"{base}/password")
    expect(tab.get_by_label("User name")).to_be_focused()
    password = tab.get_by_label("Password", exact=True)
    show = tab.get_by_role("button", name="Show what I typed")
    before = password.bounding_box()
    show.click()
    expect(password).to_have_attribute("type", "text")
    expect(show).to_have_attribute("aria-pressed", "true")
    assert password.bounding_box() == before
    show.click()
    expect(password).to_have_attribute("type", "password")


def test_an_error_is_tied_to_its_fields(tab: Page, base: str) -> None:
    tab.goto(f"{base}/password-wrong")
    password = tab.get_by_label("Password", exact=True)
    expect(tab.get_by_role("alert")).to_contain_text("not right")
    expect(password).to_have_attribute("aria-invalid", "true")
    expect(password).to_have_accessible_description(
        "That user name or password is not right. "
        "Check both and try again. After several wrong tries, sign-in pauses for 15 minutes."
    )
    expect(password).to_be_focused()


def test_the_key_can_be_copied(browser: Browser, base: str) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    tab = context.new_page()
    tab.goto(f"{base}/setup-totp")
    tab.get_by_text("Can’t scan it?").click()
    tab.get_by_role("button", name="Copy").click()
    expect(tab.get_by_role("button", name="Copied")).to_be_visible()
    assert tab.evaluate("navigator.clipboard.readText()") == "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP"
    context.close()


def test_the_keyboard_reaches_everything_in_order(tab: Page, base: str) -> None:
    tab.goto(f"{base}/password")
    # The browser focuses the field when it first draws the page, which may be after its load.
    expect(tab.get_by_label("User name")).to_be_focused()
    reached = []
    for _ in range(6):
        reached.append(
            tab.evaluate(
                "(document.activeElement.ariaLabel || document.activeElement.id"
                " || document.activeElement.name || document.activeElement.textContent).trim()"
            )
        )
        tab.keyboard.press("Tab")
    assert reached == ["username", "password", "Show what I typed", "stay", "Sign in", "Cancel"]
