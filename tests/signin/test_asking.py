"""What partners may ask for, and what changes while somebody signs in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idp.core.errors import BadMessage, Denied, Reason
from idp.core.model import AccessPolicy, Strength
from idp.policy.model import Ask, Confirm, Deny
from tests.hallway import ACTOR, Browser, House


# What changes while somebody signs in -----------------------------------------------------------
def test_case_22_partner_disabled_in_the_middle(house: House, browser: Browser) -> None:
    house.person()
    partner = house.partner()
    step = browser.took(house.flow.begin(house.request(partner), browser.visit()))
    step = house.password(browser, step)
    with house.ground.store.write() as unit:
        house.ground.partners.save(unit, replace(partner, enabled=False), actor=ACTOR, at=house.clock.now())
    with pytest.raises(BadMessage):
        house.totp(browser, step)
    assert house.door.grants == []
    assert house.door.denials == []


def test_person_disabled_in_the_middle(house: House, browser: Browser) -> None:
    person = house.person()
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    step = house.password(browser, step)
    with house.ground.store.write() as unit:
        house.hall.people.set_enabled(unit, person.id, enabled=False)
    assert house.totp(browser, step).reply is None
    assert house.door.grants == []


def test_person_disabled_with_a_live_session(house: House, browser: Browser) -> None:
    person = house.person()
    house.sign_in(browser, house.partner())
    with house.ground.store.write() as unit:
        house.hall.people.set_enabled(unit, person.id, enabled=False)
    step = house.flow.begin(house.request(house.partner()), browser.visit())
    assert step.decision.verdict == Deny(reason=Reason.PERSON_DISABLED)
    assert len(house.door.grants) == 1
    with pytest.raises(Denied):
        house.flow.renew(house.door.grants[0])


def test_signed_out_in_another_tab_is_not_undone(house: House, browser: Browser) -> None:
    """A sign-in that began with a session's proofs loses them when the session ends."""
    house.person()
    house.sign_in(browser, house.partner())
    house.clock.advance(seconds=1)
    waiting = house.flow.begin(house.request(house.partner(), confirm=("account",)), browser.visit())
    assert waiting.decision.verdict == Confirm(what="account")
    house.hall.signout.begin(browser.visit(), finish_door="", finish={})
    step = house.flow.confirm(waiting.sign_in.id, browser.visit(), "account", "yes")
    assert isinstance(step.decision.verdict, Ask)
    assert len(house.door.grants) == 1


# What partners may ask for ------------------------------------------------------------------------
def test_case_25_force_asks_both_again_and_moves_the_time(house: House, browser: Browser) -> None:
    house.person()
    partner = house.partner()
    house.sign_in(browser, partner)
    before = browser.session
    house.clock.advance(minutes=5)
    step = house.sign_in(browser, partner, force=True)
    assert step.reply is not None
    one, two = house.door.grants
    assert two.authenticated_at > one.authenticated_at
    assert two.session == one.session
    assert browser.session != before, "the session id changes at every gain"
    old = Browser(browser=browser.browser, session=before)
    assert house.flow.begin(house.request(partner), old.visit()).reply is None


def test_case_25_silent_never_shows_a_page(house: House, browser: Browser) -> None:
    house.person()
    partner = house.partner()
    step = house.flow.begin(house.request(partner, silent=True), browser.visit())
    assert step.reply is not None
    assert step.reply.fields == {"error": "login_required"}
    house.sign_in(browser, partner)
    assert house.flow.begin(house.request(partner, silent=True), browser.visit()).reply is not None
    assert len(house.door.grants) == 1 + 1
    both = house.flow.begin(house.request(partner, silent=True, force=True), browser.visit())
    assert both.reply is not None
    assert both.reply.fields == {"error": "login_required"}


def test_max_age_asks_again_when_too_old(house: House, browser: Browser) -> None:
    house.person()
    partner = house.partner()
    house.sign_in(browser, partner)
    house.clock.advance(minutes=10)
    assert house.flow.begin(house.request(partner, max_age=3600), browser.visit()).reply is not None
    assert house.flow.begin(house.request(partner, max_age=60), browser.visit()).reply is None
    step = house.sign_in(browser, partner, max_age=0)
    assert step.reply is not None
    assert house.door.grants[-1].authenticated_at == house.clock.now()


def test_what_cannot_be_met_is_answered(house: House, browser: Browser) -> None:
    house.person()
    strong = house.request(house.partner(), strength=Strength.PHISHING_RESISTANT)
    step = house.password(browser, browser.took(house.flow.begin(strong, browser.visit())))
    assert step.reply is not None
    assert step.reply.fields == {"error": "context"}


def test_account_chooser_lets_another_person_in(house: House, browser: Browser) -> None:
    house.person("ada")
    other = house.person("bob")
    partner = house.partner()
    house.sign_in(browser, partner, "ada")
    step = house.flow.begin(house.request(partner, confirm=("account",)), browser.visit())
    step = house.flow.confirm(step.sign_in.id, browser.visit(), "account", "other")
    house.clock.advance(seconds=30)
    step = house.totp(browser, house.password(browser, step, "bob"))
    assert step.reply is not None
    assert house.door.grants[-1].person == other.id


def test_consent_refused_is_cancelled(house: House, browser: Browser) -> None:
    house.person()
    step = house.sign_in(browser, house.partner(), confirm=("consent",))
    assert step.decision.verdict == Confirm(what="consent")
    assert house.door.grants == []
    step = house.flow.confirm(step.sign_in.id, browser.visit(), "consent", "no")
    assert step.reply is not None
    assert step.reply.fields == {"error": "cancelled"}


def test_expected_person_is_the_one_or_nobody(house: House, browser: Browser) -> None:
    house.person("ada")
    bob = house.person("bob")
    partner = house.partner()
    house.sign_in(browser, partner, "ada")
    silent = house.flow.begin(house.request(partner, silent=True, expected_person=bob.id), browser.visit())
    assert silent.reply is not None
    assert silent.reply.fields == {"error": "login_required"}
    asked = house.flow.begin(house.request(partner, expected_person=bob.id), browser.visit())
    step = house.password(browser, asked, "ada")
    assert step.reply is not None
    assert step.reply.fields == {"error": "other_person"}


def test_whoever_types_a_name_has_chosen_the_account(house: House, browser: Browser) -> None:
    house.person()
    assert house.sign_in(browser, house.partner(), confirm=("account",)).reply is not None


def test_a_denial_is_recorded_once_and_shown_under_one_reference(house: House, browser: Browser) -> None:
    house.person()
    partner = house.partner(access=AccessPolicy(groups=("board",)))
    step = browser.took(house.flow.begin(house.request(partner), browser.visit()))
    step = house.password(browser, step)
    shown = [step.denied, *(house.flow.show(step.sign_in.id, browser.visit()).denied for _ in range(2))]
    references = {denied.reference for denied in shown if denied is not None}
    back = house.flow.give_up(step.sign_in.id, browser.visit())
    assert back.reply is not None
    references.add(house.door.denials[0].reference)
    assert len(shown) == 3
    assert len(references) == 1
    with house.ground.store.read() as connection:
        recorded = [row for row in house.ground.audit.search(connection) if row.verdict == "deny"]
    assert [row.reference for row in recorded] == list(references)
