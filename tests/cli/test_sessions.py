"""idp person sessions and sign-out: what they print, and what they end."""

from __future__ import annotations

from idp.core.clock import SystemClock
from idp.core.model import Network
from idp.sessions import Lifetimes, Sessions
from idp.store import open_store
from tests.proofs import proof

AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/18.0 Safari/605.1.15"


def opened(data, idp) -> str:
    """Open a session for Ada; return its id."""
    now, sessions = SystemClock().now(), Sessions(Lifetimes())
    person = idp.json("person", "show", "ada")["id"]
    session = sessions.prepare(person=person, proofs=[proof("password", person, now)], stay=False, now=now)
    store = open_store(f"sqlite:///{data / 'idp.db'}")
    with store.write() as unit:
        sessions.open(unit, session, network=Network(address="192.0.2.7", user_agent=AGENT))
    store.dispose()
    return session.id


def test_sessions_are_listed_and_ended_one_by_one(idp, data):
    idp("person", "add", "ada", "--password-stdin", given="correct horse battery\n")
    one, two = opened(data, idp), opened(data, idp)
    shown = idp("person", "sessions", "ada").stdout
    assert "Safari on Mac" in shown
    assert "192.0.2.7" in shown
    listed = idp.json("person", "sessions", "ada")
    assert {seen["id"] for seen in listed} == {one, two}
    assert set(listed[0]) == {
        *("id", "software", "system", "address", "created_at", "last_used_at", "expires_at"),
        "applications",
    }
    assert idp("person", "sign-out", "ada", "--session", one).stdout == "Signed ada out of 1 session.\n"
    assert "not open any more" in idp.refused("person", "sign-out", "ada", "--session", one)
    assert [seen["id"] for seen in idp.json("person", "sessions", "ada")] == [two]
    assert idp("person", "sign-out", "ada").stdout == "Signed ada out of 1 session.\n"
    assert idp.json("person", "sessions", "ada") == []
