"""Eight processes at one thing of a sign-in: exactly one wins, and every try counts, on any database."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from idp.audit import AuditLog
from idp.core.errors import Refused, Unchecked
from idp.core.ids import new_id
from idp.core.model import Participant, Person, Subject, SubjectForm
from idp.core.result import Result
from idp.factors import totp
from idp.factors.elsewhere import Elsewhere, Request, Said, one
from idp.factors.floods import TooMany
from idp.factors.sms.sent import SentCodes
from idp.keys import MasterKey, Sealer
from idp.methods import Methods
from idp.sessions import Devices, Lifetimes, Sessions, Subjects
from idp.signin.lockout import Limits, Lockout
from idp.store import Store, open_store, schema
from tests.clock import TestClock
from tests.hallway import SEED, Browser, House
from tests.processes import Notes, race

pytestmark = pytest.mark.backends

_COUNT = 8
_SEALER = Sealer(MasterKey(b"k" * 32))


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path / "notes")


def came(notes: Notes) -> list[str]:
    """Return what the processes came to, without their numbers."""
    lines = [line.split(" ", 1) for line in notes.lines()]
    assert sorted(number for number, _ in lines) == [str(number) for number in range(_COUNT)]
    return sorted(text for _, text in lines)


def _methods(store: Store) -> Methods:
    return Methods(store, _SEALER, TestClock())


# Codes ------------------------------------------------------------------------------------------
def test_case_55_of_eight_processes_with_one_time_step_one_uses_it(
    house: House, database: str, notes: Notes
) -> None:
    person = house.person()
    with house.ground.store.read() as connection:
        (method,) = house.hall.methods.of(connection, person.id)
    race(_advance, database, method.id, notes=notes, count=_COUNT)
    assert came(notes) == ["False"] * 7 + ["True"]


def _advance(number: int, notes: Notes, database: str, method: str) -> None:
    store = open_store(database)
    with store.write() as unit:
        mine = _methods(store).advance(unit, method, 7)
    notes.write(f"{number} {mine}")
    store.dispose()


def test_case_55_of_eight_processes_with_a_texted_code_one_uses_it(
    house: House, database: str, notes: Notes
) -> None:
    now = house.clock.now()
    with house.ground.store.write() as unit:
        sent = SentCodes(_SEALER).current(unit, "place", now=now, until=now + timedelta(hours=1))
    race(_use_sent, database, sent.code, notes=notes, count=_COUNT)
    assert came(notes) == ["False"] * 7 + ["True"]


def _use_sent(number: int, notes: Notes, database: str, code: str) -> None:
    store = open_store(database)
    with store.write() as unit:
        used = SentCodes(_SEALER).use(unit, "place", code, now=TestClock().now())
        mine = used is Result.COMPLETED
    notes.write(f"{number} {mine}")
    store.dispose()


def test_case_52_two_hundred_tries_of_eight_processes_count_two_hundred(
    house: House, database: str, notes: Notes
) -> None:
    """Whoever tries in parallel gets no more tries: ten are let through, all are counted."""
    race(_try_often, database, 25, notes=notes, count=_COUNT)
    let_through = [int(line) for line in came(notes)]
    assert sum(let_through) == Limits().tries
    with house.ground.store.read() as connection:
        counts = connection.execute(sa.select(schema.attempts.c.count)).scalars().all()
    assert max(counts) == 25 * _COUNT


def _try_often(number: int, notes: Notes, database: str, times: int) -> None:
    store = open_store(database)
    lockout = Lockout(store, TestClock(), Limits)
    counted = [
        lockout.count(
            factor="totp", first=False, target="person:one", address=f"192.0.2.{number}", familiar=True
        )
        for _ in range(times)
    ]
    notes.write(f"{number} {sum(not one.locked for one in counted)}")
    store.dispose()


# Phones -----------------------------------------------------------------------------------------
def test_row_62_of_eight_processes_that_ask_a_phone_one_does_and_five_in_all(
    house: House, database: str, notes: Notes
) -> None:
    person = house.person()
    race(_ask, database, person.id, "", notes=notes, count=_COUNT)
    assert came(notes) == ["asked"] + ["waiting"] * 7, "at most one is pending"
    with house.ground.store.write() as unit:
        unit.execute(sa.delete(schema.asked_elsewhere))
        unit.execute(sa.delete(schema.attempts))
    notes.path.unlink()
    # Of one browser the later takes the place of the former: then the count is what holds.
    race(_ask, database, person.id, "one browser", notes=notes, count=_COUNT)
    assert came(notes) == ["asked"] * 5 + ["too many"] * 3


def _ask(number: int, notes: Notes, database: str, person: str, browser: str) -> None:
    store, now = open_store(database), TestClock().now()
    request = Request(
        person=person,
        factor="push",
        sign_in=new_id(),
        browser=browser or f"browser {number}",
        secret=new_id(),
        partner="app",
        address="192.0.2.1",
        user_agent="",
        correlation="",
        asked_at=now,
        expires_at=now + timedelta(minutes=2),
    )
    try:
        elsewhere_on(store).ask(request, lambda _: {})
    except TooMany:
        notes.write(f"{number} too many")
    except Unchecked:
        notes.write(f"{number} waiting")
    else:
        notes.write(f"{number} asked")
    store.dispose()


def test_row_62_of_eight_answers_to_one_request_one_counts(house: House, database: str, notes: Notes) -> None:
    person, now = house.person(), house.clock.now()
    request = Request(
        person=person.id,
        factor="push",
        sign_in="s",
        browser="b",
        secret="x",
        partner="app",
        address="192.0.2.1",
        user_agent="",
        correlation="",
        asked_at=now,
        expires_at=now + timedelta(minutes=2),
    )
    elsewhere_on(house.ground.store).ask(request, lambda _: {})
    race(_answer, database, request.id, notes=notes, count=_COUNT)
    assert came(notes) == ["False"] * 7 + ["True"]


def _answer(number: int, notes: Notes, database: str, request_id: str) -> None:
    store = open_store(database)
    with store.write() as unit:
        request = one(unit.connection, request_id)
        assert request is not None
        said = Said.APPROVED if number % 2 else Said.DENIED
        counted = elsewhere_on(store).answered(
            unit, request, said, by=f"phone {number}", now=TestClock().now()
        )
    notes.write(f"{number} {counted}")
    store.dispose()


def elsewhere_on(store: Store) -> Elsewhere:
    """Return what factors share, with an alarm that nobody hears."""
    clock = TestClock()
    return Elsewhere(
        name="push",
        lasts=timedelta(minutes=2),
        store=store,
        clock=clock,
        alarm=lambda *_: None,  # type: ignore[arg-type]
        application=lambda _: "",
        audit=AuditLog(clock, lambda _: None),
    )


# Methods ----------------------------------------------------------------------------------------
def test_case_61_of_eight_first_methods_one_is_set_up(house: House, database: str, notes: Notes) -> None:
    person = house.person(totp=False)
    race(_set_up, database, person.id, notes=notes, count=_COUNT)
    assert came(notes) == ["added"] + ["refused"] * 7
    with house.ground.store.read() as connection:
        assert len(house.hall.methods.of(connection, person.id)) == 1


def _set_up(number: int, notes: Notes, database: str, person_id: str) -> None:
    store = open_store(database)
    with store.read() as connection:
        row = connection.execute(sa.select(schema.people.c.id).where(schema.people.c.id == person_id)).one()
    new = totp.handed_out(row, SEED, at=TestClock().now())
    try:
        with store.write() as unit:
            _methods(store).add(unit, person_id, new)
    except Refused:
        notes.write(f"{number} refused")
    else:
        notes.write(f"{number} added")
    store.dispose()


def test_case_61_while_methods_come_and_go_enrolment_is_open_only_without_any(
    house: House, database: str, notes: Notes
) -> None:
    """Whoever has a stolen password must not find a door that two administrators left open."""
    person = house.person(totp=False)
    for _ in range(_COUNT - 1):
        house.give_totp(person)
    with house.ground.store.read() as connection:
        mine = [method.id for method in house.hall.methods.of(connection, person.id)]
    race(_remove_or_add, database, person.id, mine, notes=notes, count=_COUNT)
    with house.ground.store.read() as connection:
        left = house.hall.methods.of(connection, person.id)
        found = house.hall.people.get(connection, person.id)
    assert found is not None
    assert len(left) == 1
    assert found.may_enrol is False


def test_the_last_of_eight_methods_that_go_at_once_opens_enrolment(
    house: House, database: str, notes: Notes
) -> None:
    person = house.person(totp=False)
    for _ in range(_COUNT):
        house.give_totp(person)
    with house.ground.store.read() as connection:
        mine = [method.id for method in house.hall.methods.of(connection, person.id)]
    race(_remove_or_add, database, person.id, mine, notes=notes, count=_COUNT)
    assert came(notes).count("True") >= 1
    with house.ground.store.read() as connection:
        found = house.hall.people.get(connection, person.id)
    assert found is not None
    assert found.may_enrol is True


def _remove_or_add(number: int, notes: Notes, database: str, person_id: str, mine: list[str]) -> None:
    store = open_store(database)
    with store.read() as connection:
        row = connection.execute(sa.select(schema.people.c.id).where(schema.people.c.id == person_id)).one()
    with store.write() as unit:
        if number < len(mine):
            _methods(store).remove(unit, mine[number])
            reopened = _methods(store).reopen(unit, person_id)
        else:
            new = totp.handed_out(row, SEED, at=TestClock().now())
            _methods(store).add(unit, person_id, new, allowed=True)
            reopened = False
    notes.write(f"{number} {reopened}")
    store.dispose()


# Sessions ---------------------------------------------------------------------------------------
def test_of_eight_windows_with_one_partner_one_joins_the_session(
    house: House, database: str, notes: Notes
) -> None:
    race(_join, database, notes=notes, count=_COUNT)
    assert came(notes) == ["False"] * 7 + ["True"]


def _join(number: int, notes: Notes, database: str) -> None:
    store = open_store(database)
    participant = Participant(
        id=new_id(),
        session="s",
        person="p",
        partner="wiki",
        door="oidc",
        issuer="default",
        subject=Subject(value="p", form=SubjectForm.PUBLIC),
    )
    with store.write() as unit:
        joined = Sessions(Lifetimes()).join(unit, participant, TestClock().now())
    notes.write(f"{number} {joined}")
    store.dispose()


def test_eight_processes_name_a_person_alike_at_a_partner(house: House, database: str, notes: Notes) -> None:
    race(_name, database, notes=notes, count=_COUNT)
    assert len(set(came(notes))) == 1


def _name(number: int, notes: Notes, database: str) -> None:
    store = open_store(database)
    value = Subjects(store).pairwise(person="p", qualifier="https://sp.example", now=TestClock().now())
    notes.write(f"{number} {value}")
    store.dispose()


def test_a_browser_seen_by_eight_processes_stays_the_person_s(
    house: House, database: str, notes: Notes
) -> None:
    race(_remember, database, notes=notes, count=_COUNT)
    secrets = came(notes)
    assert len(set(secrets)) == _COUNT
    devices = Devices(Lifetimes().device)
    with house.ground.store.read() as connection:
        assert {devices.person_of(connection, one, house.clock.now()) for one in secrets} == {"p"}


def _remember(number: int, notes: Notes, database: str) -> None:
    store, now = open_store(database), TestClock().now()
    with store.write() as unit:
        secret = Devices(Lifetimes().device).remember(unit, secret="", person="p", label="", now=now)
    notes.write(f"{number} {secret}")
    store.dispose()


def test_case_36_what_is_granted_while_a_person_is_signed_out_everywhere_ends_too(house: House) -> None:
    """An answer that commits in between must leave no offline access behind."""
    house.door.keeps_grants = True
    person, partner, browser = house.person(), house.partner(), Browser()
    house.sign_in(browser, partner, offline=True)
    store, now, before = house.ground.store, house.clock.now(), house.door.grants[0]
    late = replace(before, id=new_id(), handle="late")
    with ThreadPoolExecutor(1) as beside:
        with store.write() as unit:
            assert house.ground.sessions.alive(unit.connection, before.session, now)
            ending = beside.submit(_end_all, house, person)
            _until_one_waits(store, ending)
            house.hall.grants.keep(unit, late, handle_ends_at=late.session_ends, expires_at=late.session_ends)
        assert ending.result(timeout=60) == 1
    for grant in (before, late):
        assert house.hall.grants.find(grant.handle, partner=partner.id) is None


def _end_all(house: House, person: Person) -> int:
    with house.ground.store.write() as unit:
        ended = house.hall.signout.farewell.end_all(unit, person.id, house.clock.now())
        return len(ended.sessions)


def _until_one_waits(store: Store, waiting: Future[int]) -> None:
    """On PostgreSQL, wait until another unit waits for a lock; SQLite has one writer anyway."""
    if store.engine.dialect.name != "postgresql":
        return
    blocked = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(1000):
        with store.read() as connection:
            if connection.execute(blocked).scalar_one() or waiting.done():
                return
        time.sleep(0.02)
    pytest.fail("nobody waits")
