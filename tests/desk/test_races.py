"""Eight administrators at once: nobody undoes what another did, on any database."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from idp.app.desk import Desk, build_desk
from idp.audit import AuditLog
from idp.core.errors import Refused
from idp.desk.partners import PartnerChanges
from idp.directory.hashing import Cost
from idp.directory.people import NewPerson
from idp.keys import Issuers, KeyRing, MasterKey, Sealer
from idp.net import HttpClient, Reach
from idp.partners.oidc import register
from idp.store import Store, open_store, schema
from tests.clock import TestClock
from tests.desk.conftest import OWNER
from tests.processes import Notes, race

pytestmark = pytest.mark.backends

_COUNT = 8
_SEALER = Sealer(MasterKey(b"k" * 32))


@pytest.fixture
def notes(tmp_path) -> Notes:
    return Notes(tmp_path / "notes")


def _desk(store: Store) -> Desk:
    clock = TestClock()
    return build_desk(
        store=store,
        clock=clock,
        sealer=_SEALER,
        audit=AuditLog(clock, lambda _line: None),
        http=HttpClient(Reach(loopback=True)),
        cost=Cost(memory=8, passes=1),
    )


def revisions(store) -> list[int]:
    with store.read() as connection:
        return list(connection.execute(sa.select(schema.changes.c.revision)).scalars())


def test_a_partner_changed_by_eight_keeps_what_each_changed(desk, store, database, notes):
    """Each changes another thing; who writes back what was read before would undo the others."""
    desk.partners.add_oidc(
        "wiki", register(redirect_uris=["https://wiki.example/cb"], secret=""), actor=OWNER
    )
    race(_change, database, notes=notes, count=_COUNT)
    wiki = desk.partners.show("wiki", actor=OWNER)
    assert (wiki.name, wiki.notes, wiki.enabled, wiki.release) == ("Renamed", "Noted", False, ("uid",))
    numbers = revisions(store)
    assert sorted(set(numbers)) == sorted(numbers)


def _change(number: int, _notes: Notes, database: str) -> None:
    store = open_store(database)
    partners = _desk(store).partners
    changes = [
        PartnerChanges(name="Renamed"),
        PartnerChanges(notes="Noted"),
        PartnerChanges(release=("uid",)),
    ]
    if number % 4 == 3:
        partners.set_enabled("wiki", enabled=False, actor=OWNER)
    else:
        partners.change("wiki", changes[number % 4], actor=OWNER)
    store.dispose()


def test_of_eight_policies_one_is_left_whole(desk, database, notes):
    """Two policies mixed would be one that nobody wrote."""
    race(_rule, database, notes=notes, count=_COUNT)
    names = {rule.id.partition("-")[0] for rule in desk.policies.listing(actor=OWNER)}
    assert len(names) == 1
    assert len(desk.policies.listing(actor=OWNER)) == 3


def _rule(number: int, _notes: Notes, database: str) -> None:
    store = open_store(database)
    rules = [{"id": f"p{number}-{each}", "controls": {"strength": "two"}} for each in range(3)]
    _desk(store).policies.replace_all(rules, actor=OWNER)
    store.dispose()


def test_of_eight_people_of_one_name_one_is_added(desk, database, notes):
    race(_add, database, notes=notes, count=_COUNT)
    assert sorted(line.split()[1] for line in notes.lines()) == ["added"] + ["refused"] * 7
    assert len(desk.people.listing(actor=OWNER)) == 1


def _add(number: int, notes: Notes, database: str) -> None:
    store = open_store(database)
    try:
        _desk(store).people.add(NewPerson(name="ada"), password=f"secret words {number}", actor=OWNER)
    except Refused:
        notes.write(f"{number} refused")
    else:
        notes.write(f"{number} added")
    store.dispose()


def test_a_password_set_by_eight_is_one_of_theirs(desk, store, database, notes):
    desk.people.add(NewPerson(name="ada"), password="secret words", actor=OWNER)
    race(_set_password, database, notes=notes, count=_COUNT)
    with store.read() as connection:
        assert len(connection.execute(sa.select(schema.passwords)).all()) == 1


def _set_password(number: int, _notes: Notes, database: str) -> None:
    store = open_store(database)
    _desk(store).people.set_password("ada", f"other words {number}", actor=OWNER)
    store.dispose()


def test_keys_rotated_by_eight_are_rotated_eight_times(store, clock, database, notes):
    with store.write(alone=True) as unit:
        key_set = Issuers(store).ensure(unit, "https://login.example.org", clock.now()).key_set
        KeyRing(store, _SEALER, clock).ensure(unit, actor=OWNER, key_set=key_set)
    race(_rotate, database, notes=notes, count=_COUNT)
    with store.read() as connection:
        states = connection.execute(sa.select(schema.keys.c.alg, schema.keys.c.state)).all()
    for alg in ("RS256", "ES256"):
        mine = sorted(state for each, state in states if each == alg)
        assert mine == ["active", "next"] + ["retired"] * _COUNT


def _rotate(_number: int, _notes: Notes, database: str) -> None:
    store = open_store(database)
    _desk(store).keys.rotate(actor=OWNER, force=True)
    store.dispose()
