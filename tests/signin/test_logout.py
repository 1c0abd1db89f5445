"""Signing out: our session first, then every participant through its door."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from idp.core.errors import BadMessage, Denied
from idp.sessions import Token, Tokens
from idp.signin.logout import LogoutStep
from tests.hallway import Browser, House


def chain_of(step: LogoutStep) -> str:
    assert step.reply is not None
    return parse_qs(urlsplit(step.reply.address).query)["c"][0]


def test_every_participant_is_told_one_after_another(house: House, browser: Browser) -> None:
    house.person()
    one, two = house.partner(name="One"), house.partner(name="Two")
    house.sign_in(browser, one)
    house.clock.advance(seconds=1)
    house.flow.begin(house.request(two), browser.visit())
    signout = house.hall.signout
    step = signout.begin(browser.visit(), finish_door="", finish={})
    assert house.flow.begin(house.request(one, silent=True), browser.visit()).reply.fields == {  # type: ignore[union-attr]
        "error": "login_required"
    }, "our own session is over before anybody else is asked"
    step = signout.heard(chain_of(step), partner=one.id, ok=True, visit=browser.visit())
    step = signout.heard(chain_of(step), partner=two.id, ok=False, visit=browser.visit())
    assert step.reply is None
    assert [(told.partner, told.outcome) for told in step.told] == [(one.id, "ended"), (two.id, "left")]
    assert not step.complete


def test_what_cannot_be_told_is_said(house: House, browser: Browser) -> None:
    house.person()
    partner = house.partner()
    house.sign_in(browser, partner)
    house.door.can_end = False
    step = house.hall.signout.begin(browser.visit(), finish_door="", finish={})
    assert [(told.partner, told.outcome) for told in step.told] == [(partner.id, "left")]


def test_the_partner_that_started_it_gets_the_last_answer(house: House, browser: Browser) -> None:
    house.person()
    one, two = house.partner(), house.partner()
    house.sign_in(browser, one)
    house.flow.begin(house.request(two), browser.visit())
    with house.ground.store.read() as connection:
        started = house.ground.sessions.joined(connection, house.door.grants[0].session, one.id)
    assert started is not None
    finish = {"address": "https://one.example/done"}
    signout = house.hall.signout
    step = signout.begin_for([started], browser.visit(), finish_door="test", finish=finish)
    step = signout.heard(chain_of(step), partner=two.id, ok=True, visit=browser.visit())
    assert step.reply is not None
    assert step.reply.address == "https://one.example/done?complete=True"


def test_answers_nobody_waits_for_are_refused(house: House, browser: Browser) -> None:
    house.person()
    one, two = house.partner(), house.partner()
    house.sign_in(browser, one)
    signout = house.hall.signout
    chain = chain_of(signout.begin(browser.visit(), finish_door="", finish={}))
    with pytest.raises(BadMessage):
        signout.heard("unknown", partner=one.id, ok=True, visit=browser.visit())
    with pytest.raises(BadMessage):
        signout.heard(chain, partner=two.id, ok=True, visit=browser.visit())


def test_another_browser_cannot_answer(house: House, browser: Browser) -> None:
    house.person()
    partner = house.partner()
    house.sign_in(browser, partner)
    chain = chain_of(house.hall.signout.begin(browser.visit(), finish_door="", finish={}))
    with pytest.raises(BadMessage):
        house.hall.signout.heard(chain, partner=partner.id, ok=True, visit=Browser().visit())


def test_signing_out_revokes_what_was_granted(house: House, browser: Browser) -> None:
    house.door.keeps_grants = True
    house.person()
    partner = house.partner()
    house.sign_in(browser, partner)
    grant = house.hall.grants.find(house.door.grants[0].handle, partner=partner.id)
    assert grant is not None
    tokens, now = Tokens(house.ground.store, house.clock), house.clock.now()
    token = Token(
        partner=partner.id, scope="", audience="", issued_at=now, expires_at=grant.session_ends, grant=grant
    )
    with house.ground.store.write() as unit:
        tokens.add(unit, "secret", token)
    assert tokens.find("secret") == token
    house.hall.signout.begin(browser.visit(), finish_door="", finish={})
    assert tokens.find("secret") is None
    with pytest.raises(Denied):
        house.flow.renew(grant)


def test_without_a_session_there_is_nothing_to_tell(house: House, browser: Browser) -> None:
    step = house.hall.signout.begin(browser.visit(), finish_door="", finish={})
    assert step.reply is None
    assert step.told == ()


def test_signing_in_again_after_signing_out_is_a_new_session(house: House, browser: Browser) -> None:
    house.person()
    partner = house.partner()
    house.sign_in(browser, partner)
    house.hall.signout.begin(browser.visit(), finish_door="", finish={})
    house.clock.advance(seconds=30)
    house.sign_in(browser, partner)
    one, two = house.door.grants
    assert one.session != two.session
    assert one.participant != two.participant
    assert one.subject == two.subject
