"""The sessions that a person has open, as people tell them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from idp.store.schema import participants, sessions

_NOW: sa.BindParameter[datetime] = sa.bindparam("now", type_=sessions.c.expires_at.type)
_OF_PERSON = (
    sa.select(sessions)
    .where(
        sessions.c.person == sa.bindparam("whose"),
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at > _NOW,
    )
    .order_by(sessions.c.created_at.desc(), sessions.c.id)
)
_ANSWERED = (
    sa.select(
        participants.c.session,
        participants.c.partner,
        participants.c.door,
        participants.c.created_at,
        participants.c.answers_since,
    )
    .where(
        participants.c.session.in_(sa.bindparam("which", expanding=True)),
        participants.c.ended_at.is_(None),
    )
    .order_by(participants.c.created_at, participants.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A partner that was answered in a session; door is that of its protocol."""

    partner: str
    door: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An open session: from where, by which browser (software) and on what system it was opened.

    "" stands for what is not known. last_used_at is when something was opened with it last, give or
    take the seconds within which answers to an application are counted as one.
    """

    id: str
    person: str
    software: str
    system: str
    address: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    parts: tuple[Part, ...]


def opened(connection: sa.Connection, person: str, now: datetime) -> tuple[Opened, ...]:
    """Return a person's open sessions, the newest first."""
    rows = connection.execute(_OF_PERSON, {"whose": person, "now": now}).mappings().all()
    answered = connection.execute(_ANSWERED, {"which": [row["id"] for row in rows]}).mappings().all()
    return tuple(_opened(row, [one for one in answered if one["session"] == row["id"]]) for row in rows)


def _opened(row: Any, answered: Sequence[Any]) -> Opened:
    used = [moment for one in answered for moment in (one["created_at"], one["answers_since"])]
    return Opened(
        id=row["id"],
        person=row["person"],
        software=row["software"],
        system=row["system"],
        address=row["address"],
        created_at=row["created_at"],
        last_used_at=max([row["created_at"], *used]),
        expires_at=row["expires_at"],
        parts=tuple(Part(partner=one["partner"], door=one["door"]) for one in answered),
    )
