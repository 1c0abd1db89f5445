"""What is known of a person: changed, handed out, erased."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from idp.core.errors import Refused
from idp.core.model import Kind, Proof
from idp.directory.people import NewPerson, PersonChanges
from idp.factors.access_pass import PassTerms
from idp.store import schema
from tests.desk.conftest import OWNER

pytestmark = pytest.mark.backends


@pytest.fixture
def ada(desk):
    new = NewPerson(
        name="ada", display_name="Ada", attributes={"mail": ("ada@example.org",)}, groups=("staff",)
    )
    return desk.people.add(new, password="correct horse", actor=OWNER)


def signed_in(desk, store, clock, person) -> str:
    sessions = desk.people.farewell.sessions
    proof = Proof(
        person=person.id, factor="password", kinds=frozenset({Kind.KNOW}), amr=("pwd",), at=clock.now()
    )
    session = sessions.prepare(person=person.id, proofs=[proof], stay=False, now=clock.now())
    with store.write() as unit:
        secret = sessions.open(unit, session, "browser")
    assert secret is not None
    return secret


def events(desk) -> list[str]:
    return [json.loads(line)["event"] for line in desk.log]


def test_what_is_given_changes_and_the_rest_stays(desk, ada):
    desk.people.change("ada", PersonChanges(display_name="Ada L.", groups=("board",)), actor=OWNER)
    person = desk.people.show("ada", actor=OWNER).person
    assert (person.display_name, person.groups, person.roles) == ("Ada L.", ("board",), ())
    assert person.attributes["mail"] == ("ada@example.org",)
    desk.people.change("ada", PersonChanges(attributes={"mail": ()}, roles=("owner",)), actor=OWNER)
    person = desk.people.show("ada", actor=OWNER).person
    assert "mail" not in person.attributes
    assert (person.display_name, person.groups, person.roles) == ("Ada L.", ("board",), ("owner",))
    assert events(desk)[-1] == "person-changed"


def test_another_password_ends_sessions_and_what_was_proved(desk, ada, store, clock):
    secret = signed_in(desk, store, clock, ada)
    clock.advance(seconds=1)
    desk.people.set_password("ada", "battery staple", actor=OWNER)
    with store.read() as connection:
        assert desk.people.farewell.sessions.live(connection, secret, clock.now()) is None
    person = desk.people.show("ada", actor=OWNER).person
    assert person.proofs_from == clock.now()
    assert desk.people.people.check_password(person, "battery staple")
    assert not desk.people.people.check_password(person, "correct horse")
    assert events(desk)[-1] == "password-changed"
    assert "battery staple" not in "".join(desk.log)


def test_everything_is_handed_out_but_secrets(desk, ada, store, clock):
    secret = signed_in(desk, store, clock, ada)
    _, code = desk.methods.add_pass("ada", PassTerms(), actor=OWNER)
    told = json.dumps(desk.personal.export("ada", actor=OWNER))
    for known in ("ada@example.org", "staff", "Temporary access pass", "person-added"):
        assert known in told
    with store.read() as connection:
        hidden = [
            *connection.execute(sa.select(schema.passwords.c.hash)).scalars(),
            *connection.execute(sa.select(schema.sessions.c.secret)).scalars(),
            *connection.execute(sa.select(schema.method_codes.c.hash)).scalars(),
        ]
    for one in (secret, code, *hidden):
        assert one not in told
    assert events(desk)[-1] == "person-exported"


def test_nothing_is_left_of_who_was_erased(desk, ada, store, clock):
    signed_in(desk, store, clock, ada)
    desk.methods.add_pass("ada", PassTerms(), actor=OWNER)
    desk.methods.add_recovery("ada", actor=OWNER)
    grace = desk.people.add(NewPerson(name="grace"), password="x", actor=OWNER)
    desk.methods.add_recovery("grace", actor=OWNER)
    desk.personal.erase("ada", actor=OWNER)
    with pytest.raises(Refused):
        desk.people.show("ada", actor=OWNER)
    with store.read() as connection:
        for table in schema.metadata.sorted_tables:
            rows = connection.execute(sa.select(table)).mappings().all()
            if table.name == "audit":
                assert all(row["personal"] is None for row in rows if row["person"] == ada.id)
                assert any(row["event"] == "person-erased" for row in rows)
            else:
                assert ada.id not in str(rows), table.name
            assert "ada@example.org" not in str(rows)
        assert len(connection.execute(sa.select(schema.method_codes)).all()) == 10, "grace keeps hers"
    assert desk.people.show("grace", actor=OWNER).person == grace
    again = desk.people.add(NewPerson(name="ada"), password="y", actor=OWNER)
    assert again.id != ada.id
