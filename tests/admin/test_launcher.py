"""The plain address: whoever comes there signs in by the hallway, under the policy, and sees the list."""

from __future__ import annotations

from idp.core.model import Actor
from idp.policy.rules import Rules
from tests.admin.conftest import BASE, TEST, Console
from tests.admin.test_reception import denying

OWNER = Actor(kind="cli", id="test")


def test_a_person_signs_in_at_the_plain_address(console: Console) -> None:
    browser = console.browser().open("/")
    assert 'href="/applications"' in browser.text
    browser.sign_in("bob", "/applications")
    assert (browser.path, browser.status) == ("/", 200)
    assert "bob" in browser.text
    assert 'action="/signout"' in browser.text
    assert browser.open("/applications").path == "/"


def test_a_password_alone_gives_nothing(console: Console) -> None:
    browser = console.browser().sign_in("bob", "/applications", code=False)
    assert browser.path.startswith("/signin/")
    assert 'action="/signout"' not in browser.open("/").text


def test_it_opens_no_console(console: Console) -> None:
    """What was proved counts there too; what may be done there is another question."""
    browser = console.browser().sign_in("bob", "/applications").open("/admin/applications")
    assert "For administrators only" in browser.text


def test_a_rule_that_denies_holds(console: Console) -> None:
    with console.store.write() as unit:
        rules = denying("closed", people=["bob"])
        Rules(console.store).replace_all(unit, rules, actor=TEST, at=console.clock.now())
    browser = console.browser().sign_in("bob", "/applications", code=False)
    assert 'action="/signout"' not in browser.open("/").text


def test_somebody_disabled_is_nobody(console: Console) -> None:
    browser = console.browser().sign_in("bob", "/applications")
    console.desk.people.disable("bob", actor=OWNER)
    browser.open("/")
    assert 'action="/signout"' not in browser.text
    assert browser.open("/applications").path.startswith("/signin/")


def test_looking_begins_nothing(console: Console) -> None:
    answer = console.browser().client.head("/applications", base_url=BASE)
    assert (answer.status_code, "Location" in answer.headers) == (200, False)
