"""Single sign-on: proofs kept for a browser, and the partners answered meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from idp.core import codec
from idp.core.browsers import browser_of
from idp.core.ids import fingerprint, new_id, new_secret
from idp.core.model import Network, Participant, Proof, Subject
from idp.store import Unit
from idp.store.prepared import Prepared
from idp.store.schema import participants, sessions

_BY_SECRET = Prepared(
    sa.select(sessions).where(
        sessions.c.secret == sa.bindparam("hashed"),
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at > sa.bindparam("now", type_=sessions.c.expires_at.type),
    )
)
_ALIVE = Prepared(
    sa.select(sessions.c.id)
    .where(
        sessions.c.id == sa.bindparam("session"),
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at > sa.bindparam("now", type_=sessions.c.expires_at.type),
    )
    # SQLite has one writer anyway; PostgreSQL must not end the session before the unit commits.
    .with_for_update(read=True)
)
_KEPT = sa.select(sessions).where(sessions.c.id == sa.bindparam("session"))
_UNENDED = _KEPT.where(sessions.c.ended_at.is_(None))
_OF_BROWSER = Prepared(
    sa.select(sessions).where(
        sessions.c.browser == sa.bindparam("opened_in"),
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at > sa.bindparam("now", type_=sessions.c.expires_at.type),
    )
)
# What ran out in a browser makes room for the next.
_RELEASE = (
    sa.update(sessions)
    .where(
        sessions.c.browser == sa.bindparam("opened_in"),
        sessions.c.browser != "",
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at <= sa.bindparam("now", type_=sessions.c.expires_at.type),
    )
    .values(browser="")
)
_GAIN = (
    sa.update(sessions)
    .where(sessions.c.id == sa.bindparam("session"), sessions.c.ended_at.is_(None))
    .values(
        secret=sa.bindparam("hashed"),
        proofs=sa.bindparam("kept", type_=sa.JSON),
    )
)
_END = (
    sa.update(sessions)
    .where(sessions.c.id == sa.bindparam("session"), sessions.c.ended_at.is_(None))
    .values(ended_at=sa.bindparam("now", type_=sessions.c.ended_at.type))
)
_END_PERSON = (
    sa.update(sessions)
    .where(sessions.c.person == sa.bindparam("whose"), sessions.c.ended_at.is_(None))
    .values(ended_at=sa.bindparam("now", type_=sessions.c.ended_at.type))
    .returning(sessions.c.id)
)
_JOINED = Prepared(
    sa.select(participants).where(
        participants.c.session == sa.bindparam("session"),
        participants.c.partner == sa.bindparam("partner"),
        participants.c.ended_at.is_(None),
    )
)
_REJOIN = (
    sa.update(participants)
    .where(participants.c.id == sa.bindparam("participant"))
    .values(subject=sa.bindparam("known_as", type_=sa.JSON), named=sa.bindparam("value"))
)
_OPEN = (
    sa.select(participants)
    .where(participants.c.session == sa.bindparam("session"), participants.c.ended_at.is_(None))
    .order_by(participants.c.created_at, participants.c.id)
)
_KNOWN_AS = (
    sa.select(participants)
    .where(
        participants.c.partner == sa.bindparam("partner"),
        participants.c.named == sa.bindparam("value"),
        participants.c.ended_at.is_(None),
    )
    .order_by(participants.c.created_at.desc())
    .limit(sa.bindparam("most"))
)
_BY_ID = sa.select(participants).where(participants.c.id == sa.bindparam("participant"))
_LATELY = participants.c.answers_since > sa.bindparam("since", type_=participants.c.answers_since.type)
_ONE: sa.ColumnClause[int] = sa.literal_column("1")  # a parameter would have to be given at each run
_ANSWERED = Prepared(
    sa.update(participants)
    .where(participants.c.id == sa.bindparam("participant"))
    .values(
        answers=sa.case((_LATELY, participants.c.answers + _ONE), else_=_ONE),
        answers_since=sa.case(
            (_LATELY, participants.c.answers_since),
            else_=sa.bindparam("now", type_=participants.c.answers_since.type),
        ),
    )
    .returning(participants.c.answers)
)
_LEAVE = (
    sa.update(participants)
    .where(participants.c.id == sa.bindparam("participant"), participants.c.ended_at.is_(None))
    .values(ended_at=sa.bindparam("now", type_=participants.c.ended_at.type))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long things last."""

    sign_in: timedelta = timedelta(minutes=15)
    session: timedelta = timedelta(hours=8)
    stay_signed_in: timedelta = timedelta(hours=24)
    handle: timedelta = timedelta(seconds=60)
    # An access token's hour begins when the code is redeemed.
    grant: timedelta = timedelta(hours=1, seconds=60)
    # Access tokens that their readers check by themselves can't be called back: they are short.
    access: timedelta = timedelta(hours=1)
    signed_access: timedelta = timedelta(minutes=10)
    # A refresh token: unused for so long, and in all; without offline access the session's end.
    refresh_idle: timedelta = timedelta(days=30)
    refresh: timedelta = timedelta(days=180)
    device: timedelta = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser's session: whose it is and what was proved. The cookie's secret is not in it."""

    id: str
    person: str
    proofs: tuple[Proof, ...]
    persistent: bool
    created_at: datetime
    expires_at: datetime


class Sessions:
    """Keeps sessions and the partners answered within each."""

    def __init__(self, lifetimes: Lifetimes) -> None:
        self.lifetimes = lifetimes

    def live(self, connection: sa.Connection, secret: str, now: datetime) -> Session | None:
        """Return the session the cookie's secret opens, unless it ended or ran out."""
        if not secret:
            return None
        found = {"hashed": fingerprint(secret), "now": now}
        row = _BY_SECRET.first(connection, found)
        return None if row is None else _session(row)

    def alive(self, connection: sa.Connection, session_id: str, now: datetime) -> bool:
        """Say whether a session still goes on; within a unit it then does so until the commit."""
        return _ALIVE.first(connection, {"session": session_id, "now": now}) is not None

    def kept(self, connection: sa.Connection, session_id: str, *, ended: bool) -> Session | None:
        """Return a session even if its time ran out, and with ended even if somebody ended it.

        For what it granted: tokens outlast its time, and offline access its end.
        """
        query = _KEPT if ended else _UNENDED
        row = connection.execute(query, {"session": session_id}).mappings().first()
        return None if row is None else _session(row)

    def prepare(self, *, person: str, proofs: Sequence[Proof], stay: bool, now: datetime) -> Session:
        """Return a new session, not yet open; what is answered meanwhile can already name it."""
        lasts = self.lifetimes.stay_signed_in if stay else self.lifetimes.session
        return Session(
            id=new_id(),
            person=person,
            proofs=tuple(proofs),
            persistent=stay,
            created_at=now,
            expires_at=now + lasts,
        )

    def of_browser(self, connection: sa.Connection, browser: str, now: datetime) -> Session | None:
        """Return the session that was opened in a browser (the hash of its cookie) and goes on."""
        if not browser:
            return None
        row = _OF_BROWSER.first(connection, {"opened_in": browser, "now": now})
        return None if row is None else _session(row)

    def open(
        self, unit: Unit, session: Session, browser: str = "", *, network: Network | None = None
    ) -> str | None:
        """Open a prepared session in a browser; return the secret for the cookie.

        network is where from: of it no more is kept than the person tells the session by. None
        when another one was opened there meanwhile: a browser has one, or there would be one that
        nobody can sign out of.
        """
        unit.execute(_RELEASE, {"opened_in": browser, "now": session.created_at})
        secret, network = new_secret(), network or Network(address="")
        software = browser_of(network.user_agent)
        row = {
            "id": session.id,
            "secret": fingerprint(secret),
            "person": session.person,
            "proofs": codec.plain(session.proofs),
            "persistent": session.persistent,
            "created_at": session.created_at,
            "expires_at": session.expires_at,
            "ended_at": None,
            "browser": browser,
            "address": network.address,
            "software": software.name,
            "system": software.system,
        }
        return secret if unit.execute(_insert(unit.connection.dialect.name), row).rowcount == 1 else None

    def gain(self, unit: Unit, session: Session, proofs: Sequence[Proof]) -> str | None:
        """Keep more proofs in a session under a new secret, so that a planted one is worthless.

        The session's end does not move. Returns None when the session has ended meanwhile.
        """
        secret = new_secret()
        kept = {
            "session": session.id,
            "hashed": fingerprint(secret),
            "kept": codec.plain(tuple(proofs)),
        }
        return secret if unit.execute(_GAIN, kept).rowcount == 1 else None

    def end(self, unit: Unit, session_id: str, now: datetime) -> bool:
        """End a session; return whether it was still going on."""
        return unit.execute(_END, {"session": session_id, "now": now}).rowcount == 1

    def end_all(self, unit: Unit, person: str, now: datetime) -> Sequence[str]:
        """End every session of a person; return the ids of those that went on until now."""
        return unit.execute(_END_PERSON, {"whose": person, "now": now}).scalars().all()

    # Participants -------------------------------------------------------------------------
    def joined(self, connection: sa.Connection, session_id: str, partner: str) -> Participant | None:
        """Return this partner's part in the session, unless it ended."""
        found = {"session": session_id, "partner": partner}
        row = _JOINED.first(connection, found)
        return None if row is None else _participant(row)

    def join(self, unit: Unit, participant: Participant, now: datetime) -> bool:
        """Record that a partner is answered within a session for the first time.

        Return False when another answer recorded it meanwhile.
        """
        row = {
            "id": participant.id,
            "session": participant.session,
            "person": participant.person,
            "partner": participant.partner,
            "door": participant.door,
            "issuer": participant.issuer,
            "subject": codec.plain(participant.subject),
            "named": participant.subject.value,
            "created_at": now,
            "ended_at": None,
            "answers": 1,
            "answers_since": now,
        }
        return unit.execute(_join(unit.connection.dialect.name), row).rowcount == 1

    def rejoin(self, unit: Unit, participant: Participant) -> None:
        """Record that a partner is answered again, perhaps about a new (transient) subject."""
        again = {
            "participant": participant.id,
            "known_as": codec.plain(participant.subject),
            "value": participant.subject.value,
        }
        unit.execute(_REJOIN, again)

    def answered(self, unit: Unit, participant_id: str, now: datetime, *, within: timedelta) -> int | None:
        """Count an answer to a partner within a session; return how many there were in that time.

        None when the participant is gone.
        """
        counting = {"participant": participant_id, "now": now, "since": now - within}
        counted = _ANSWERED.first(unit.connection, counting)
        return None if counted is None else int(counted["answers"])

    def participants(self, connection: sa.Connection, session_id: str) -> list[Participant]:
        """Return the partners of a session that have not ended, in the order they came."""
        rows = connection.execute(_OPEN, {"session": session_id}).mappings()
        return [_participant(row) for row in rows]

    def participant(self, connection: sa.Connection, participant_id: str) -> Participant | None:
        """Return a participant by the id its partner knows (SessionIndex, sid)."""
        row = connection.execute(_BY_ID, {"participant": participant_id}).mappings().first()
        return None if row is None else _participant(row)

    def known_as(
        self, connection: sa.Connection, partner: str, value: str, *, most: int = 100
    ) -> list[Participant]:
        """Return a partner's parts in sessions in which it knows the person by this name, newest first."""
        found = {"partner": partner, "value": value, "most": most}
        return [_participant(row) for row in connection.execute(_KNOWN_AS, found).mappings()]

    def leave(self, unit: Unit, participant_id: str, now: datetime) -> bool:
        """Mark a participant as told; return whether it was still open."""
        return unit.execute(_LEAVE, {"participant": participant_id, "now": now}).rowcount == 1


@cache
def _insert(dialect: str) -> sa.Executable:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(sessions).on_conflict_do_nothing()


@cache
def _join(dialect: str) -> sa.Executable:
    """Return an insert that only takes the place of a part that ended."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    added = insert(participants)
    return added.on_conflict_do_update(
        index_elements=[participants.c.session, participants.c.partner],
        set_={column.name: added.excluded[column.name] for column in participants.c},
        where=participants.c.ended_at.is_not(None),
    )


def _session(row: Any) -> Session:
    return Session(
        id=row["id"],
        person=row["person"],
        proofs=tuple(codec.build(Proof, item) for item in row["proofs"]),
        persistent=row["persistent"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )


def _participant(row: Any) -> Participant:
    return Participant(
        id=row["id"],
        session=row["session"],
        person=row["person"],
        partner=row["partner"],
        door=row["door"],
        issuer=row["issuer"],
        subject=codec.build(Subject, row["subject"]),
    )
