"""What a hostile reading of the hallway found: places, races, kept proofs and sign-outs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
import sqlalchemy as sa

from idp.audit import Filter
from idp.core.errors import Denied, Refused
from idp.core.ids import new_id
from idp.core.model import Offer, Participant, Strength
from idp.core.ports import Ending
from idp.jobs.cleanup import CleanUp
from idp.policy.model import Ask, Conditions, Controls, Deny, Register, Rule
from idp.sessions import Token, Tokens
from idp.signin.limits import Limits
from idp.signin.logout import LogoutStep
from idp.signin.record import Expired
from idp.store import Store, Unit
from tests.clock import TestClock
from tests.hallway import ACTOR, PASSWORD, Browser, House, build_house

OFFICE = "192.0.2.7"


def rules(house: House, *wanted: Rule) -> None:
    with house.ground.store.write() as unit:
        house.flow.judge.rules.replace_all(unit, wanted, actor=ACTOR, at=house.clock.now())


# Where somebody is ------------------------------------------------------------------------------
def test_policy_sees_where_the_person_is_now_and_not_where_they_began(house: House) -> None:
    """Begun in the office and carried home: the answer is given at home, so home's rules apply."""
    house.person()
    outside = Conditions(networks=("192.0.2.0/24",), outside=True)
    rules(house, Rule(id="office", name="office only", conditions=outside, controls=Controls(deny=True)))
    browser = Browser(address=OFFICE)
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    browser.address = "203.0.113.9"
    assert isinstance(house.flow.show(step.sign_in.id, browser.visit()).decision.verdict, Deny)
    assert isinstance(house.password(browser, step).decision.verdict, Deny)
    house.clock.advance(minutes=16)
    with pytest.raises(Expired) as caught:
        house.flow.show(step.sign_in.id, browser.visit())
    again = house.flow.again(caught.value.sign_in, browser.visit())
    assert isinstance(again.decision.verdict, Deny)
    browser.address = OFFICE
    step = house.flow.show(step.sign_in.id, browser.visit())
    house.totp(browser, house.password(browser, step))
    assert house.door.grants[0].address == OFFICE


def test_what_was_granted_is_judged_by_where_it_was(house: House) -> None:
    """The application that comes back for it is somewhere else, and that says nothing."""
    house.person()
    home = Conditions(networks=("192.0.2.0/24",), outside=True)
    office = Conditions(networks=("192.0.2.0/24",))
    browser = Browser(address=OFFICE)
    house.sign_in(browser, house.partner())
    (grant,) = house.door.grants
    rules(house, Rule(id="home", name="not from home", conditions=home, controls=Controls(deny=True)))
    assert house.flow.renew(grant).address == OFFICE
    rules(house, Rule(id="office", name="not from there", conditions=office, controls=Controls(deny=True)))
    with pytest.raises(Denied):
        house.flow.renew(grant)


def test_an_answer_is_checked_again_from_where_it_was_given(house: House) -> None:
    house.person()
    browser = Browser(address=OFFICE)
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    step = house.password(browser, step)
    browser.address = "203.0.113.9"
    house.totp(browser, step)
    assert house.door.grants[0].address == "203.0.113.9"


# Counting attempts ------------------------------------------------------------------------------
def test_one_ipv6_network_is_one_address(store: Store, tmp_path: Path, clock: TestClock) -> None:
    """Whoever has one IPv6 address has a /64 of them: eighteen quintillion counters."""
    house = build_house(store, tmp_path, clock, limits=Limits(address=20))
    house.person()
    browser = Browser()
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    for number in range(21):
        browser.address = f"2001:db8:1:2::{number:x}"
        with pytest.raises(Refused):
            house.password(browser, step, f"person{number}", "wrong")
    browser.address = "2001:db8:1:2:ffff::1"
    with pytest.raises(Refused):
        house.password(browser, step)
    browser.address = "2001:db8:1:3::1"
    assert house.password(browser, step).sign_in.person


def test_case_54_a_neighbour_cannot_lock_the_owner_out_of_a_known_browser(
    store: Store, tmp_path: Path, clock: TestClock
) -> None:
    """Behind one address (an office, a proxy that was not configured) somebody tries everybody."""
    house = build_house(store, tmp_path, clock, limits=Limits(address=20))
    house.person()
    home = Browser()
    house.sign_in(home, house.partner())
    neighbour = Browser()
    step = neighbour.took(house.flow.begin(house.request(house.partner()), neighbour.visit()))
    for number in range(21):
        with pytest.raises(Refused):
            house.password(neighbour, step, f"person{number}", "wrong")
    with pytest.raises(Refused):
        house.password(neighbour, step)
    owner = Browser(device=home.device)
    assert house.sign_in(owner, house.partner()).reply is not None


