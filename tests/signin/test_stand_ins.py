"""Recovery codes and temporary access passes: what stands in for a method that is not there."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa

from idp.app.factors import WORTHS
from idp.core.errors import Denied, Refused
from idp.core.model import Asked, Method, Person
from idp.factors import access_pass, recovery
from idp.factors.access_pass import PassTerms
from idp.keys import MasterKey, Sealer
from idp.methods import Methods
from idp.methods.registered import STAND_INS
from idp.policy.model import Ask, Confirm, Deny, Issue, Register
from idp.signin.steps import Step
from idp.store import Store, open_store
from idp.store.schema import method_codes, methods, people
from tests.clock import TestClock
from tests.hallway import Browser, House
from tests.processes import Notes, race

pytestmark = pytest.mark.backends

CODE = "BCDF2345GHJK"
PASS = "WXZ23456"


def give(house: House, person: Person, new: object) -> Method:
    with house.ground.store.write() as unit:
        return house.hall.methods.add(unit, person.id, new, allowed=True)  # type: ignore[arg-type]


def give_codes(house: House, person: Person, *codes: str) -> Method:
    return give(house, person, recovery.handed_out(person, codes or (CODE,), at=house.clock.now()))


def give_pass(house: House, person: Person, **terms: object) -> Method:
    return give(
        house,
        person,
        access_pass.handed_out(person, PASS, PassTerms(**terms), at=house.clock.now()),  # type: ignore[arg-type]
    )


def code_of(house: House, seed: bytes) -> str:
    return pyotp.TOTP(base64.b32encode(seed).decode()).at(house.clock.now())


def app_code(house: House, browser: Browser, step: Step) -> Step:
    """Answer with a code of the app that was set up."""
    with house.ground.store.read() as connection:
        seed = house.hall.methods.secret(connection, asked_of(step))
    return house.prove(browser, step, code_of(house, seed))


def asked_of(step: Step) -> str:
    assert step.sign_in.asked is not None
    return step.sign_in.asked.method


def remove(house: House, method: Method) -> None:
    with house.ground.store.write() as unit:
        house.hall.methods.remove(unit, method.id)


def behind_password(house: House, browser: Browser) -> Step:
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    return house.password(browser, step)


def enrolled(house: House, browser: Browser) -> Step:
    """Return the step after a first app was set up."""
    step = house.choose(browser, behind_password(house, browser), "totp")
    assert step.sign_in.enrolment is not None
    assert step.person is not None
    shown = house.flow.judge.factors.enrollers["totp"].show(step.person, step.sign_in.enrolment)
    seed = base64.b32decode(str(shown["manual_key"]).replace(" ", ""))
    answer = {"factor": "totp", "code": code_of(house, seed)}
    return house.later(browser, house.flow.enrol(step.sign_in.id, browser.visit(), answer))


# Recovery codes: saving them ------------------------------------------------------------------
def test_codes_are_shown_until_they_are_saved_and_then_never_again(house: House, browser: Browser) -> None:
    house.person(totp=False)
    step = enrolled(house, browser)
    codes = house.shown_codes(step)
    assert len(set(codes)) == 10
    again = house.flow.show(step.sign_in.id, browser.visit())
    assert house.shown_codes(again) == codes, "a reload shows the same ones"
    with pytest.raises(Refused):
        house.flow.enrol(step.sign_in.id, browser.visit(), {"factor": "recovery"})
    assert house.door.grants == []
    step = house.save_codes(browser, step)
    assert step.reply is not None
    assert len(house.door.grants) == 1
    assert house.door.grants[0].amr == ("pwd", "otp", "mfa")
    other = Browser()
    house.clock.advance(seconds=30)
    assert app_code(house, other, behind_password(house, other)).reply is not None


def test_codes_that_were_not_saved_are_offered_anew_with_the_next_fresh_proof(
    house: House, browser: Browser
) -> None:
    house.person(totp=False)
    first = enrolled(house, browser)
    lost = house.shown_codes(first)[0]
    other = Browser()
    step = behind_password(house, other)
    house.clock.advance(seconds=30)
    step = app_code(house, other, step)
    assert step.decision.verdict == Register(factors=("recovery",))
    assert lost not in house.shown_codes(step)
    assert house.save_codes(other, step).reply is not None
    # The first window's codes are worth nothing, and are not stored over the others.
    step = house.save_codes(browser, first)
    assert step.reply is not None
    with house.ground.store.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(method_codes)).scalar() == 10


@pytest.mark.parametrize("stand_in", ["pass", "recovery"])
def test_case_61_what_stands_in_for_a_method_makes_no_codes(
    house: House, browser: Browser, stand_in: str
) -> None:
    """They would outlast it: who was let in for an hour would get in for ever."""
    person = house.person(totp=False)
    enrolled(house, browser)
    method = give_pass(house, person) if stand_in == "pass" else give_codes(house, person)
    with house.ground.store.write() as unit:
        # An older list; handing one out afterwards ends what is due.
        unit.execute(sa.update(people).values(recovery_due=True))
    other = Browser()
    step = behind_password(house, other)
    step = other.took(house.flow.choose(step.sign_in.id, other.visit(), stand_in, method.id))
    step = house.prove(other, step, PASS if stand_in == "pass" else CODE)
    assert step.decision.verdict in (Issue(), Confirm(what="codes"))


def test_codes_are_kept_as_keyed_hashes_only(house: House, browser: Browser) -> None:
    house.person(totp=False)
    step = enrolled(house, browser)
    codes = house.shown_codes(step)
    held = house.ground.state.get("signin:" + step.sign_in.id)
    house.save_codes(browser, step)
    with house.ground.store.read() as connection:
        stored = str(connection.execute(sa.select(method_codes)).all())
        stored += str(connection.execute(sa.select(methods)).all())
    for code in codes:
        for form in (code, code.replace("-", "")):
            assert form not in stored
            assert form not in house.log.getvalue()
            assert held is None or form not in held.value


def test_codes_alone_do_not_make_a_person_registered(house: House, browser: Browser) -> None:
    person = house.person(totp=False)
    give_codes(house, person, CODE)
    step = behind_password(house, browser)
    assert isinstance(step.decision.verdict, Ask), "what is there is asked for, before anything is set up"
    step = house.prove(browser, step, CODE)
    assert step.decision.verdict == Register(factors=("passkey", "push", "totp"))


def test_what_stands_in_is_the_same_to_policy_and_methods() -> None:
    assert set(STAND_INS) == {factor for factor, worth in WORTHS.items() if worth.stand_in}


# Recovery codes: using them -------------------------------------------------------------------
@pytest.mark.parametrize("typed", [CODE, "bcdf-2345-ghjk", " BCDF 2345 GHJK ", "ｂｃｄｆ2345ghjk"])
def test_a_code_works_once_in_any_spelling(house: House, typed: str) -> None:
    give_codes(house, house.person(), CODE)
    browser = Browser()
    step = behind_password(house, browser)
    step = choose_recovery(house, browser, step)
    step = house.prove(browser, step, typed)
    assert step.decision.verdict == Confirm(what="codes")
    step = house.flow.confirm(step.sign_in.id, browser.visit(), "codes", "yes")
    assert house.door.grants[0].amr == ("pwd", "otp", "mfa")
    other = Browser()
    step = choose_recovery(house, other, behind_password(house, other))
    with pytest.raises(Refused):
        house.prove(other, step, typed)


@pytest.mark.parametrize("factor", ["recovery", "pass", "totp", "sms"])
def test_somebody_else_s_method_proves_nothing(house: House, browser: Browser, factor: str) -> None:
    """Not even when a record says that it was asked for."""
    ada, grace = house.person(), house.person("grace")
    give_codes(house, grace), give_pass(house, grace), house.give_phone(grace)
    sign_in = behind_password(house, browser).sign_in
    with house.ground.store.read() as connection:
        theirs = {one.factor: one.id for one in house.hall.methods.of(connection, grace.id)}
    asked = replace(sign_in, asked=Asked(factor=factor, method=theirs[factor]))
    code = {"recovery": CODE, "pass": PASS, "totp": house.code(), "sms": "123456"}[factor]
    assert sign_in.person == ada.id
    with pytest.raises(Refused, match="no longer registered"):
        house.flow.judge.factors.provers[factor].prove(asked, {"code": code})


def choose_recovery(house: House, browser: Browser, step: Step) -> Step:
    verdict = step.decision.verdict
    assert isinstance(verdict, Ask)
    offer = next(offer for offer in verdict.offers if offer.factor == "recovery")
    return house.flow.choose(step.sign_in.id, browser.visit(), offer.factor, offer.method)


def test_case_56_recovery_codes_lock_like_any_other_and_end_the_sign_in(
    house: House, browser: Browser
) -> None:
    give_codes(house, house.person(), CODE)
    step = choose_recovery(house, browser, behind_password(house, browser))
    for _ in range(10):
        with pytest.raises(Refused):
            house.prove(browser, step, "BBBB-BBBB-BBBB")
    step = house.prove(browser, step, CODE)
    assert isinstance(step.decision.verdict, Deny)
    assert house.door.grants == []


def test_case_56_of_eight_processes_one_uses_a_code(database: str, house: House, tmp_path: Path) -> None:
    person = house.person()
    method = give_codes(house, person, CODE)
    notes = Notes(tmp_path / "notes")
    race(use_once, database, str(tmp_path), method.id, notes=notes, count=8)
    assert sorted(line.split()[1] for line in notes.lines()) == ["False"] * 7 + ["True"]


def use_once(number: int, notes: Notes, database: str, folder: str, method: str) -> None:
    store = open_store(database)
    hall = methods_of(store, folder)
    with store.write() as unit:
        won = hall.use_code(unit, method, CODE)
    notes.write(f"{number} {won}")
    store.dispose()


def methods_of(store: Store, folder: str) -> Methods:
    return Methods(store, Sealer(MasterKey.load(Path(folder) / "master.key")), TestClock())


# Temporary access passes ----------------------------------------------------------------------
def test_a_pass_leads_a_newcomer_to_a_first_method(house: House, browser: Browser) -> None:
    person = house.person(totp=False)
    give_pass(house, person)
    step = behind_password(house, browser)
    assert step.sign_in.asked is not None
    assert step.sign_in.asked.factor == "pass"
    step = house.prove(browser, step, PASS)
    assert step.decision.verdict == Register(factors=("passkey", "push", "totp"))
    assert house.door.grants == []


def test_whoever_has_a_method_gets_in_with_a_pass_until_it_ends(house: House, browser: Browser) -> None:
    give_pass(house, house.person(), lifetime=timedelta(minutes=30))
    partner = house.partner()
    step = house.prove(browser, behind_password(house, browser), PASS)
    assert step.reply is not None
    grant = house.door.grants[0]
    house.clock.advance(minutes=29)
    assert house.flow.renew(grant)
    assert browser.took(house.flow.begin(house.request(partner), browser.visit())).reply is not None
    house.clock.advance(minutes=1)
    with pytest.raises(Denied):
        house.flow.renew(grant)
    step = house.flow.begin(house.request(partner), browser.visit())
    assert isinstance(step.decision.verdict, Ask), "single sign-on ends with the pass"
    assert {offer.factor for offer in step.decision.verdict.offers} == {"totp"}


def test_a_pass_that_was_taken_back_ends_what_it_opened(house: House, browser: Browser) -> None:
    method = give_pass(house, house.person())
    house.prove(browser, behind_password(house, browser), PASS)
    remove(house, method)
    with pytest.raises(Denied):
        house.flow.renew(house.door.grants[0])


def test_a_pass_that_works_once_leaves_ten_minutes(house: House, browser: Browser) -> None:
    give_pass(house, house.person(), once=True, lifetime=timedelta(hours=8))
    house.prove(browser, behind_password(house, browser), PASS)
    grant = house.door.grants[0]
    step = behind_password(house, Browser())
    assert isinstance(step.decision.verdict, Ask)
    assert {offer.factor for offer in step.decision.verdict.offers} == {"totp"}
    house.clock.advance(minutes=9)
    assert house.flow.renew(grant)
    house.clock.advance(minutes=1)
    with pytest.raises(Denied):
        house.flow.renew(grant)


@pytest.mark.parametrize("once", [False, True])
def test_case_52_wrong_passes_lock_like_wrong_codes(house: House, browser: Browser, *, once: bool) -> None:
    give_pass(house, house.person(), once=once)
    give_codes(house, house.person("grace"), "ZZZZ2222")
    step = behind_password(house, browser)
    for number in range(10):
        with pytest.raises(Refused):
            house.prove(browser, step, ("WXZ23457", "ZZZZ2222", "")[number % 3])
    step = house.prove(browser, step, PASS)
    assert isinstance(step.decision.verdict, Deny)
    assert house.door.grants == []


def test_a_pass_that_works_once_is_used_up_by_whoever_comes_first(house: House, browser: Browser) -> None:
    """As of two requests that both passed the offer before either had used it."""
    give_pass(house, house.person(), once=True)
    sign_in = behind_password(house, browser).sign_in
    prover = house.flow.judge.factors.provers["pass"]
    assert prover.prove(sign_in, {"code": PASS}).factor == "pass"
    with pytest.raises(Refused):
        prover.prove(sign_in, {"code": PASS})


def test_two_sign_ins_with_one_pass_that_works_once(house: House, browser: Browser) -> None:
    give_pass(house, house.person(), once=True)
    other = Browser()
    mine, theirs = behind_password(house, browser), behind_password(house, other)
    assert house.prove(browser, mine, PASS).reply is not None
    answer = {"factor": "pass", "method": asked_of(theirs), "code": PASS}
    step = house.flow.prove(theirs.sign_in.id, other.visit(), answer)
    assert isinstance(step.decision.verdict, Ask), "it is not offered any more"
    assert len(house.door.grants) == 1


def test_a_pass_is_not_asked_for_before_its_time(house: House, browser: Browser) -> None:
    method = give_pass(house, house.person(), starts_at=house.clock.now() + timedelta(hours=1))
    step = behind_password(house, browser)
    verdict = step.decision.verdict
    assert isinstance(verdict, Ask)
    assert {offer.factor for offer in verdict.offers} == {"totp"}
    early = replace(step.sign_in, asked=Asked(factor="pass", method=method.id))
    with pytest.raises(Refused):
        house.flow.judge.factors.provers["pass"].prove(early, {"code": PASS})
    house.clock.advance(hours=1)
    assert house.prove(browser, behind_password(house, browser), PASS).reply is not None


@pytest.mark.parametrize(
    "terms",
    [
        {"lifetime": timedelta(minutes=9)},
        {"lifetime": timedelta(days=30, seconds=1)},
        {"letters": 7},
        {"letters": 49},
    ],
    ids=str,
)
def test_terms_out_of_bounds_are_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        PassTerms(**terms).check()


# What was removed -----------------------------------------------------------------------------
def test_what_a_removed_method_proved_counts_no_more(house: House, browser: Browser) -> None:
    """Not even in a sign-in that was under way when it was removed."""
    person = house.person()
    partner = house.partner()
    request = house.request(partner, confirm=("consent",))
    step = house.password(browser, browser.took(house.flow.begin(request, browser.visit())))
    house.clock.advance(seconds=30)
    step = house.totp(browser, step)
    assert step.decision.verdict == Confirm(what="consent")
    with house.ground.store.read() as connection:
        (method,) = house.hall.methods.of(connection, person.id)
    remove(house, method)
    step = house.flow.confirm(step.sign_in.id, browser.visit(), "consent", "yes")
    assert not isinstance(step.decision.verdict, Issue)
    assert house.door.grants == []
