"""Passkeys under attack: locks, what is on record, and sign-ins that go on as somebody else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from idp.app.factors import WORTHS
from idp.audit import AuditLog, Filter
from idp.core.errors import Refused
from idp.core.model import Person
from idp.desk.people import tries
from idp.signin import lockout
from idp.signin.steps import Step
from tests.hallway import Browser, House
from tests.passkeys import SoftKey
from tests.signin.keying import WRONG, answer, begin, give, options, show


# Locks, and who is told of in the record ---------------------------------------------------------
def test_nothing_shown_is_no_try(house: House, browser: Browser, key: SoftKey) -> None:
    step = begin(house, browser)
    for _ in range(12):
        with pytest.raises(Refused, match="has not shown a passkey"):
            answer(house, browser, step, "")
    assert show(house, browser, step, key).reply is not None


def junk(house: House, browser: Browser, step: Step, key: SoftKey, times: int = 11) -> None:
    for _ in range(times):
        with pytest.raises(Refused):
            show(house, browser, step, replace(key, origin="https://evil.test"))


def test_case_54_an_outsider_locks_nobody_out_of_a_known_browser(
    house: House, browser: Browser, ada: Person, key: SoftKey
) -> None:
    assert show(house, browser, begin(house, browser), key).reply is not None
    browser.session = ""
    stranger = Browser(address="203.0.113.9")
    junk(house, stranger, begin(house, stranger), key)
    step = house.password(stranger, begin(house, stranger))
    junk(house, stranger, step, key)
    with pytest.raises(Refused, match=WRONG):
        show(house, stranger, begin(house, stranger), replace(key, count=500))
    assert show(house, browser, begin(house, browser), replace(key, count=600)).reply is not None


def test_row_52_the_lock_holds_whatever_is_put_around_it(
    house: House, browser: Browser, key: SoftKey
) -> None:
    step = begin(house, browser)
    junk(house, browser, step, key)
    for decoy in ({"x": {"id": "AAAA"}}, {"response2": {"userHandle": "AAAA"}}):
        said = decoy | json.loads(key.show(options(step)))
        with pytest.raises(Refused, match=WRONG):
            answer(house, browser, step, json.dumps(said))


def test_unlocking_opens_passkeys_too(house: House, browser: Browser, ada: Person, key: SoftKey) -> None:
    step = begin(house, browser)
    junk(house, browser, step, key)
    with house.ground.store.read() as connection:
        keys = tries(house.hall.people, connection, ada, WORTHS)
        assert any(
            house.flow.attempts.lockout.locked(connection, factor=factor, target=target)
            for factor, target in keys
        )
    with house.ground.store.write() as unit:
        lockout.forget(unit, keys)
    assert show(house, browser, step, key).reply is not None


def test_a_name_that_comes_along_is_on_no_record(house: House, browser: Browser, ada: Person) -> None:
    step = begin(house, browser)
    given = {"factor": "passkey", "method": "", "credential": "{}", "username": "ada"}
    for _ in range(12):
        with pytest.raises(Refused):
            house.flow.prove(step.sign_in.id, browser.visit(), given)
    with house.ground.store.read() as connection:
        assert AuditLog.search(connection, Filter(person=ada.id)) == ()


def test_the_right_one_while_locked_is_on_record_as_theirs(
    house: House, browser: Browser, ada: Person, key: SoftKey
) -> None:
    step = begin(house, browser)
    junk(house, browser, step, key)
    with pytest.raises(Refused):
        show(house, browser, step, key)
    with house.ground.store.read() as connection:
        (found,) = AuditLog.search(connection, Filter(event="right-while-locked"))
    assert found.person == ada.id


# Sign-ins that go on ----------------------------------------------------------------------------
def test_who_opens_a_sign_in_again_is_asked_who_they_are(
    house: House, browser: Browser, key: SoftKey
) -> None:
    assert show(house, browser, begin(house, browser), key).reply is not None
    house.clock.advance(hours=1)
    step = begin(house, browser, max_age=60)
    assert step.sign_in.person
    step = house.choose(browser, step, "passkey")
    assert json.loads(options(step))["userVerification"] == "required"
    with pytest.raises(Refused, match=WRONG):
        show(house, browser, step, replace(key, verifies=False))
    assert show(house, browser, step, key).reply is not None


def test_what_was_asked_of_one_is_nothing_for_another(house: House, browser: Browser, ada: Person) -> None:
    give(house, ada)
    hers = give(house, house.person("eve"), verifies=False)
    step = house.password(browser, begin(house, browser))
    asked = step.sign_in.asked
    assert asked is not None
    assert asked.challenge["person"] == ada.id
    with pytest.raises(Refused, match=WRONG):
        answer(house, browser, step, hers.show(options(step)))


@pytest.mark.parametrize("base", ["http://127.0.0.1:8000", "https://192.0.2.7"])
def test_where_browsers_know_no_passkeys_everything_else_works(
    house: House, browser: Browser, ada: Person, base: str
) -> None:
    with house.ground.store.write() as unit:
        house.ground.issuers.ensure(unit, base, house.clock.now())
    step = begin(house, browser)
    assert step.sign_in.beside == ()
    assert step.problem == ""
    step = house.password(browser, step)
    house.clock.advance(seconds=30)
    assert house.totp(browser, step).reply is not None


def test_case_54_another_name_typed_into_ones_own_sign_in_counts_as_a_strangers(
    house: House, browser: Browser, ada: Person
) -> None:
    """Ada, known on her browser, must not fill the count of the browsers that Bob is known on."""
    house.person("bob")
    own = Browser()
    house.sign_in(own, house.partner(), "bob")
    house.sign_in(browser, house.partner(), "ada")
    house.clock.advance(hours=1)
    step = begin(house, browser, max_age=60)
    assert step.sign_in.person == ada.id
    for _ in range(11):
        with pytest.raises(Refused):
            house.password(browser, step, "bob", "guess")
    own.session = ""
    assert house.password(own, begin(house, own), "bob").sign_in.person
