"""Signing in and setting up a phone by text message, through the whole hallway."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from idp.core.errors import Refused, Unchecked
from idp.core.model import Person
from idp.factors.tolls import TextLimitsStore, TollLimits
from idp.policy.model import Ask, Deny, Register
from idp.signin.record import SignIns
from idp.store import schema
from tests.hallway import ACTOR, Browser, House
from tests.signin.texting import again, begin, events, show, wrong

NUMBER = "+1 425 555 0123"
OTHER = "+49 151 23456789"
MASKED = "+1 •••-•••-••23"


# Signing in -----------------------------------------------------------------------------------
def test_a_code_is_texted_and_lets_in(house: House, browser: Browser, phoned: Person) -> None:
    step = begin(house, browser)
    assert isinstance(step.decision.verdict, Ask)
    (offer,) = step.decision.verdict.offers
    assert (offer.label, offer.detail) == ("Text message", MASKED)
    (message,) = house.texts()
    assert message["to"] == "+14255550123"
    assert message["person"] == phoned.id
    step = house.sms(browser, step, message["text"].rpartition("#")[2])
    assert step.reply is not None
    assert house.door.grants[0].amr == ("pwd", "sms", "mfa")
    with house.ground.store.read() as connection:
        (method,) = house.hall.methods.of(connection, phoned.id)
    assert method.last_used_at == house.clock.now()


def test_the_text_names_the_service_and_is_bound_to_its_address(
    house: House, browser: Browser, phoned: Person
) -> None:
    begin(house, browser)
    (message,) = house.texts()
    said, empty, bound = message["text"].split("\n")
    code = re.search(r"\d{6}", said)
    assert code is not None
    assert said == f"Code {code[0]} signs you in to Countersign. Share it with nobody, whoever asks."
    assert empty == ""
    assert bound == f"@login.example.org #{code[0]}"
    assert message["text"].isascii()
    assert len(message["text"]) <= 160, "one text, not two"


def test_a_page_shown_again_sends_nothing(house: House, browser: Browser, phoned: Person) -> None:
    step = begin(house, browser)
    for _ in range(3):
        step = show(house, browser, step)
    assert len(house.texts()) == 1
    house.clock.advance(minutes=2)
    show(house, browser, step)
    assert house.texts() == []


def test_another_text_says_the_same_code_until_it_is_old(
    house: House, browser: Browser, phoned: Person
) -> None:
    step = begin(house, browser)
    first = house.texted()
    with pytest.raises(Unchecked, match="still on its way"):
        again(house, browser, step)
    house.clock.advance(seconds=30)
    step = again(house, browser, step)
    assert step.sign_in.asked is not None
    assert step.sign_in.asked.challenge == {"sends": "2"}
    assert house.texted() == first, "two texts in whatever order say the same"
    house.clock.advance(minutes=5)
    step = again(house, browser, step)
    newest = house.texted()
    assert newest != first
    with pytest.raises(Refused, match="newest"):
        house.sms(browser, step, first)
    assert house.sms(browser, step, newest).reply is not None


def test_a_code_is_old_after_ten_minutes_and_with_its_sign_in(
    house: House, browser: Browser, phoned: Person
) -> None:
    step = begin(house, browser)
    (message,) = house.texts()
    started = step.sign_in.started_at
    assert message["expires_at"] == started.replace(minute=started.minute + 10).isoformat()
    house.clock.advance(minutes=10)
    with pytest.raises(Refused, match="not right"):
        house.sms(browser, step, message["text"].rpartition("#")[2])
    step = again(house, browser, step)
    (message,) = house.texts()
    assert message["expires_at"] == step.sign_in.expires_at.isoformat()
    house.clock.advance(seconds=30)
    step = again(house, browser, step)
    assert house.texted() == message["text"].rpartition("#")[2], "no new code for the same end"


def test_row_57_a_code_is_in_nothing_but_the_sealed_text(
    house: House, browser: Browser, phoned: Person, tmp_path, monkeypatch
) -> None:
    """Neither the code nor the number: in no log, row, state or answer."""
    kept = []
    save, keep = SignIns.save, SignIns.keep
    monkeypatch.setattr(SignIns, "save", lambda self, *a: kept.append(repr(a)) or save(self, *a))
    monkeypatch.setattr(SignIns, "keep", lambda self, *a: kept.append(repr(a)) or keep(self, *a))
    step = begin(house, browser)
    house.clock.advance(seconds=30)
    again(house, browser, step)
    with pytest.raises(Refused):
        house.sms(browser, step, "000000")
    house.ground.store.dispose()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    code = house.texts()[0]["text"].rpartition("#")[2]
    for secret in (code, "4255550123"):
        assert secret not in house.log.getvalue()
        assert secret.encode() not in written
        assert secret not in repr(step)
        assert all(secret not in text for text in kept)
    assert {event["event"] for event in events(house)} >= {"code-sent", "credential-refused"}


def test_a_code_is_used_once_by_whoever_comes_first(house: House, browser: Browser, phoned: Person) -> None:
    """State may step back a second: the database says that the code is used."""
    step = begin(house, browser)
    code = house.texted()
    factor = house.flow.judge.factors.provers["sms"]
    answer = {"code": code}

    def prove(_: int) -> bool:
        try:
            factor.prove(step.sign_in, answer)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(8) as crowd:
        assert sorted(crowd.map(prove, range(8))) == [False] * 7 + [True]


def test_a_code_is_good_for_its_own_sign_in_browser_and_phone(
    house: House, browser: Browser, phoned: Person
) -> None:
    second = house.give_phone(phoned, "+4915123456789")
    step = begin(house, browser)
    code = house.texted()
    thief = Browser()
    theirs = begin(house, thief)
    own = house.texted()
    with pytest.raises(Refused):
        house.sms(thief, theirs, code)
    prover = house.flow.judge.factors.provers["sms"]
    with pytest.raises(Refused):
        prover.prove(replace(step.sign_in, browser=theirs.sign_in.browser), {"code": code})
    elsewhere = browser.took(house.flow.choose(step.sign_in.id, browser.visit(), "sms", second))
    with pytest.raises(Refused):
        house.sms(browser, elsewhere, code)
    assert house.sms(thief, theirs, own).reply is not None


def test_two_starts_at_once_text_one_code_once(house: House, browser: Browser, phoned: Person) -> None:
    step = begin(house, browser)
    (sent,) = house.texts()
    offer = step.decision.verdict.offers[0]  # type: ignore[union-attr]
    house.clock.advance(minutes=1)
    # As of two tabs that both read the record before anything was asked.
    unasked = replace(step.sign_in, asked=None)
    factor = house.flow.judge.factors.provers["sms"]
    with ThreadPoolExecutor(4) as crowd:
        asked = list(crowd.map(lambda _: factor.start(unasked, offer), range(4)))
    assert {one.method for one in asked} == {offer.method}
    (one,) = house.texts()
    assert one["text"] == sent["text"]


def test_a_phone_that_was_removed_meanwhile_proves_nothing(
    house: House, browser: Browser, phoned: Person
) -> None:
    step = begin(house, browser)
    code = house.texted()
    with house.ground.store.write() as unit:
        house.hall.methods.remove(unit, step.sign_in.asked.method)  # type: ignore[union-attr]
    step = house.sms(browser, step, code)
    assert step.reply is None
    assert house.door.grants == []


def test_another_way_between_phones_and_the_app(house: House, browser: Browser, phoned: Person) -> None:
    second = house.give_phone(phoned, "+4915123456789")
    house.give_totp(phoned)
    step = begin(house, browser)
    assert [offer.factor for offer in step.decision.verdict.offers] == ["totp", "sms", "sms"]  # type: ignore[union-attr]
    assert house.texts() == [], "the app is asked for first, and costs nothing"
    step = browser.took(house.flow.choose(step.sign_in.id, browser.visit(), "sms", second))
    (message,) = house.texts()
    assert message["to"] == "+4915123456789"
    assert house.sms(browser, step, message["text"].rpartition("#")[2]).reply is not None


def test_without_a_carrier_no_text_is_offered(house: House, browser: Browser) -> None:
    person = house.person(totp=False)
    house.give_phone(person)
    assert isinstance(begin(house, browser).decision.verdict, Deny)
    newcomer = house.person("grace", totp=False)
    other = Browser()
    step = other.took(house.flow.begin(house.request(house.partner()), other.visit()))
    step = house.password(other, step, "grace")
    assert step.decision.verdict == Register(factors=("passkey", "push", "totp"))
    assert newcomer.may_enrol


def test_row_52_wrong_codes_lock_and_end_the_sign_in(house: House, browser: Browser, phoned: Person) -> None:
    step = begin(house, browser)
    code = house.texted()
    for _ in range(10):
        with pytest.raises(Refused):
            house.sms(browser, step, wrong(code))
    step = house.sms(browser, step, code)
    assert isinstance(step.decision.verdict, Deny)
    # A new sign-in, and a new code, do not reset it.
    other = Browser()
    step = begin(house, other)
    assert isinstance(house.sms(other, step, house.texted()).decision.verdict, Deny)
    assert house.door.grants == []


# How many ---------------------------------------------------------------------------------------
def test_row_58_a_sign_in_sends_five_texts(house: House, browser: Browser, phoned: Person) -> None:
    step = begin(house, browser)
    for _ in range(4):
        house.clock.advance(seconds=40)
        step = again(house, browser, step)
    house.clock.advance(seconds=40)
    with pytest.raises(Unchecked) as caught:
        again(house, browser, step)
    assert "last text of this sign-in" in caught.value.public
    codes = {one["text"] for one in house.texts()}
    assert len(codes) == 1
    # What was sent is still good, and nothing of it counted as a wrong try.
    assert house.sms(browser, step, codes.pop().rpartition("#")[2]).reply is not None
    (withheld,) = (one for one in events(house) if one["event"] == "code-withheld")
    assert withheld["reason"] == "sign-in"


def test_row_58_texts_that_nobody_answers_run_out_for_a_person(
    house: House, browser: Browser, phoned: Person
) -> None:
    for _ in range(10):
        begin(house, Browser())
        house.clock.advance(seconds=31)
    assert len(house.texts()) == 10
    step = begin(house, browser)
    assert house.texts() == []
    assert isinstance(step.decision.verdict, Ask)
    assert step.sign_in.asked is None, "nothing could be asked: the page says why and lists the ways"
    assert "Wait an hour" in step.problem
    assert "Wait an hour" in show(house, browser, step).problem
    house.clock.advance(hours=1)
    browser = Browser()
    step = begin(house, browser)
    assert house.sms(browser, step, house.texted()).reply is not None


def test_what_can_be_asked_is_asked_instead(house: House, browser: Browser, phoned: Person) -> None:
    """With a second phone and the first one's limit reached, the second is texted."""
    for _ in range(5):
        begin(house, Browser(address="203.0.113.9"))
        house.clock.advance(seconds=31)
    house.texts()
    with house.ground.store.write() as unit:
        unit.execute(
            sa.update(schema.attempts)
            .where(schema.attempts.c.key.startswith("texts:number:"))
            .values(count=10)
        )
    second = house.give_phone(phoned, "+4915123456789")
    step = begin(house, browser)
    assert step.sign_in.asked is not None
    assert step.sign_in.asked.method == second
    assert [one["to"] for one in house.texts()] == ["+4915123456789"]


