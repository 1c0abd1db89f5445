"""The record of one sign-in, told in plain words."""

from __future__ import annotations

import re

import pytest

from idp.core.errors import Refused
from idp.core.model import Actor
from idp.desk.records import RecordDesk
from idp.desk.stories import Story, tell
from idp.policy.model import Ask, Controls, Rule
from tests.hallway import ACTOR, Browser, House
from tests.signin.keying import give, show

STRANGER = Actor(kind="person", id="i-nobody")


def desk(house: House) -> RecordDesk:
    return RecordDesk(
        store=house.ground.store,
        people=house.hall.people,
        partners=house.ground.partners,
        audit=house.ground.audit,
    )


def begin(house: House, browser: Browser, correlation: str = "c1"):
    visit = browser.visit()
    object.__setattr__(visit, "correlation", correlation)
    return browser.took(house.flow.begin(house.request(house.partner()), visit))


def told(house: House, which: str = "c1") -> Story:
    return tell(desk(house).story(which, actor=ACTOR))


def texts(house: House, which: str = "c1") -> list[str]:
    return [line.text for line in told(house, which).lines]


def test_a_sign_in_is_told_step_by_step(house: House, browser: Browser) -> None:
    give(house, house.person())
    step = house.password(browser, begin(house, browser))
    house.clock.advance(seconds=30)
    assert isinstance(step.decision.verdict, Ask)
    method = next(offer.method for offer in step.decision.verdict.offers if offer.factor == "totp")
    app = house.choose(browser, step, "totp", method)
    with pytest.raises(Refused):
        house.totp(browser, app, "000000")
    assert house.totp(browser, app).reply is not None
    story = told(house)
    assert (story.person, story.partner, story.address) == ("ada", "Expenses", "198.51.100.7")
    assert [line.text for line in story.lines] == [
        "The password was right. Offered beside it: passkey.",
        "The code from the authenticator app was not right. Offered beside it: passkey.",
        "The code from the authenticator app was right. Offered beside it: passkey.",
        "The application was told who it is (pwd, otp, mfa).",
    ]
    assert list(story.lines) == sorted(story.lines, key=lambda line: line.at)


def test_a_passkey_says_whether_it_asked(house: House, browser: Browser) -> None:
    key = give(house, house.person())
    assert show(house, browser, begin(house, browser), key).reply is not None
    assert texts(house)[0] == "The passkey was right. It asked who holds it. Offered beside it: password."


def test_a_denial_is_found_by_its_reference_and_names_the_rule(house: House, browser: Browser) -> None:
    house.person()
    rule = Rule(id="keys", name="keys only", controls=Controls(methods=("passkey",)))
    with house.ground.store.write() as unit:
        house.flow.judge.rules.replace_all(unit, [rule], actor=ACTOR, at=house.clock.now())
    step = house.password(browser, begin(house, browser))
    assert step.denied is not None
    found = texts(house, step.denied.reference.lower())
    assert found[0].startswith("The password was right.")
    assert found[-1] == (
        "The person was turned away, because the person has no second factor that the rules accept. "
        "Rules that spoke: keys."
    )


def test_a_lock_is_told(house: House, browser: Browser) -> None:
    house.person()
    step = begin(house, browser)
    for _ in range(11):
        with pytest.raises(Refused):
            house.password(browser, step, word="guess")
    with pytest.raises(Refused):
        house.password(browser, step)
    assert texts(house)[-2:] == [
        "The password was not right, for the last time: it is not looked at for a while now.",
        "The password was right, but there had been too many wrong tries, by somebody else perhaps.",
    ]


def test_what_is_not_there_is_said_and_nobody_else_reads_it(house: House, browser: Browser) -> None:
    for which in ("AAAA-BBBB", "", "x" * 500, "nothing"):
        with pytest.raises(Refused, match="Nothing on record"):
            desk(house).story(which, actor=ACTOR)
    with pytest.raises(Refused, match="i-nobody"):
        desk(house).story("c1", actor=STRANGER)


def test_no_sentence_is_left_open(house: House, browser: Browser) -> None:
    house.person()
    house.password(browser, begin(house, browser))
    for text in texts(house):
        assert re.fullmatch(r"[A-Z][^{}]*\.", text)
