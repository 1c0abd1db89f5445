"""Registered methods: sealed secrets, one use per counter, and the one open door of first enrolment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from idp.core.errors import Refused
from idp.core.model import Kind, Person, Proof
from idp.core.ports import NewMethod
from idp.directory.hashing import Cost, PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import NewPerson, People
from idp.keys import MasterKey, Sealer
from idp.methods import Methods
from idp.store.schema import methods as table

SEED = b"0123456789abcdefghij"


@pytest.fixture
def people(store, clock) -> People:
    return People(store, clock, [LocalSource(store, PasswordHasher(Cost(memory=8, passes=1)), clock)])


@pytest.fixture
def ada(store, people) -> Person:
    with store.write() as unit:
        return people.add(unit, NewPerson(name="ada"))


@pytest.fixture
def methods(store, clock) -> Methods:
    return Methods(store, Sealer(MasterKey(b"k" * 32)), clock)


@pytest.fixture
def new(clock) -> NewMethod:
    proof = Proof(person="", factor="totp", kinds=frozenset({Kind.HAVE}), amr=("otp",), at=clock.now())
    return NewMethod(
        factor="totp",
        label="Authenticator app",
        secret=SEED,
        counter=7,
        data={"digits": "6"},
        proof=proof,
    )


def test_a_method_is_read_back_as_added(store, methods, ada, new, clock):
    with store.write() as unit:
        added = methods.add(unit, ada.id, new)
    with store.read() as connection:
        assert methods.of(connection, ada.id) == (added,)
        assert methods.secret(connection, added.id) == SEED
        assert methods.of(connection, "somebody else") == ()
    assert (added.person, added.factor, added.label) == (ada.id, "totp", "Authenticator app")
    assert (added.counter, added.data, added.last_used_at) == (7, {"digits": "6"}, None)
    assert added.created_at == clock.now()


def test_the_secret_is_sealed_and_bound_to_its_own_method(store, methods, ada, new):
    with store.write() as unit:
        one = methods.add(unit, ada.id, new)
        other = methods.add(unit, ada.id, new, allowed=True)
    with store.read() as connection:
        sealed = dict(connection.execute(sa.select(table.c.id, table.c.sealed)).all())
    assert SEED not in sealed[one.id]
    assert sealed[one.id] != sealed[other.id]
    with store.write() as unit:
        unit.execute(sa.update(table).where(table.c.id == other.id).values(sealed=sealed[one.id]))
    with store.read() as connection, pytest.raises(Refused):
        methods.secret(connection, other.id)


def test_the_secret_of_a_removed_method_is_gone(store, methods, ada, new):
    with store.write() as unit:
        added = methods.add(unit, ada.id, new)
        assert methods.remove(unit, added.id)
        assert not methods.remove(unit, added.id)
    with store.read() as connection, pytest.raises(Refused):
        methods.secret(connection, added.id)


def test_the_first_method_closes_enrolment(store, methods, people, ada, new):
    with store.write() as unit:
        methods.add(unit, ada.id, new)
    with store.read() as connection:
        assert not people.get(connection, ada.id).may_enrol
    with store.write() as unit, pytest.raises(Refused):
        methods.add(unit, ada.id, new)
    with store.read() as connection:
        assert len(methods.of(connection, ada.id)) == 1


def test_case_61_what_stands_in_is_added_only_when_it_is_awaited(store, methods, people, ada, new):
    """Codes once, after a first method; a pass never: whoever has a password makes neither."""
    codes, temporary = replace(new, factor="recovery"), replace(new, factor="pass")

    def refused(unwanted: NewMethod) -> None:
        with pytest.raises(Refused), store.write() as unit:
            methods.add(unit, ada.id, unwanted)

    refused(codes)
    refused(temporary)
    with store.write() as unit:
        methods.add(unit, ada.id, new)
        methods.add(unit, ada.id, codes)
    refused(codes)
    refused(temporary)
    with store.read() as connection:
        assert sorted(one.factor for one in methods.of(connection, ada.id)) == ["recovery", "totp"]


def test_an_allowed_first_method_closes_enrolment_too(store, methods, people, ada, new):
    with store.write() as unit:
        methods.add(unit, ada.id, new, allowed=True)
    with store.read() as connection:
        assert not people.get(connection, ada.id).may_enrol


def test_a_person_who_does_not_exist_gets_no_method(store, methods, new):
    with store.write() as unit, pytest.raises(Refused):
        methods.add(unit, "nobody", new)


def test_row_61_of_two_first_enrolments_at_once_one_wins(store, methods, ada, new):
    start = threading.Barrier(4)

    def enrol() -> bool:
        start.wait()
        try:
            with store.write() as unit:
                methods.add(unit, ada.id, new)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        won = [future.result() for future in [pool.submit(enrol) for _ in range(4)]]
    assert sorted(won) == [False, False, False, True]
    with store.read() as connection:
        assert len(methods.of(connection, ada.id)) == 1


def test_enrolment_reopens_only_without_any_method(store, methods, people, ada, new):
    with store.write() as unit:
        one = methods.add(unit, ada.id, new)
        other = methods.add(unit, ada.id, new, allowed=True)
        methods.remove(unit, one.id)
        assert not methods.reopen(unit, ada.id)
    with store.read() as connection:
        assert not people.get(connection, ada.id).may_enrol
    with store.write() as unit:
        methods.remove(unit, other.id)
        assert methods.reopen(unit, ada.id)
    with store.read() as connection:
        assert people.get(connection, ada.id).may_enrol


def test_reopening_touches_nobody_else(store, methods, people, ada, new):
    with store.write() as unit:
        grace = people.add(unit, NewPerson(name="grace"))
        methods.add(unit, grace.id, new)
        methods.reopen(unit, ada.id)
    with store.read() as connection:
        assert not people.get(connection, grace.id).may_enrol


def test_a_counter_only_goes_up(store, methods, ada, new, clock):
    with store.write() as unit:
        added = methods.add(unit, ada.id, new)
    clock.advance(minutes=1)
    for counter, accepted in ((7, False), (6, False), (8, True), (8, False), (10, True), (9, False)):
        with store.write() as unit:
            assert methods.advance(unit, added.id, counter) is accepted
    with store.read() as connection:
        (now,) = methods.of(connection, added.person)
    assert now.counter == 10
    assert now.last_used_at == clock.now()


def test_a_counter_is_used_once_in_parallel(store, methods, ada, new):
    with store.write() as unit:
        added = methods.add(unit, ada.id, new)
    start = threading.Barrier(8)

    def use() -> bool:
        start.wait()
        with store.write() as unit:
            return methods.advance(unit, added.id, 8)

    with ThreadPoolExecutor(8) as pool:
        used = [future.result() for future in [pool.submit(use) for _ in range(8)]]
    assert used.count(True) == 1
