"""Sessions at the desk: seen, ended one by one or all, and nobody else's."""

from __future__ import annotations

import json

import pytest

from idp.core.errors import Refused
from idp.core.model import Network, Participant, Subject, SubjectForm
from idp.directory.people import NewPerson
from idp.partners.oidc import register
from tests.desk.conftest import OWNER
from tests.proofs import proof

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def ada(desk):
    return desk.people.add(NewPerson(name="ada"), password="correct horse", actor=OWNER)


def opened(desk, store, clock, person, *, browser: str = "", partner: str = "") -> str:
    """Open a session for a person, with a partner in it; return its id."""
    sessions = desk.sessions.farewell.sessions
    proofs = [proof("password", person.id, clock.now())]
    session = sessions.prepare(person=person.id, proofs=proofs, stay=False, now=clock.now())
    with store.write() as unit:
        sessions.open(unit, session, browser, network=Network(address="192.0.2.7", user_agent=AGENT))
        if partner:
            part = Participant(
                id=f"p-{session.id}",
                session=session.id,
                person=person.id,
                partner=partner,
                door="oidc",
                issuer="default",
                subject=Subject(value="s", form=SubjectForm.PAIRWISE),
            )
            sessions.join(unit, part, clock.now())
    return session.id


def recorded(desk) -> dict[str, object]:
    """Return the last line of the record."""
    return json.loads(desk.log[-1])


def test_they_are_listed_newest_first(desk, store, clock, ada):
    wiki = desk.partners.add_oidc(
        "wiki", register(redirect_uris=["https://wiki.example/cb"], secret=""), actor=OWNER
    )
    one = opened(desk, store, clock, ada, partner=wiki.id)
    clock.advance(minutes=1)
    two = opened(desk, store, clock, ada)
    newest, older = desk.sessions.listing("ADA", actor=OWNER)
    assert (newest.opened.id, older.opened.id) == (two, one)
    assert (older.opened.software, older.opened.system) == ("Firefox", "Linux")
    assert older.opened.address == "192.0.2.7"
    assert older.applications == ("wiki",)
    clock.advance(hours=8)
    assert desk.sessions.listing("ada", actor=OWNER) == ()


def test_one_is_ended_and_says_what_could_not_be_told(desk, store, clock, ada):
    wiki = desk.partners.add_oidc(
        "wiki", register(redirect_uris=["https://wiki.example/cb"], secret=""), name="Wiki", actor=OWNER
    )
    one, two = opened(desk, store, clock, ada, partner=wiki.id), opened(desk, store, clock, ada)
    person, ended = desk.sessions.end("ada", one, actor=OWNER)
    assert (person.id, ended.sessions, ended.left) == (ada.id, 1, ("Wiki",))
    assert [seen.opened.id for seen in desk.sessions.listing("ada", actor=OWNER)] == [two]
    line = recorded(desk)
    assert (line["event"], line["person"], line["actor"]) == ("signed-out", ada.id, "person:i-owner")
    assert line["detail"] == {"sessions": [one], "left": [wiki.id]}
    with pytest.raises(Refused, match="not open"):
        desk.sessions.end("ada", one, actor=OWNER)


def test_a_session_is_ended_as_its_own_persons_only(desk, store, clock, ada):
    desk.people.add(NewPerson(name="grace"), password="x", actor=OWNER)
    session = opened(desk, store, clock, ada)
    with pytest.raises(Refused, match="not open"):
        desk.sessions.end("grace", session, actor=OWNER)
    assert len(desk.sessions.listing("ada", actor=OWNER)) == 1


def test_a_person_is_signed_out_everywhere(desk, store, clock, ada):
    clock.advance(seconds=1)
    for _ in range(2):
        opened(desk, store, clock, ada)
    person, ended = desk.sessions.end_all("ADA", actor=OWNER)
    assert (person.id, ended.sessions) == (ada.id, 2)
    assert desk.people.show("ada", actor=OWNER).person.proofs_from == clock.now()
    assert recorded(desk)["event"] == "signed-out"


def test_where_somebody_was_is_theirs_to_have_and_erased_with_them(desk, store, clock, ada):
    opened(desk, store, clock, ada)
    (row,) = desk.personal.export("ada", actor=OWNER)["sessions"]
    assert (row["address"], row["software"], row["system"]) == ("192.0.2.7", "Firefox", "Linux")
    desk.personal.erase("ada", actor=OWNER)
    with store.read() as connection:
        assert not connection.exec_driver_sql("SELECT 1 FROM sessions").first()