def test_answered_texts_are_given_back(house: House, phoned: Person) -> None:
    for _ in range(12):
        browser = Browser()
        step = begin(house, browser)
        assert house.sms(browser, step, house.texted()).reply is not None
        house.clock.advance(seconds=31)
    with house.ground.store.read() as connection:
        counted = dict(
            connection.execute(
                sa.select(schema.attempts.c.key, schema.attempts.c.count).where(
                    schema.attempts.c.key.startswith("texts:")
                )
            ).all()
        )
    left = {key.split(":")[1]: count for key, count in counted.items() if not key.startswith("texts:sign-in")}
    assert left == {"person": 0, "person's day": 12, "number": 0, "address": 0, "country": 0, "day": 12}


@pytest.mark.parametrize(
    ("limits", "over", "said"),
    [
        (TollLimits(daily=0), "day", "tomorrow"),
        (TollLimits(per_country=0), "country", "Wait an hour"),
        (TollLimits(countries=("DE", "EG")), "countries", "that country"),
    ],
)
def test_row_58_what_an_administrator_limits(
    house: House, browser: Browser, phoned: Person, limits: TollLimits, over: str, said: str
) -> None:
    with house.ground.store.write() as unit:
        TextLimitsStore(house.ground.store).put(unit, limits, actor=ACTOR, at=house.clock.now())
    step = begin(house, browser)
    assert said in step.problem
    assert house.texts() == []
    assert [one["reason"] for one in events(house) if one["event"] == "code-withheld"] == [over]
