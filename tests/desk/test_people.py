"""People and their methods at the desk."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from idp.audit import Filter
from idp.core.errors import Refused
from idp.core.model import Kind, Proof, Strength
from idp.desk.people import State
from idp.directory.people import NewPerson
from idp.factors import codes, password, totp
from idp.store.schema import methods as methods_table
from tests.desk.conftest import OWNER

SEED = b"12345678901234567890"


@pytest.fixture
def ada(desk):
    return desk.people.add(NewPerson(name="Ada"), password="correct horse", actor=OWNER)


def events(desk) -> list[str]:
    return [json.loads(line)["event"] for line in desk.log]


def test_a_person_is_added_with_a_password(desk, ada):
    assert desk.people.people.check_password(ada, "correct horse")
    assert desk.people.show("ADA", actor=OWNER).person == ada
    assert desk.people.listing(actor=OWNER) == (ada,)


def test_adding_is_recorded_without_the_password(desk, ada):
    (line,) = (json.loads(line) for line in desk.log)
    assert (line["event"], line["person"], line["actor"]) == ("person-added", ada.id, "person:i-owner")
    assert "correct horse" not in desk.log[0]


def test_a_taken_name_adds_and_records_nothing(desk, ada):
    with pytest.raises(Refused):
        desk.people.add(NewPerson(name="ADA"), password="x", actor=OWNER)
    assert events(desk) == ["person-added"]


def test_unknown_people_are_refused_by_every_verb(desk):
    for verb in ("show", "disable", "enable", "unlock"):
        with pytest.raises(Refused):
            getattr(desk.people, verb)("nobody", actor=OWNER)
    with pytest.raises(Refused):
        desk.methods.listing("nobody", actor=OWNER)
    assert desk.log == []


def test_disabling_ends_the_persons_sessions(desk, ada, store, clock):
    sessions = desk.people.farewell.sessions
    proof = Proof(
        person=ada.id, factor="password", kinds=frozenset({Kind.KNOW}), amr=("pwd",), at=clock.now()
    )
    session = sessions.prepare(person=ada.id, proofs=[proof], stay=False, now=clock.now())
    with store.write() as unit:
        secret = sessions.open(unit, session)
    desk.people.disable("ada", actor=OWNER)
    with store.read() as connection:
        assert sessions.live(connection, secret, clock.now()) is None
    assert not desk.people.show("ada", actor=OWNER).person.enabled
    desk.people.enable("ada", actor=OWNER)
    assert desk.people.show("ada", actor=OWNER).person.enabled
    assert events(desk) == ["person-added", "person-disabled", "person-enabled"]


@pytest.mark.parametrize(
    ("factor", "target"),
    [
        ("password", lambda person: password.target_of(person.name.casefold())),
        ("totp", lambda person: codes.target_of(person.id)),
    ],
)
@pytest.mark.parametrize("familiar", [True, False])
def test_unlocking_forgets_the_wrong_tries_of_every_factor_and_place(desk, ada, factor, target, familiar):
    lockout = desk.people.lockout

    def attempt() -> bool:
        return lockout.count(
            factor=factor, first=False, target=target(ada), address="192.0.2.1", familiar=familiar
        ).locked

    while not attempt():
        pass
    assert desk.people.show("ada", actor=OWNER).locked is not familiar
    desk.people.unlock("ada", actor=OWNER)
    assert not desk.people.show("ada", actor=OWNER).locked
    assert not attempt()
    assert events(desk)[-1] == "unlocked"


def test_a_method_handed_out_is_sealed_and_closes_enrolment(desk, ada, store):
    method = desk.methods.add_totp("ada", seed=SEED, actor=OWNER)
    assert desk.methods.listing("ada", actor=OWNER) == (method,)
    assert desk.people.show("ada", actor=OWNER).methods == (method,)
    assert not desk.people.show("ada", actor=OWNER).person.may_enrol
    with store.read() as connection:
        assert desk.methods.methods.secret(connection, method.id) == SEED
        assert SEED not in connection.execute(sa.select(methods_table.c.sealed)).scalar_one()
    assert SEED.decode() not in "".join(desk.log)
    assert totp.base32(SEED) not in "".join(desk.log)


def test_a_second_method_may_be_handed_out(desk, ada):
    desk.methods.add_totp("ada", seed=SEED, actor=OWNER)
    desk.methods.add_totp("ada", seed=SEED[::-1], actor=OWNER)
    assert len(desk.methods.listing("ada", actor=OWNER)) == 2


def test_removing_the_last_method_reopens_enrolment_and_says_so(desk, ada):
    one = desk.methods.add_totp("ada", seed=SEED, actor=OWNER)
    other = desk.methods.add_totp("ada", seed=SEED, actor=OWNER)
    assert not desk.methods.remove("ada", one.id, actor=OWNER)
    assert not desk.people.show("ada", actor=OWNER).person.may_enrol
    assert desk.methods.remove("ada", other.id, actor=OWNER)
    assert desk.people.show("ada", actor=OWNER).person.may_enrol
    assert events(desk)[-3:] == ["method-removed", "method-removed", "enrolment-reopened"]


def test_removing_a_method_ends_the_sessions_it_opened(desk, ada, store, clock):
    """Lost or stolen: whoever has it may be signed in already."""
    method = desk.methods.add_totp("ada", seed=SEED, actor=OWNER)
    sessions = desk.people.farewell.sessions
    proof = Proof(
        person=ada.id,
        factor="totp",
        method=method.id,
        kinds=frozenset({Kind.HAVE}),
        amr=("otp",),
        at=clock.now(),
    )
    session = sessions.prepare(person=ada.id, proofs=[proof], stay=False, now=clock.now())
    with store.write() as unit:
        secret = sessions.open(unit, session)
    desk.methods.remove("ada", method.id, actor=OWNER)
    with store.read() as connection:
        assert sessions.live(connection, secret, clock.now()) is None


def test_nobody_elses_method_is_removed(desk, ada):
    desk.people.add(NewPerson(name="grace"), password="x", actor=OWNER)
    method = desk.methods.add_totp("ada", seed=SEED, actor=OWNER)
    with pytest.raises(Refused):
        desk.methods.remove("grace", method.id, actor=OWNER)
    assert desk.methods.listing("ada", actor=OWNER) == (method,)


def test_the_record_is_searched_by_names(desk, ada, clock):
    desk.people.add(NewPerson(name="grace"), password="x", actor=OWNER)
    clock.advance(hours=1)
    since = clock.now()
    desk.people.disable("ada", actor=OWNER)
    assert [told.recorded.event for told in desk.records.search(Filter(person="ADA"), actor=OWNER)] == [
        "person-disabled",
        "person-added",
    ]
    (told,) = desk.records.search(Filter(since=since), actor=OWNER)
    assert (told.person, told.recorded.person) == ("Ada", ada.id)
    assert len(desk.records.search(limit=2, actor=OWNER)) == 2
    with pytest.raises(Refused):
        desk.records.search(Filter(person="nobody"), actor=OWNER)


def test_where_a_person_stands_follows_from_rules_and_methods(desk, ada):
    seen = desk.people.show("ada", actor=OWNER)
    assert (seen.state, seen.strength, seen.sources) == (State.ENABLED, Strength.TWO, ())
    desk.methods.add_totp("ada", seed=SEED, actor=OWNER)
    assert desk.people.show("ada", actor=OWNER).state is State.ENFORCED
    rule = {
        "id": "one",
        "name": "Ada needs one",
        "conditions": {"people": ["ada"]},
        "controls": {"strength": "one"},
    }
    desk.policies.replace_all([rule], actor=OWNER)
    seen = desk.people.show("ada", actor=OWNER)
    assert (seen.state, seen.strength, seen.sources) == (State.DISABLED, Strength.ONE, ("Ada needs one",))


def test_who_is_to_register_again_has_nothing_left(desk, ada, store, clock):
    desk.methods.add_totp("ada", seed=SEED, actor=OWNER)
    desk.methods.add_recovery("ada", actor=OWNER)
    clock.advance(seconds=1)
    assert desk.methods.reset("ada", actor=OWNER) == 2
    seen = desk.people.show("ada", actor=OWNER)
    assert seen.methods == ()
    assert seen.person.may_enrol
    assert seen.person.proofs_from == clock.now()
    assert events(desk)[-3:] == ["method-removed", "method-removed", "enrolment-reopened"]
    assert desk.methods.reset("ada", actor=OWNER) == 0


def test_a_person_is_signed_out_everywhere(desk, ada, clock):
    clock.advance(seconds=1)
    person, ended = desk.people.sign_out("ADA", actor=OWNER)
    assert (person.id, ended) == (ada.id, 0)
    assert desk.people.show("ada", actor=OWNER).person.proofs_from == clock.now()
    assert events(desk)[-1] == "signed-out"
