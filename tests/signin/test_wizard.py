"""What is recommended, campaigned for and confirmed on the way, and what is asked for first."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from idp.core.errors import Refused
from idp.core.model import Person, Strength
from idp.factors import recovery
from idp.methods.snoozes import snoozed_by
from idp.policy.model import Ask, Campaign, Conditions, Confirm, Controls, Register, Rule
from idp.signin.record import Foreign
from idp.signin.steps import Step
from tests.hallway import Browser, House
from tests.passkeys import SoftKey
from tests.signin.keying import begin, enrol, options
from tests.signin.test_flow import _code_for
from tests.signin.test_review import rules
from tests.signin.test_stand_ins import CODE, enrolled

WANTED = Campaign(methods=("passkey",), snoozes=2, days=3)


def controls(name: str = "rule", **given: object) -> Rule:
    return Rule(id=name, name=name, controls=Controls(**given))  # type: ignore[arg-type]


def whole(house: House, browser: Browser) -> Step:
    """Answer both pages of a sign-in to a new application."""
    house.clock.advance(seconds=30)
    return house.totp(browser, house.password(browser, begin(house, browser)))


def key_for(step: Step) -> str:
    assert step.sign_in.enrolment is not None
    return SoftKey().make(step.sign_in.enrolment.draft["options"])


# A second way, after the first ------------------------------------------------------------------
def after_the_first(house: House, browser: Browser) -> Step:
    """Set up a first app; the second way is recommended then."""
    step = house.password(browser, begin(house, browser))
    step = house.choose(browser, step, "totp")
    assert step.person is not None
    assert step.sign_in.enrolment is not None
    shown = house.flow.judge.factors.enrollers["totp"].show(step.person, step.sign_in.enrolment)
    code = _code_for(house, shown["manual_key"])
    return browser.took(house.flow.enrol(step.sign_in.id, browser.visit(), {"factor": "totp", "code": code}))


def test_a_second_way_is_set_up_before_the_codes(house: House, browser: Browser, newcomer: Person) -> None:
    step = after_the_first(house, browser)
    assert step.decision.verdict == Register(factors=("passkey",), left=None)
    assert house.door.grants == []
    step = house.choose(browser, step, "passkey")
    step = enrol(house, browser, step, credential=key_for(step))
    assert step.decision.verdict == Register(factors=("recovery",)), "two are enough"
    assert house.save_codes(browser, step).reply is not None
    with house.ground.store.read() as connection:
        mine = {method.factor for method in house.hall.methods.of(connection, newcomer.id)}
    assert mine == {"totp", "passkey", "recovery"}


def test_a_second_way_that_was_begun_can_still_be_left(
    house: House, browser: Browser, newcomer: Person
) -> None:
    step = house.choose(browser, after_the_first(house, browser), "passkey")
    assert step.sign_in.enrolment is not None
    step = house.later(browser, step)
    assert step.decision.verdict == Register(factors=("recovery",))
    assert house.save_codes(browser, step).reply is not None


def test_what_has_to_be_set_up_is_not_put_off(house: House, browser: Browser, newcomer: Person) -> None:
    step = house.password(browser, begin(house, browser))
    before = step.decision.verdict
    assert isinstance(before, Register)
    assert house.later(browser, step).decision.verdict == before
    codes = enrolled(house, browser)
    assert house.later(browser, codes).decision.verdict == Register(factors=("recovery",))
    assert house.door.grants == []


def test_a_second_way_is_recommended_once_and_only_to_who_set_up_a_first(
    house: House, browser: Browser, ada: Person
) -> None:
    assert whole(house, browser).reply is not None


def test_another_browser_can_not_put_it_off(house: House, browser: Browser, newcomer: Person) -> None:
    step = after_the_first(house, browser)
    with pytest.raises(Foreign):
        house.flow.later(step.sign_in.id, Browser().visit())


# Campaigns ----------------------------------------------------------------------------------------
def test_a_campaign_may_be_put_off_so_often_and_then_it_is_required(
    house: House, browser: Browser, ada: Person
) -> None:
    rules(house, controls("safer", campaign=WANTED))
    for left in (2, 1):
        step = whole(house, browser := Browser())
        assert step.decision.verdict == Register(factors=("passkey",), left=left, rule="safer")
        assert house.later(browser, step).reply is not None
        house.clock.advance(days=2, hours=1)
        assert whole(house, Browser()).reply is not None, "not asked again so soon"
        house.clock.advance(days=1)
    step = whole(house, browser := Browser())
    assert step.decision.verdict == Register(factors=("passkey",), left=0, rule="safer")
    assert step.sign_in.enrolment is not None, "the safest is set up at once"
    grants = len(house.door.grants)
    assert house.later(browser, step).reply is None
    assert len(house.door.grants) == grants
    step = enrol(house, browser, step, credential=key_for(step))
    assert step.reply is not None
    house.clock.advance(seconds=30)
    step = house.password(other := Browser(), begin(house, other))
    step = house.totp(other, house.choose(other, step, "totp", _app(step)))
    assert step.reply is not None, "and that was it"


def test_an_old_password_is_no_way_around_what_is_required(
    house: House, browser: Browser, ada: Person
) -> None:
    """Signed in with the password where that is enough, a while ago; then the code elsewhere."""
    easy = house.partner()
    lenient = Rule(
        id="easy",
        name="easy",
        conditions=Conditions(partners=(easy.id,)),
        controls=Controls(strength=Strength.ONE),
    )
    rules(house, lenient, controls("safer", campaign=Campaign(methods=("passkey",), snoozes=0)))
    step = browser.took(house.flow.begin(house.request(easy), browser.visit()))
    assert house.password(browser, step).reply is not None
    house.clock.advance(minutes=1)
    step = house.totp(browser, begin(house, browser))
    assert step.reply is None
    assert step.sign_in.asked is not None
    assert step.sign_in.asked.factor == "password", "anew, before anything is set up"
    step = house.password(browser, step)
    assert step.decision.verdict == Register(factors=("passkey",), left=0, rule="safer")


def _app(step: Step) -> str:
    verdict = step.decision.verdict
    assert isinstance(verdict, Ask)
    return next(offer.method for offer in verdict.offers if offer.factor == "totp")


def test_putting_off_twice_at_once_counts_once(house: House, ada: Person) -> None:
    rules(house, controls("safer", campaign=WANTED))
    browser = Browser()
    step = whole(house, browser)

    def later() -> None:
        try:
            house.flow.later(step.sign_in.id, browser.visit())
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    errors: list[Exception] = []
    racing = [threading.Thread(target=later) for _ in range(6)]
    for thread in racing:
        thread.start()
    for thread in racing:
        thread.join()
    with house.ground.store.read() as connection:
        assert snoozed_by(connection, ada.id)["safer"][0] == 1
    assert len(house.door.grants) == 1


def test_who_passes_by_single_sign_on_is_not_stopped(house: House, browser: Browser, ada: Person) -> None:
    assert whole(house, browser).reply is not None
    rules(house, controls("safer", campaign=WANTED))
    house.clock.advance(minutes=1)
    assert begin(house, browser).reply is not None


def test_a_silent_request_is_not_stopped(house: House, browser: Browser, ada: Person) -> None:
    assert whole(house, browser).reply is not None
    rules(house, controls("safer", campaign=WANTED), controls("again", reconfirm_days=1))
    assert begin(house, browser, silent=True).reply is not None
    assert house.door.denials == []


@pytest.mark.parametrize("case", ["has it", "another rule refuses it", "not theirs"])
def test_a_campaign_asks_for_what_is_missing_and_would_count(
    house: House, browser: Browser, ada: Person, case: str
) -> None:
    asked = Rule(
        id="safer",
        name="safer",
        conditions=Conditions(people=("bob",) if case == "not theirs" else ()),
        controls=Controls(campaign=Campaign(methods=("totp",) if case == "has it" else ("passkey",))),
    )
    others = [controls("only", methods=("totp",))] if case == "another rule refuses it" else []
    rules(house, asked, *others)
    assert whole(house, browser).reply is not None


def test_a_campaign_does_not_come_right_after_a_first_method(
    house: House, browser: Browser, newcomer: Person
) -> None:
    rules(house, controls("safer", campaign=WANTED))
    step = house.later(browser, after_the_first(house, browser))
    assert house.save_codes(browser, step).reply is not None


def test_a_campaign_asks_nobody_behind_a_code_that_stands_in(house: House, browser: Browser) -> None:
    """A stolen recovery code must not be enough to add a passkey for good."""
    person = house.person()
    rules(house, controls("safer", campaign=Campaign(methods=("passkey",), snoozes=0)))
    with house.ground.store.write() as unit:
        new = recovery.handed_out(person, (CODE,), at=house.clock.now())
        house.hall.methods.add(unit, person.id, new, allowed=True)
    step = house.password(browser, begin(house, browser))
    verdict = step.decision.verdict
    assert isinstance(verdict, Ask)
    offer = next(one for one in verdict.offers if one.factor == "recovery")
    step = house.prove(browser, house.choose(browser, step, "recovery", offer.method), CODE)
    assert step.decision.verdict == Confirm(what="codes")


# Still right? -------------------------------------------------------------------------------------
def test_methods_are_confirmed_after_so_many_days(house: House, browser: Browser, ada: Person) -> None:
    rules(house, controls("again", reconfirm_days=90))
    step = whole(house, browser)
    assert step.decision.verdict == Confirm(what="methods"), "an administrator set it up: nobody looked"
    step = browser.took(house.flow.confirm(step.sign_in.id, browser.visit(), "methods", "yes"))
    assert step.reply is not None
    house.clock.advance(days=89)
    assert whole(house, Browser()).reply is not None
    house.clock.advance(days=2)
    step = whole(house, other := Browser())
    assert step.decision.verdict == Confirm(what="methods")
    step = other.took(house.flow.confirm(step.sign_in.id, other.visit(), "methods", "no"))
    assert step.reply is not None
    assert step.reply.fields == {"error": "cancelled"}


def test_who_set_up_a_method_has_looked(house: House, browser: Browser, newcomer: Person) -> None:
    rules(house, controls("again", reconfirm_days=90))
    step = house.later(browser, after_the_first(house, browser))
    assert house.save_codes(browser, step).reply is not None
    house.clock.advance(days=1)
    with house.ground.store.read() as connection:
        seen = house.hall.people.get(connection, newcomer.id)
    assert seen is not None
    assert seen.methods_seen_at is not None
    assert house.clock.now() - seen.methods_seen_at < timedelta(days=2)


# What is asked for first ----------------------------------------------------------------------------
def prefer(house: House, person: Person, method: str) -> None:
    with house.ground.store.write() as unit:
        house.hall.people.prefer(unit, person.id, method)


def asked_first(house: House) -> str:
    step = house.password(browser := Browser(), begin(house, browser))
    assert step.sign_in.asked is not None
    return step.sign_in.asked.factor


def test_the_method_that_a_person_prefers_is_asked_for_first(house: House, ada: Person, key: SoftKey) -> None:
    assert asked_first(house) == "passkey", "the strongest, if nothing is said"
    with house.ground.store.read() as connection:
        ids = {method.factor: method.id for method in house.hall.methods.of(connection, ada.id)}
    prefer(house, ada, f"totp:{ids['totp']}")
    assert asked_first(house) == "totp"
    rules(house, controls("order", strongest_first=True))
    assert asked_first(house) == "passkey"
    rules(house, controls("order", fresh_within=60))
    prefer(house, ada, "totp:gone")
    assert asked_first(house) == "passkey", "what is gone is preferred no more"
    prefer(house, ada, "passkey:whichever")
    assert asked_first(house) == "passkey"


def test_a_preference_adds_nothing_to_what_counts(house: House, ada: Person, key: SoftKey) -> None:
    with house.ground.store.read() as connection:
        (app,) = [one for one in house.hall.methods.of(connection, ada.id) if one.factor == "totp"]
    prefer(house, ada, f"totp:{app.id}")
    rules(house, controls("only", methods=("passkey",)))
    browser = Browser()
    step = house.password(browser, begin(house, browser))
    verdict = step.decision.verdict
    assert isinstance(verdict, Ask)
    assert {offer.factor for offer in verdict.offers} == {"passkey"}
    assert options(step)
    with pytest.raises(Refused):
        house.flow.prove(
            step.sign_in.id, browser.visit(), {"factor": "passkey", "method": "", "credential": "{}"}
        )
