"""Setting up a phone between the password and the answer."""

from __future__ import annotations

import pytest

from idp.core.errors import Refused, Unchecked
from idp.core.model import Person
from idp.policy.model import Ask, Controls, Deny, Issue, Register, Rule
from tests.hallway import ACTOR, Browser, House
from tests.signin.texting import begin, choosing, enrol, events, wrong

NUMBER = "+1 425 555 0123"
OTHER = "+49 151 23456789"
MASKED = "+1 •••-•••-••23"


def test_a_phone_is_set_up_between_password_and_answer(
    house: House, browser: Browser, newcomer: Person
) -> None:
    step = begin(house, browser)
    assert step.decision.verdict == Register(factors=("passkey", "push", "totp", "sms"))
    step = browser.took(house.flow.choose(step.sign_in.id, browser.visit(), "sms", ""))
    enroller = house.flow.judge.factors.enrollers["sms"]
    assert "US" in enroller.show(newcomer, step.sign_in.enrolment)["countries"]  # type: ignore[arg-type, operator]
    step = enrol(house, browser, step, number="425 555 0123", country="US")
    assert enroller.show(newcomer, step.sign_in.enrolment) == {"number": MASKED, "sends": "1"}  # type: ignore[arg-type]
    assert house.door.grants == []
    code = house.texted()
    with pytest.raises(Refused, match="not right"):
        enrol(house, browser, step, code=wrong(code))
    step = house.save_codes(browser, enrol(house, browser, step, code=code))
    assert step.reply is not None
    assert isinstance(step.decision.verdict, Issue)
    assert house.door.grants[0].amr == ("pwd", "sms", "mfa")
    with house.ground.store.read() as connection:
        mine = house.hall.methods.of(connection, newcomer.id)
        (method,) = (one for one in mine if one.factor == "sms")
        assert house.hall.methods.secret(connection, method.id) == b"+14255550123"
    assert method.label == MASKED
    assert "method-added" in [one["event"] for one in events(house)]


def test_a_phone_that_a_rule_shuts_out_meanwhile_is_not_set_up(
    house: House, browser: Browser, newcomer: Person
) -> None:
    step = enrol(house, browser, choosing(house, browser), number=NUMBER)
    rule = Rule(id="apps", name="apps only", controls=Controls(methods=("totp",)))
    with house.ground.store.write() as unit:
        house.flow.judge.rules.replace_all(unit, [rule], actor=ACTOR, at=house.clock.now())
    step = enrol(house, browser, step, code=house.texted())
    assert step.decision.verdict == Register(factors=("totp",))
    with house.ground.store.read() as connection:
        assert house.hall.methods.of(connection, newcomer.id) == ()


def test_a_wrong_number_is_corrected_and_counts_as_no_try(
    house: House, browser: Browser, newcomer: Person
) -> None:
    step = choosing(house, browser)
    for number in ("", "12", "+1 900 555 0123", "x" * 500):
        for _ in range(4):
            with pytest.raises(Unchecked):
                enrol(house, browser, step, number=number, country="US")
    assert house.texts() == []
    with pytest.raises(Unchecked, match="first"):
        enrol(house, browser, step, code="123456")
    step = enrol(house, browser, step, number=NUMBER)
    assert house.save_codes(browser, enrol(house, browser, step, code=house.texted())).reply is not None


def test_the_text_of_a_setting_up_is_sent_again(house: House, browser: Browser, newcomer: Person) -> None:
    step = enrol(house, browser, choosing(house, browser), number=NUMBER)
    code = house.texted()
    with pytest.raises(Unchecked, match="on its way"):
        enrol(house, browser, step, again="1")
    house.clock.advance(seconds=30)
    step = enrol(house, browser, step, again="1")
    assert step.sign_in.enrolment is not None
    assert step.sign_in.enrolment.draft["sends"] == "2"
    assert house.texted() == code


def test_row_61_a_code_confirms_the_number_it_was_sent_to_and_no_other(
    house: House, browser: Browser, newcomer: Person
) -> None:
    """Two tabs, two numbers: the draft is the last one's, and so is the code that counts."""
    step = choosing(house, browser)
    enrol(house, browser, step, number=NUMBER)
    first = house.texted()
    step = enrol(house, browser, step, number=OTHER)
    second = house.texted()
    with pytest.raises(Refused):
        enrol(house, browser, step, code=first)
    assert house.save_codes(browser, enrol(house, browser, step, code=second)).reply is not None
    with house.ground.store.read() as connection:
        mine = house.hall.methods.of(connection, newcomer.id)
        (method,) = (one for one in mine if one.factor == "sms")
    assert method.label == "+49 •••• •••••89"


def test_row_61_a_draft_belongs_to_its_person(house: House, browser: Browser, newcomer: Person) -> None:
    step = enrol(house, browser, choosing(house, browser), number=NUMBER)
    grace = house.person("grace", totp=False)
    enroller = house.flow.judge.factors.enrollers["sms"]
    assert step.sign_in.enrolment is not None
    with pytest.raises(Refused):
        enroller.show(grace, step.sign_in.enrolment)
    with pytest.raises(Refused):
        enroller.confirm(step.sign_in, grace, step.sign_in.enrolment, {"code": house.texted()})


def test_row_61_of_two_that_set_up_a_first_phone_one_does(
    house: House, browser: Browser, newcomer: Person
) -> None:
    thief = Browser()
    mine, theirs = choosing(house, browser), choosing(house, thief)
    mine = enrol(house, browser, mine, number=NUMBER)
    my_code = house.texted()
    theirs = enrol(house, thief, theirs, number=OTHER)
    their_code = house.texted()
    assert house.save_codes(browser, enrol(house, browser, mine, code=my_code)).reply is not None
    step = enrol(house, thief, theirs, code=their_code)
    assert isinstance(step.decision.verdict, Ask), "the thief is asked for the owner's phone now"
    assert len(house.door.grants) == 1


def test_row_52_typing_the_number_again_does_not_clear_the_count(
    house: House, browser: Browser, newcomer: Person
) -> None:
    step = enrol(house, browser, choosing(house, browser), number=NUMBER)
    code = house.texted()
    for turn in range(10):
        with pytest.raises(Refused):
            enrol(house, browser, step, code=wrong(code))
        if turn == 4:
            house.clock.advance(seconds=31)
            step = enrol(house, browser, step, number=NUMBER)
    step = enrol(house, browser, step, code=code)
    assert isinstance(step.decision.verdict, Deny)
    assert house.door.grants == []


def test_row_63_a_number_that_somebody_has_is_answered_like_any(
    house: House, browser: Browser, newcomer: Person
) -> None:
    owner = house.person("grace", totp=False)
    house.give_phone(owner)
    taken = enrol(house, browser, choosing(house, browser), number=NUMBER)
    other = Browser()
    free = enrol(house, other, choosing(house, other), number="+1 425 555 0145")
    assert taken.sign_in.enrolment is not None
    assert free.sign_in.enrolment is not None
    assert taken.sign_in.enrolment.draft.keys() == free.sign_in.enrolment.draft.keys()
    assert len(house.texts()) == 2
