"""Who gets into the console: owners with two factors, lately, and nobody by any other way."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from idp.policy.model import Rule
from idp.policy.rules import Rules, read
from idp.store import schema
from tests.admin.conftest import PASSWORD, TEST, Browser, Console

PLACES = ("/admin", "/admin/applications", "/admin/applications/new", "/admin/applications/x")


def denying(name: str, **conditions: list[str]) -> tuple[Rule, ...]:
    return read([{"id": "test", "name": name, "conditions": conditions, "controls": {"deny": True}}], ())


def test_row_67c_every_page_and_form_asks_who_is_there(console: Console) -> None:
    """The route table is walked, for nobody and for somebody without rights."""
    bob = console.browser().sign_in("bob")
    routes = [rule for rule in console.app.url_map.iter_rules() if rule.endpoint.startswith("admin.")]
    assert len(routes) >= 9
    for rule in routes:
        path = rule.rule.replace("<draft_id>", "x").replace("<partner_id>", "x")
        for method in sorted(rule.methods & {"GET", "POST"}):
            stranger = console.browser()
            (stranger.open if method == "GET" else stranger.post)(path)
            assert stranger.path.startswith("/signin/"), (method, path)
            if path != "/admin/other":
                (bob.open if method == "GET" else bob.post)(path)
                assert bob.status == 403
                assert "For administrators only" in bob.text


@pytest.mark.parametrize("place", PLACES[1:3])
def test_an_owner_signs_in_with_two_factors_and_comes_to_the_page(console: Console, place: str) -> None:
    browser = console.browser().sign_in("ada", place, code=False)
    assert browser.path.startswith("/signin/")
    assert browser.open("/admin/applications").path.startswith("/signin/")
    browser = console.browser().sign_in("ada", place)
    assert (browser.status, browser.path) == (200, place)
    assert '"event":"token-issued"' in console.log.getvalue().replace('": "', '":"')


def test_row_24_a_rule_for_one_factor_does_not_hold_here(console: Console) -> None:
    """What other applications are content with opens nothing here."""
    rules = read([{"id": "one", "name": "one is enough", "controls": {"strength": "one"}}], ())
    with console.store.write() as unit:
        Rules(console.store).replace_all(unit, rules, actor=TEST, at=console.clock.now())
    browser = console.browser().sign_in("ada", code=False)
    assert browser.path.startswith("/signin/")
    assert 'name="code"' in browser.text


def test_a_rule_that_denies_the_console_holds(console: Console) -> None:
    rules = denying("not from here", partners=["console"], networks=["127.0.0.0/8"])
    with console.store.write() as unit:
        Rules(console.store).replace_all(unit, rules, actor=TEST, at=console.clock.now())
    assert "You can’t sign in here" in console.browser().open("/admin/applications").text


def test_case_48_a_rule_about_networks_sees_where_the_owner_is_now(console: Console, owner: Browser) -> None:
    """A session's cookie that left the office opens nothing outside."""
    rules = read(
        [
            {
                "id": "office",
                "conditions": {"partners": ["console"], "networks": ["127.0.0.0/8"], "outside": True},
                "controls": {"deny": True},
            }
        ],
        (),
    )
    with console.store.write() as unit:
        Rules(console.store).replace_all(unit, rules, actor=TEST, at=console.clock.now())
    assert owner.open("/admin/applications").path == "/admin/applications"
    owner.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert "You can’t sign in here" in owner.open("/admin/applications").text
    owner.client.environ_base["REMOTE_ADDR"] = "127.0.0.1"
    assert owner.open("/admin/applications").path == "/admin/applications"


def test_what_changes_meanwhile_counts_at_the_next_click(console: Console, owner: Browser) -> None:
    assert owner.open("/admin/applications").status == 200
    rules = denying("nobody", people=["ada"])
    with console.store.write() as unit:
        Rules(console.store).replace_all(unit, rules, actor=TEST, at=console.clock.now())
    assert owner.open("/admin/applications").path.startswith("/signin/")


def test_after_four_hours_the_owner_proves_again(console: Console, owner: Browser) -> None:
    console.clock.advance(hours=3, minutes=55)
    assert owner.open("/admin/applications").status == 200  # through the hallway, which asks nothing
    assert owner.path == "/admin/applications"
    console.clock.advance(minutes=10)
    assert owner.open("/admin/applications").path.startswith("/signin/")
    assert 'name="password"' in owner.text


def test_signing_out_closes_the_console_and_is_not_told_of_it(owner: Browser) -> None:
    owner.post("/signout")
    assert "You are signed out" in owner.text
    assert "Administration" not in owner.text
    assert owner.open("/admin/applications").path.startswith("/signin/")


def test_when_state_loses_what_was_granted_the_session_is_enough(console: Console, owner: Browser) -> None:
    with console.store.read() as connection:
        session = connection.execute(sa.select(schema.sessions.c.id)).scalar_one()
    assert console.state.pop(f"local:console:{session}")
    assert owner.open("/admin/applications").path == "/admin/applications"
    assert console.state.get(f"local:console:{session}")


def test_another_account_can_be_used(console: Console) -> None:
    bob = console.browser().sign_in("bob")
    assert "Use another account" in bob.text
    bob.open("/admin/other")
    assert bob.path.startswith("/signin/")
    assert "bob" in bob.text


def test_the_console_can_be_switched_off(console: Console, owner: Browser) -> None:
    console.desk.partners.set_enabled("console", enabled=False, actor=TEST)
    console.clock.advance(seconds=3)
    assert owner.open("/admin/applications").status == 400
    assert "This application may not use this sign-in service" in owner.text


def test_row_39_a_copied_address_opens_nothing(console: Console, owner: Browser) -> None:
    """Nothing that stands in an address is a key."""
    assert "?" not in owner.path
    assert console.browser().open(owner.path).path.startswith("/signin/")
    assert PASSWORD not in console.log.getvalue()
