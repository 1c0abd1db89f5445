"""Text messages: what they say, in whose language, and each limit on how many leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from idp.core.errors import Refused
from idp.core.result import Result
from idp.directory import phones
from idp.factors.floods import TooMany
from idp.factors.sms import Wording, WordingStore
from idp.factors.sms.sent import SentCodes
from idp.factors.sms.words import Messages
from idp.factors.tolls import TEXTS, Allowance, Spending, TextLimitsStore, TollLimits
from idp.keys import Issuers
from tests.hallway import ACTOR

SPENDING = Spending(sign_in="s1", person="p1", phone=phones.stored("+14255550123"), address="2001:db8::1")


@pytest.fixture
def limits(store) -> TextLimitsStore:
    return TextLimitsStore(store)


@pytest.fixture
def allowance(sealer, limits) -> Allowance:
    return Allowance("texts", TEXTS, sealer=sealer, limits=limits.get)


def spend(store, allowance, clock, spending: Spending) -> list[str]:
    with store.write() as unit:
        return allowance.spend(unit, spending, now=clock.now())


def other(number: int, *same: str) -> Spending:
    """Return a text that shares nothing with others but what is named."""
    apart = replace(
        SPENDING,
        sign_in=f"s-{number}",
        person=f"p-{number}",
        phone=phones.stored(f"+2010012345{number:02}"),
        address=f"192.0.2.{number}",
    )
    return replace(apart, **{name: getattr(SPENDING, name) for name in same})


# What a text says -------------------------------------------------------------------------------
def test_a_text_is_in_the_persons_language_and_its_last_line_in_no_language(store, clock, sign_in):
    issuers = Issuers(store)
    with store.write() as unit:
        issuers.ensure(unit, "https://login.example.org:8443", clock.now())
    asked: list[str] = []

    def translate(text: str, wishes: str) -> str:
        asked.append(wishes)
        return "%(code)s ist Ihr Code für %(service)s."

    wording = WordingStore(store)
    messages = Messages(
        service_name="Example",
        issuers=issuers,
        translate=translate,
        language=lambda wishes: wishes.partition(" ")[0] or "en",
        wording=wording.get,
    )
    going = replace(sign_in, request=replace(sign_in.request, issuer="default", locale="de fr"))
    said = messages.text("012345", going)
    assert said == "012345 ist Ihr Code für Example.\n\n@login.example.org #012345"
    assert asked == ["de fr"]
    with store.write() as unit:
        own = Wording(texts={"de": "{code} ist von {service}: %(code)s", "fr": "{code}"})
        wording.put(unit, own, actor=ACTOR, at=clock.now())
    last = "\n\n@login.example.org #012345"
    assert messages.text("012345", going) == "012345 ist von Example: %(code)s" + last
    for wish, own_words in (("de-AT", True), ("en", False)):
        there = replace(going, request=replace(going.request, locale=wish))
        assert messages.text("012345", there).startswith("012345 ist von") is own_words
    resetting = replace(going, request=replace(going.request, reset=True))
    assert messages.text("012345", resetting) == said, "our own: it is to be told from a sign-in"


# How many leave -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("same", "most", "window", "over"),
    [
        (("sign_in",), 5, timedelta(hours=1), "sign-in"),
        (("person",), 10, timedelta(hours=1), "person"),
        (("phone",), 10, timedelta(hours=1), "number"),
        (("address",), 50, timedelta(hours=1), "address"),
    ],
)
def test_row_58_each_limit_holds_by_itself(store, allowance, clock, same, most, window, over):
    for number in range(most):
        spend(store, allowance, clock, other(number, *same))
    with pytest.raises(TooMany) as caught:
        spend(store, allowance, clock, other(most, *same))
    assert caught.value.over == over
    assert caught.value.status == 429
    # Whoever shares nothing with them is not in it.
    spend(store, allowance, clock, other(99))
    clock.advance(seconds=window.total_seconds())
    spend(store, allowance, clock, other(most, *same))


def answer(store, allowance, clock, codes: SentCodes, spending: Spending) -> None:
    """Have a code texted, and type it."""
    place, now = f"place of {spending.sign_in}", clock.now()
    with store.write() as unit:
        code = codes.current(unit, place, now=now, until=now.replace(year=2100))
        codes.sent(unit, place, now=now, spent=allowance.spend(unit, spending, now=now))
    with store.write() as unit:
        assert codes.use(unit, place, code.code, now=now) is Result.COMPLETED


def test_row_58_answered_texts_count_for_the_day_too(store, allowance, clock, limits, sealer):
    with store.write() as unit:
        limits.put(unit, TollLimits(daily=3), actor=ACTOR, at=clock.now())
    for number in range(3):
        answer(store, allowance, clock, SentCodes(sealer), other(number))
    with pytest.raises(TooMany) as caught:
        spend(store, allowance, clock, other(3))
    assert caught.value.over == "day"


def test_row_58_answering_all_of_them_does_not_get_past_fifty_a_day(store, allowance, clock, sealer):
    for number in range(50):
        answer(store, allowance, clock, SentCodes(sealer), other(number, "person"))
    with pytest.raises(TooMany) as caught:
        spend(store, allowance, clock, other(50, "person"))
    assert caught.value.over == "person's day"
    clock.advance(hours=24)
    spend(store, allowance, clock, other(50, "person"))


def test_neighbours_in_an_ipv6_network_are_one(store, allowance, clock):
    for number in range(50):
        spend(store, allowance, clock, replace(other(number), address=f"2001:db8::{number:x}"))
    with pytest.raises(TooMany):
        spend(store, allowance, clock, replace(other(50), address="2001:db8::ffff"))


def test_a_text_that_does_not_leave_counts_nowhere(store, allowance, clock):
    for number in range(5):
        spend(store, allowance, clock, other(number, "sign_in", "person"))
    for _ in range(20):
        with pytest.raises(TooMany):
            spend(store, allowance, clock, SPENDING)
    for number in range(5, 10):
        spend(store, allowance, clock, other(number, "person"))


def test_what_a_right_answer_gives_back_holds_no_number(store, allowance, clock):
    keys = spend(store, allowance, clock, SPENDING)
    assert [key.split(":")[1] for key in keys] == ["person", "number", "address", "country"]
    assert all("4255550123" not in key for key in keys)


def test_limits_are_set_as_one_change_and_read_back(store, limits, clock):
    assert limits.get() == TollLimits()
    wanted = TollLimits(daily=7, per_country=3, countries=("DE",))
    with store.write() as unit:
        limits.put(unit, wanted, actor=ACTOR, at=clock.now())
    assert limits.get() == wanted
    assert TextLimitsStore(store).get() == wanted


def test_only_allowed_countries_get_texts(store, limits, allowance, clock):
    with store.write() as unit:
        limits.put(unit, TollLimits(countries=("EG",)), actor=ACTOR, at=clock.now())
    with pytest.raises(Refused):
        spend(store, allowance, clock, SPENDING)
    spend(store, allowance, clock, other(1))
    assert allowance.countries() == ("EG",)
