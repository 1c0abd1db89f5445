"""Phones asked again and again: limits, alarms, and people who are blocked and told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
import sqlalchemy as sa

from idp.core.errors import Reason
from idp.core.model import Method, Person
from idp.directory import blocks
from idp.factors.alarm import AlarmSettings, AlarmSettingsStore
from idp.factors.codes import hotp
from idp.factors.elsewhere import Said
from idp.factors.push.factor import LASTS
from idp.jobs import Outbox
from idp.jobs.outbox import Outcome
from idp.policy.model import Ask, Deny
from idp.signin.steps import Step
from idp.store import Change, change, schema
from tests.hallway import ACTOR, Browser, House
from tests.signin.keying import recorded
from tests.signin.phoning import SEED, InHand, begin, give, go_on


@pytest.fixture
def ada(house: House) -> Person:
    return house.person()


@pytest.fixture
def phone(house: House, ada: Person) -> InHand:
    return give(house, ada)


@pytest.fixture
def mailed(house: House) -> None:
    row = {"host": "127.0.0.1", "port": 9, "sender": "a@example.org"}
    settings = {"name": "m", "type": "smtp", "position": 1, "prefixes": [], "settings": row, "sealed": b""}
    with house.ground.store.write() as unit:
        unit.execute(sa.insert(schema.carriers), settings)
        made = Change(noun="carrier", key="m", before=None, after={})
        change(unit, actor=ACTOR, at=house.clock.now(), change=made)
        told = AlarmSettings(tell=("security@example.org",))
        AlarmSettingsStore(house.ground.store).put(unit, told, actor=ACTOR, at=house.clock.now())


def mails(house: House) -> list[Mapping[str, str]]:
    outbox, taken = Outbox(house.ground.store, house.ground.sealer, house.clock), []
    while leased := outbox.lease(["mail"]):
        taken.append(outbox.open(leased).payload)
        outbox.settle(leased, Outcome())
    return taken


def in_vain(house: House) -> Step:
    """Ask from a browser nobody knows, and wait until it is over."""
    step = begin(house, Browser(address="203.0.113.66"))
    house.clock.advance(seconds=LASTS.total_seconds())
    return step


def is_asked(step: Step) -> bool:
    asked = step.sign_in.asked
    return asked is not None and asked.factor == "push" and asked.challenge["number"] != ""


def test_row_62_five_in_a_quarter_of_an_hour(house: House, phone: InHand) -> None:
    assert [is_asked(in_vain(house)) for _ in range(6)] == [True] * 5 + [False]
    assert [one["phones"] for one in recorded(house, event="phone-asked")] == [1] * 5
    # Another way is still there, and the app's own codes are.
    step = begin(house, Browser())
    assert isinstance(step.decision.verdict, Ask)
    assert {offer.factor for offer in step.decision.verdict.offers} == {"push", "totp"}
    house.clock.advance(minutes=15)
    assert is_asked(in_vain(house))


def test_an_ordinary_day_never_comes_near(house: House, browser: Browser, phone: InHand) -> None:
    for _ in range(20):
        fresh = Browser()
        step = begin(house, fresh)
        assert phone.approve(step) is Said.APPROVED
        assert go_on(house, fresh, step).reply is not None
    assert len(house.door.grants) == 20


def test_row_62_a_night_of_requests_ends_blocked_and_told(
    house: House, ada: Person, phone: InHand, mailed: None
) -> None:
    asked = 0
    for _ in range(20):
        step = in_vain(house)
        asked += is_asked(step)
        if isinstance(step.decision.verdict, Deny):
            break
        house.clock.advance(minutes=14)
    assert asked == 15
    assert house.door.grants == []
    step = begin(house, Browser(address="203.0.113.66"))
    assert step.decision.verdict == Deny(reason=Reason.BLOCKED)
    with house.ground.store.read() as connection:
        (blocked,) = blocks.blocked(connection, now=house.clock.now(), limit=10)
    assert (blocked.name, blocked.reason) == ("ada", "too-many-requests")
    assert blocked.until - house.clock.now() > timedelta(hours=23), (
        "a thief can bring it about: a day, no more"
    )
    to = {mail["to"]: mail["text"] for mail in mails(house)}
    assert "is blocked" in to["ada@example.org"].replace("\n", " ")
    assert "idp person unblock" in to["security@example.org"]


def test_codes_and_other_ways_are_no_flood(house: House, ada: Person, phone: InHand) -> None:
    for turn in range(20):
        house.clock.advance(minutes=4)
        browser = Browser()
        step = begin(house, browser)
        assert is_asked(step)
        if turn % 2:
            code = hotp(SEED, int(house.clock.now().timestamp()) // 30, digits=6, algorithm="sha1")
            assert go_on(house, browser, step, code=code).reply is not None
        else:
            method = next(one.id for one in methods(house, ada) if one.factor == "totp")
            assert house.totp(browser, house.choose(browser, step, "totp", method)).reply is not None


def methods(house: House, person: Person) -> tuple[Method, ...]:
    with house.ground.store.read() as connection:
        return house.hall.methods.of(connection, person.id)


def test_a_withheld_request_is_recorded_once_and_alarms_once(
    house: House, ada: Person, phone: InHand
) -> None:
    for _ in range(5):
        in_vain(house)
    browser = Browser()
    step = begin(house, browser)
    for _ in range(10):
        house.choose(browser, step, "push")
    assert len(recorded(house, event="phone-not-asked")) == 1


def test_three_noes_block(house: House, browser: Browser, ada: Person, phone: InHand) -> None:
    for _ in range(3):
        begin(house, Browser(address="203.0.113.66"))
        assert phone.say(Said.DENIED) is Said.DENIED
    step = begin(house, browser)
    assert step.decision.verdict == Deny(reason=Reason.BLOCKED)


def test_a_report_blocks_at_once_and_the_thief_reads_no_more_than_that(
    house: House, ada: Person, phone: InHand, mailed: None
) -> None:
    thief = Browser(address="203.0.113.66")
    step = begin(house, thief)
    assert phone.say(Said.FRAUD) is Said.FRAUD
    step = go_on(house, thief, step)
    assert step.denied is not None
    assert step.denied.reason is Reason.BLOCKED
    assert house.door.grants == []
    assert len(recorded(house, event="fraud-reported")) == 1
    assert {mail["to"] for mail in mails(house)} == {"ada@example.org", "security@example.org"}
    # The right factors open nothing either, nor does a session that was there before.
    step = begin(house, Browser())
    assert step.decision.verdict == Deny(reason=Reason.BLOCKED)
    assert phone.look() is None


def test_a_report_by_setting_only_tells(house: House, ada: Person, phone: InHand, mailed: None) -> None:
    with house.ground.store.write() as unit:
        told = AlarmSettings(block=False, tell=("security@example.org",))
        AlarmSettingsStore(house.ground.store).put(unit, told, actor=ACTOR, at=house.clock.now())
    house.clock.advance(seconds=2)
    begin(house, Browser(address="203.0.113.66"))
    phone.say(Said.FRAUD)
    assert [mail["to"] for mail in mails(house)] == ["security@example.org"]
    assert is_asked(begin(house, Browser()))


def test_a_session_of_somebody_blocked_opens_nothing(
    house: House, browser: Browser, ada: Person, phone: InHand
) -> None:
    step = begin(house, browser)
    phone.approve(step)
    assert go_on(house, browser, step).reply is not None
    with house.ground.store.write() as unit:
        now = house.clock.now()
        assert blocks.block(unit, ada.id, reason="lost", now=now, until=now + timedelta(days=1))
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    assert step.decision.verdict == Deny(reason=Reason.BLOCKED)
    house.clock.advance(days=1)
    assert house.flow.begin(house.request(house.partner()), browser.visit()).reply is None
