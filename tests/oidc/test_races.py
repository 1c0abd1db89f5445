"""Eight processes with one code, one refresh token, one assertion: exactly one wins, on any database."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path

from idp.audit import AuditLog, to_stream
from idp.sessions import Families, Grants, Lifetimes
from idp.store import Store, open_store
from idp.store.once import once
from tests.clock import TestClock
from tests.oidc.house import House
from tests.processes import Notes, race

_COUNT = 8


def _at(seconds: float) -> TestClock:
    clock = TestClock()
    clock.advance(seconds=seconds)
    return clock


def _database(house: House) -> str:
    return house.store.engine.url.render_as_string(hide_password=False)


def _grants(store: Store) -> Grants:
    clock = TestClock()
    return Grants(store, clock, AuditLog(clock, to_stream(StringIO())))


def _families(store: Store, clock: TestClock | None = None) -> Families:
    return Families(store, clock or TestClock(), idle=Lifetimes().refresh_idle)


def _redeem(number: int, notes: Notes, database: str, code: str) -> None:
    store = open_store(database)
    with store.write() as unit:
        mine = _grants(store).redeem(unit, code, partner="id-of-wiki")
    notes.write(f"{number} {mine}")
    store.dispose()


def test_case_35_of_eight_processes_with_a_code_one_wins(house: House, tmp_path: Path) -> None:
    code, notes = house.code(house.browser(house.add_person())), Notes(tmp_path / "notes")
    race(_redeem, _database(house), code, notes=notes, count=_COUNT)
    assert sorted(line.split()[1] for line in notes.lines()) == ["False"] * 7 + ["True"]
    assert len(house.events("grant-replayed")) == 7


def _turn(number: int, notes: Notes, database: str, token: str) -> None:
    store = open_store(database)
    with store.write() as unit:
        turned = _families(store).turn(unit, token)
    notes.write(f"{number} {turned.again} {turned.secret}" if turned else f"{number} None None")
    store.dispose()


def test_case_35_of_eight_processes_with_a_refresh_token_one_turns_it(house: House, tmp_path: Path) -> None:
    """One turns the family; the others hear the same token, so there never are two that work."""
    house.allow("wiki", refresh=True)
    first = house.tokens(house.browser(house.add_person()))["refresh_token"]
    notes = Notes(tmp_path / "notes")
    race(_turn, _database(house), first, notes=notes, count=_COUNT)
    came = [line.split() for line in notes.lines()]
    assert sorted(again for _, again, _ in came) == ["False"] + ["True"] * 7
    (successor,) = {secret for _, _, secret in came}
    assert house.refresh(successor).status_code == 200
    assert house.refresh(first).status_code == 400
    assert house.refresh(successor).status_code == 400


def _turn_late(number: int, notes: Notes, database: str, token: str) -> None:
    store = open_store(database)
    with store.write() as unit:
        turned = _families(store, _at(31)).turn(unit, token)
    notes.write(f"{number} {turned is not None and not turned.again}")
    store.dispose()


def test_case_35_of_eight_processes_with_an_old_refresh_token_none_wins(house: House, tmp_path: Path) -> None:
    house.allow("wiki", refresh=True)
    first = house.tokens(house.browser(house.add_person()))["refresh_token"]
    assert house.refresh(first).status_code == 200
    notes = Notes(tmp_path / "notes")
    race(_turn_late, _database(house), first, notes=notes, count=_COUNT)
    assert [line.split()[1] for line in notes.lines()] == ["False"] * _COUNT


def _spend(number: int, notes: Notes, database: str) -> None:
    store = open_store(database)
    with store.write() as unit:
        first = once(unit, "jti:one", until=TestClock().now() + timedelta(hours=1))
    notes.write(f"{number} {first}")
    store.dispose()


def test_case_32_of_eight_processes_with_an_assertion_one_wins(house: House, tmp_path: Path) -> None:
    notes = Notes(tmp_path / "notes")
    race(_spend, _database(house), notes=notes, count=_COUNT)
    assert sorted(line.split()[1] for line in notes.lines()) == ["False"] * 7 + ["True"]
