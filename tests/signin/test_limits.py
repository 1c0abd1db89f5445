"""Banned networks, floods of new sign-ins, applications that go in circles, one session a browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from idp.core.errors import Looping, Refused
from idp.core.model import Grant, Network, Reply, Visit
from idp.signin.bans import MOST_BANS, Bans
from idp.signin.limits import SETTABLE, Limits, LimitsStore
from idp.signin.record import Crowded
from idp.store import Store
from idp.store.schema import sessions
from tests.clock import TestClock
from tests.hallway import ACTOR, Browser, House, build_house

pytestmark = pytest.mark.backends


# Banned networks ------------------------------------------------------------------------------
def ban(store: Store, clock: TestClock, *networks: str, until: timedelta | None = None) -> Bans:
    bans = Bans(store, clock)
    with store.write() as unit:
        for network in networks:
            end = clock.now() + until if until else None
            bans.put(unit, network, reason="", until=end, actor=ACTOR)
    return bans


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
        ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
        ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
        ("2001:db8::7", "2001:db8::7", "2001:db8::8"),
    ],
)
def test_a_ban_covers_its_network_and_no_other(
    store: Store, clock: TestClock, network: str, inside: str, outside: str
) -> None:
    bans = ban(store, clock, network)
    assert bans.covers(inside)
    assert not bans.covers(outside)
    for unreadable in ("", "x", "10.0.0.1%eth0", "::ffff"):
        assert not bans.covers(unreadable)


def test_a_ban_ends_and_can_be_taken_away(store: Store, clock: TestClock) -> None:
    bans = ban(store, clock, "192.0.2.0/24", "198.51.100.0/24", until=timedelta(hours=1))
    with store.write() as unit:
        bans.remove(unit, "198.51.100.0/24", actor=ACTOR)
    assert not bans.covers("198.51.100.1")
    assert bans.covers("192.0.2.1")
    clock.advance(hours=1)
    assert not bans.covers("192.0.2.1")
    with store.read() as connection:
        assert bans.listing(connection) == ()


@pytest.mark.parametrize("network", ["", "x", "10.1.2.3/8", "0.0.0.0/0", "::/0", "::ffff:10.0.0.0/104"])
def test_what_is_no_network_or_too_wide_is_not_banned(store: Store, clock: TestClock, network: str) -> None:
    with pytest.raises(Refused):
        ban(store, clock, network)


def test_there_is_an_end_to_bans(store: Store, clock: TestClock) -> None:
    ban(store, clock, *(f"10.{n // 256}.{n % 256}.0/24" for n in range(MOST_BANS)))
    with pytest.raises(Refused, match="300"):
        ban(store, clock, "192.0.2.0/24")
    ban(store, clock, "10.0.0.0/24", until=timedelta(days=1))


# Limits as data -------------------------------------------------------------------------------
def test_a_limit_that_is_set_is_in_force_and_has_bounds(store: Store, clock: TestClock) -> None:
    limits = LimitsStore(store)
    assert limits.get() == Limits()
    with store.write() as unit:
        limits.put(unit, "tries", 5, actor=ACTOR, at=clock.now())
        limits.put(unit, "answers", 7, actor=ACTOR, at=clock.now())
    assert (limits.get().tries, limits.get().answers, limits.get().address) == (5, 7, 100)
    for name, number in [("window", 5), ("x", 5), ("tries", 2), ("tries", 101)]:
        with pytest.raises(Refused), store.write() as unit:
            limits.put(unit, name, number, actor=ACTOR, at=clock.now())
    usual = Limits()
    for name, (lowest, highest, _) in SETTABLE.items():
        assert lowest <= getattr(usual, name) <= highest


def test_the_lockout_follows_what_is_set(house: House, browser: Browser) -> None:
    house.person()
    with house.ground.store.write() as unit:
        LimitsStore(house.ground.store).put(unit, "tries", 3, actor=ACTOR, at=house.clock.now())
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    for _ in range(3):
        with pytest.raises(Refused):
            house.password(browser, step, word="wrong")
    with pytest.raises(Refused):
        house.password(browser, step)


# Floods ---------------------------------------------------------------------------------------
def test_a_flood_from_one_address_is_turned_away_and_others_get_in(
    store: Store, tmp_path: Path, clock: TestClock
) -> None:
    house = build_house(store, tmp_path, clock, limits=Limits(arrivals=10))
    request = house.request(house.partner())
    for number in range(10):
        house.flow.begin(request, _from(f"2001:db8::{number}"))
    with pytest.raises(Crowded):
        house.flow.begin(request, _from("2001:db8::99"))
    house.flow.begin(request, _from("2001:db8:1::1"))
    for _ in range(10):
        house.flow.records.arrive(request, "192.0.2.1")
    with pytest.raises(Crowded):
        house.flow.records.arrive(request, "192.0.2.1")
    clock.advance(minutes=1)
    house.flow.begin(request, _from("2001:db8::99"))


def test_a_flood_from_everywhere_holds_up_nobody_who_is_signed_in(
    store: Store, tmp_path: Path, clock: TestClock
) -> None:
    house = build_house(store, tmp_path, clock, limits=Limits(arrivals_all=100))
    house.person()
    browser, partner = Browser(), house.partner()
    house.sign_in(browser, partner)
    clock.advance(minutes=1)
    for number in range(100):
        house.flow.begin(house.request(partner), _from(f"192.0.2.{number}"))
    with pytest.raises(Crowded):
        house.flow.begin(house.request(partner), _from("192.0.2.200"))
    assert house.flow.begin(house.request(partner), browser.visit()).reply is not None


def _from(address: str) -> Visit:
    return Visit(browser="", session="", device="", network=Network(address=address))


# Circles --------------------------------------------------------------------------------------
def test_an_application_that_sends_people_in_circles_is_stopped(house: House, browser: Browser) -> None:
    house.person()
    partner, other = house.partner(), house.partner()
    house.sign_in(browser, partner)
    for _ in range(4):
        house.clock.advance(seconds=1)
        assert browser.took(house.flow.begin(house.request(partner), browser.visit())).reply is not None
    answered = len(house.door.grants)
    with pytest.raises(Looping) as stopped:
        house.flow.begin(house.request(partner), browser.visit())
    assert house.door.denials == [], "the application is not answered: it would only send them back"
    lines = [json.loads(line) for line in house.log.getvalue().splitlines()]
    (recorded,) = (line for line in lines if line["event"] == "loop-stopped")
    assert (recorded["event_id"], recorded["reason"]) == (364, "loop")
    assert recorded["reference"] == stopped.value.reference
    # Another application is none of its business, and after a while it may ask again.
    assert browser.took(house.flow.begin(house.request(other), browser.visit())).reply is not None
    house.clock.advance(seconds=20)
    assert browser.took(house.flow.begin(house.request(partner), browser.visit())).reply is not None
    assert len(house.door.grants) >= answered + 2


# One session a browser ------------------------------------------------------------------------
def test_two_first_sign_ins_at_once_in_one_browser_leave_one_session(house: House) -> None:
    house.person()
    browser = Browser()
    one, two = house.partner(), house.partner()
    first = browser.took(house.flow.begin(house.request(one), browser.visit()))
    second = browser.took(house.flow.begin(house.request(two), browser.visit()))
    late = Browser(browser=browser.browser)
    first, second = house.password(browser, first), house.password(late, second)
    house.clock.advance(seconds=30)
    assert house.totp(browser, first).reply is not None
    house.clock.advance(seconds=30)
    # Its request left before the first answer's cookie was there.
    assert house.totp(late, second).reply is not None
    with house.ground.store.read() as connection:
        open_ones = connection.execute(sa.select(sessions.c.id).where(sessions.c.ended_at.is_(None))).all()
    assert len(open_ones) == 1
    assert house.door.grants[0].session == house.door.grants[1].session
    assert house.flow.begin(house.request(one), late.visit()).reply is not None


def test_two_windows_that_change_the_account_at_once_leave_one_session(house: House) -> None:
    """Both requests bring the cookie of the session that the faster of them ends."""
    house.person("ada")
    house.person("bob")
    faster, partner = Browser(), house.partner()
    house.sign_in(faster, partner, "ada")
    house.clock.advance(minutes=1)
    slower = replace(faster)
    others = [lambda: house.sign_in(faster, partner, "bob", force=True)]
    answered_between(house, others)
    assert house.sign_in(slower, partner, "bob", force=True).reply is not None
    assert house.door.grants[1].session == house.door.grants[-1].session == live(house)
    assert house.flow.begin(house.request(partner), slower.visit()).reply is not None


def test_cookies_of_two_browsers_mixed_end_in_an_answer(house: House) -> None:
    """Only somebody hostile sends those; making the answer again for ever would keep us busy."""
    house.person("ada")
    house.person("bob")
    partner, here, elsewhere = house.partner(), Browser(), Browser()
    house.sign_in(here, partner, "ada")
    house.clock.advance(minutes=1)
    house.sign_in(elsewhere, partner, "bob")
    house.clock.advance(minutes=1)
    mixed = Browser(browser=here.browser, session=elsewhere.session)
    answered_between(house, [])
    assert house.sign_in(mixed, partner, "ada", force=True).reply is not None
    assert house.door.grants[-1].session == house.door.grants[0].session
    assert house.flow.begin(house.request(partner), mixed.visit()).reply is not None


def answered_between(house: House, others: list[Callable[[], object]]) -> None:
    """Have others act while an answer is made, and fail when answers are made over and over."""
    answer, most = house.door.answer, len(house.door.grants) + 6

    def patient(grant: Grant) -> Reply:
        assert len(house.door.grants) < most
        for other in (others.pop(),) if others else ():
            other()
        return answer(grant)

    house.door.answer = patient  # type: ignore[method-assign]


def live(house: House) -> str:
    with house.ground.store.read() as connection:
        return connection.execute(sa.select(sessions.c.id).where(sessions.c.ended_at.is_(None))).scalar_one()


def test_a_session_that_ran_out_makes_room_for_the_next(house: House, browser: Browser) -> None:
    house.person()
    partner = house.partner()
    house.sign_in(browser, partner)
    house.clock.advance(hours=9)
    assert house.sign_in(browser, partner).reply is not None
    assert house.door.grants[0].session != house.door.grants[1].session
