"""Browsers that stand in, and what is asked on the way, over HTTP, with rules and commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.walks.browser import Browser
from tests.walks.server import Server, Someone

Visitor = Callable[..., Browser]
Ruled = Callable[..., Someone]


@pytest.fixture
def ruled(server: Server, tmp_path: Path) -> Iterator[Ruled]:
    """Make a person for whom rules of their own hold."""
    path = tmp_path / "rules.json"

    def make(**controls: Any) -> Someone:
        person = server.someone()
        rule = {"id": "own", "conditions": {"people": [person.name]}, "controls": controls}
        path.write_text(json.dumps([rule]))
        server.idp("policy", "set", str(path))
        server.settle()
        return person

    yield make
    path.write_text("[]")
    server.idp("policy", "set", str(path))


def test_a_ticked_browser_is_not_asked_until_somebody_says_so(
    server: Server, visitor: Visitor, wiki: str, ruled: Ruled
) -> None:
    person = ruled(remember_days=14)
    browser = visitor().authorize(wiki).password(person)
    assert 'name="remember"' in browser.text
    assert browser.submit(code=person.code(), remember="1").issued
    assert browser.claims(wiki)["amr"] == ["pwd", "otp", "mfa"]
    browser.web.cookies = kept(browser)
    assert browser.authorize(wiki).password(person).issued
    assert browser.claims(wiki)["amr"] == ["pwd", "mfa"]
    browser.web.cookies = kept(browser)
    assert not browser.authorize(wiki, prompt="login").password(person).issued, "fresh is fresh"
    assert server.idp("person", "ask-again", person.name) == f"{person.name} is asked again in 1 browser.\n"
    browser.web.cookies = kept(browser)
    assert not browser.authorize(wiki).password(person).issued
    assert browser.heading == "Enter your code"


def kept(browser: Browser) -> Any:
    """Return the cookies that outlive the browser's window."""
    lasting = browser.web.cookies.copy()
    for cookie in list(lasting):
        if cookie.discard:
            lasting.clear(cookie.domain, cookie.path, cookie.name)
    return lasting


def test_without_a_rule_there_is_no_tick_and_a_forged_one_does_nothing(
    visitor: Visitor, wiki: str, server: Server
) -> None:
    person = server.someone()
    browser = visitor().authorize(wiki).password(person)
    assert 'name="remember"' not in browser.text
    assert browser.submit(code=person.code(), remember="1").issued
    browser.web.cookies = kept(browser)
    assert not browser.authorize(wiki).password(person).issued


def test_a_campaign_is_put_off_and_methods_are_confirmed(visitor: Visitor, wiki: str, ruled: Ruled) -> None:
    person = ruled(campaign={"methods": ["passkey"], "snoozes": 1, "days": 1}, reconfirm_days=30)
    browser = visitor().authorize(wiki).password(person).code(person)
    assert browser.heading == "A safer way to sign in"
    assert "put it off: <b>1</b>" in browser.text
    place = browser.address
    browser.post(place + "/later", {})
    assert browser.heading == "Is this still right?"
    assert "Authenticator app" in browser.text
    assert browser.post(place + "/confirm", {"what": "methods", "answer": "yes"}).issued
    assert browser.post(place + "/later", {}).status == 410