# Signing out ------------------------------------------------------------------------------------
class BeforeWriting:
    """A store where something else happens just before the first write."""

    def __init__(self, store: Store, late: Callable[[], object]) -> None:
        self._store = store
        self._late = [late]
        self.read = store.read

    def write(self) -> AbstractContextManager[Unit]:
        if self._late:
            self._late.pop()()
        return self._store.write()


def test_a_partner_answered_while_the_person_signs_out_is_told(house: House, browser: Browser) -> None:
    house.person()
    one, two = house.partner(), house.partner()
    house.sign_in(browser, one)
    late = BeforeWriting(
        house.ground.store, lambda: house.flow.begin(house.request(two), browser.visit()).reply
    )
    house.door.can_end = False
    signout = replace(house.hall.signout, store=cast(Store, late))
    step = signout.begin(browser.visit(), finish_door="", finish={})
    assert len(house.door.grants) == 2
    assert {told.partner for told in step.told} == {one.id, two.id}


def test_two_sign_outs_at_once_tell_each_partner_once(house: House, browser: Browser) -> None:
    house.person()
    one = house.partner()
    house.sign_in(browser, one)
    house.door.can_end = False
    other = house.hall.signout
    first: list[LogoutStep] = []
    late = BeforeWriting(
        house.ground.store, lambda: first.append(other.begin(browser.visit(), finish_door="", finish={}))
    )
    second = replace(other, store=cast(Store, late)).begin(browser.visit(), finish_door="", finish={})
    assert [told.partner for told in first[0].told] == [one.id]
    assert second.told == ()


def test_a_partner_that_is_told_without_the_browser_is_told_and_no_more(
    house: House, browser: Browser
) -> None:
    house.person()
    partner = house.partner()
    house.sign_in(browser, partner)

    def end(_participant: Participant, **_chain: str) -> Ending:
        return Ending(supported=True)

    house.door.end = end  # type: ignore[method-assign]
    step = house.hall.signout.begin(browser.visit(), finish_door="", finish={})
    assert [told.outcome for told in step.told] == ["told"]
    assert not step.complete, "nobody knows yet whether it is over there"


# Kept proofs ------------------------------------------------------------------------------------
def test_case_61_a_kept_password_sets_up_no_first_method(house: House, browser: Browser) -> None:
    """A browser left signed in with one factor must not become the owner's second one for ever."""
    person = house.person(totp=False)
    wiki, expenses = house.partner(name="Wiki"), house.partner()
    one = Controls(strength=Strength.ONE)
    rules(
        house,
        Rule(id="wiki", name="wiki", conditions=Conditions(partners=(wiki.id,)), controls=one),
    )
    step = browser.took(house.flow.begin(house.request(wiki), browser.visit()))
    assert house.password(browser, step).reply is not None
    house.clock.advance(hours=1)
    step = browser.took(house.flow.begin(house.request(expenses), browser.visit()))
    assert step.decision.verdict == Ask(offers=(Offer(factor="password", label="Password"),))
    assert step.sign_in.enrolment is None
    chosen = house.flow.choose(step.sign_in.id, browser.visit(), "totp", "")
    assert chosen.sign_in.enrolment is None
    step = house.password(browser, step)
    assert step.decision.verdict == Register(factors=("passkey", "push", "totp"))
    assert step.sign_in.person == person.id


def test_a_kept_password_and_nothing_to_register_with_is_no_sign_in_in_silence(
    house: House, browser: Browser
) -> None:
    house.person(totp=False)
    wiki = house.partner()
    rules(
        house,
        Rule(
            id="wiki",
            name="wiki",
            conditions=Conditions(partners=(wiki.id,)),
            controls=Controls(strength=Strength.ONE),
        ),
    )
    house.password(browser, browser.took(house.flow.begin(house.request(wiki), browser.visit())))
    house.clock.advance(hours=1)
    step = house.flow.begin(house.request(house.partner(), silent=True), browser.visit())
    assert step.reply is not None
    assert step.reply.fields == {"error": "interaction_required"}


def test_what_one_person_agreed_to_is_asked_of_the_next(house: House, browser: Browser) -> None:
    """Ada agrees and is signed out before the answer is made; who signs in next agreed to nothing."""
    house.person("ada")
    house.person("bob")
    partner = house.partner()
    house.sign_in(browser, partner, "ada")
    house.clock.advance(minutes=1)
    waiting = house.flow.begin(house.request(house.partner(), confirm=("consent",)), browser.visit())
    agreed = replace(waiting.sign_in, confirmed=("consent",))
    house.hall.signout.begin(browser.visit(), finish_door="", finish={})
    judged = house.flow.judge(agreed, None)
    assert judged.sign_in.confirmed == ()


def test_starting_again_forgets_the_wish_to_stay(house: House, browser: Browser) -> None:
    house.person()
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    step = house.password(browser, step, stay="1")
    house.clock.advance(minutes=16)
    with pytest.raises(Expired) as caught:
        house.flow.show(step.sign_in.id, browser.visit())
    step = house.flow.again(caught.value.sign_in, browser.visit())
    step = house.totp(browser, house.password(browser, step))
    assert step.session_ends is None


# The record -------------------------------------------------------------------------------------
def test_wrong_codes_are_recorded_about_whose_they_are(house: House, browser: Browser) -> None:
    """A user name sent along with a code must not put somebody else's name on the guesses."""
    ada, bob = house.person("ada"), house.person("bob")
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    step = house.password(browser, step)
    assert step.sign_in.asked is not None
    answer = {"factor": "totp", "method": step.sign_in.asked.method, "code": "000000", "username": "bob"}
    with pytest.raises(Refused):
        house.flow.prove(step.sign_in.id, browser.visit(), answer)
    with house.ground.store.read() as connection:
        assert house.ground.audit.search(connection, Filter(person=bob.id)) == ()
        latest = house.ground.audit.search(connection, Filter(person=ada.id))[0]
    assert (latest.event, latest.factor) == ("credential-refused", "totp")


def test_a_partner_that_left_a_living_session_comes_back_as_a_new_participant(
    house: House, browser: Browser
) -> None:
    """The row of before is in the way: looking for the one that joined meanwhile would never end."""
    house.person()
    partner = house.partner()
    house.sign_in(browser, partner)
    before = house.door.grants[0]
    with house.ground.store.write() as unit:
        house.ground.sessions.leave(unit, before.participant, house.clock.now())
        again = Participant(
            id=new_id(),
            session=before.session,
            person=before.person,
            partner=partner.id,
            door="test",
            issuer="default",
            subject=before.subject,
        )
        assert house.ground.sessions.join(unit, again, house.clock.now())
        assert not house.ground.sessions.join(unit, replace(again, id=new_id()), house.clock.now())
        assert house.ground.sessions.participants(unit.connection, before.session) == [again]
        house.ground.sessions.leave(unit, again.id, house.clock.now())
    assert house.flow.begin(house.request(partner), browser.visit()).reply is not None
    assert house.door.grants[1].participant not in {before.participant, again.id}


def test_what_was_granted_is_kept_as_long_as_its_tokens_last(house: House, browser: Browser) -> None:
    """A code may be redeemed a minute late; its token then still lasts the hour that was promised."""
    house.door.keeps_grants = True
    house.person()
    partner = house.partner()
    house.sign_in(browser, partner)
    grants, store, clock = house.hall.grants, house.ground.store, house.clock
    clock.advance(seconds=59)
    grant = grants.find(house.door.grants[0].handle, partner=partner.id)
    assert grant is not None
    tokens, now = Tokens(store, clock), clock.now()
    ends = now + timedelta(hours=1)
    token = Token(partner=partner.id, scope="", audience="", issued_at=now, expires_at=ends, grant=grant)
    with store.write() as unit:
        tokens.add(unit, "secret", token)
    clock.advance(minutes=59, seconds=59)
    CleanUp(store, clock).run()
    assert tokens.find("secret") == token


def test_case_63_the_same_statements_and_the_same_text_for_everybody(house: House, browser: Browser) -> None:
    """Wrong, unknown, disabled or locked with the right password: nothing tells them apart."""
    off = house.person("off")
    house.person("ada")
    house.person("locked")
    with house.ground.store.write() as unit:
        house.hall.people.set_enabled(unit, off.id, enabled=False)
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    for _ in range(11):
        with pytest.raises(Refused):
            house.password(browser, step, "locked", "wrong")
    told = set()
    for name, word in (
        ("ada", "wrong"),
        ("nobody", "wrong"),
        ("off", PASSWORD),
        ("locked", PASSWORD),
        ("locked", "wrong"),
    ):
        with statements(house.ground.store) as run, pytest.raises(Refused) as refused:
            house.password(browser, step, name, word)
        told.add((tuple(run), refused.value.public))
    assert len(told) == 1


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    run: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        run.append(statement)

    sa.event.listen(store.engine, "before_cursor_execute", note)
    yield run
    sa.event.remove(store.engine, "before_cursor_execute", note)
