"""Browsers that a person signed in with before, so that an outsider's guesses don't lock them out."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from idp.core.ids import fingerprint, new_id, new_secret
from idp.store import Unit
from idp.store.schema import devices

_FIND = sa.select(devices.c.person).where(
    devices.c.secret == sa.bindparam("hashed"),
    devices.c.expires_at > sa.bindparam("now", type_=devices.c.expires_at.type),
)
_SEEN = (
    sa.update(devices)
    .where(
        devices.c.secret == sa.bindparam("hashed"),
        devices.c.person == sa.bindparam("whose"),
        devices.c.expires_at > sa.bindparam("now", type_=devices.c.expires_at.type),
    )
    .values(
        last_seen_at=sa.bindparam("now", type_=devices.c.last_seen_at.type),
        expires_at=sa.bindparam("until", type_=devices.c.expires_at.type),
    )
)
_INSERT = sa.insert(devices)
_FORGET = sa.delete(devices).where(devices.c.person == sa.bindparam("whose"))


class Devices:
    """Remembers browsers. Being known proves nothing; it only keeps counters apart."""

    def __init__(self, lasts: timedelta) -> None:
        self._lasts = lasts

    def person_of(self, connection: sa.Connection, secret: str, now: datetime) -> str:
        """Return the id of the person who signed in on this browser last, or ''."""
        if not secret:
            return ""
        found = {"hashed": fingerprint(secret), "now": now}
        return connection.execute(_FIND, found).scalar() or ""

    def remember(self, unit: Unit, *, secret: str, person: str, label: str, now: datetime) -> str | None:
        """Note a full sign-in of a person on this browser; return a new secret if it needs one."""
        until = now + self._lasts
        seen = {"hashed": fingerprint(secret), "whose": person, "now": now, "until": until}
        if secret and unit.execute(_SEEN, seen).rowcount == 1:
            return None
        fresh = new_secret()
        row = {
            "id": new_id(),
            "secret": fingerprint(fresh),
            "person": person,
            "label": label[:200],
            "created_at": now,
            "last_seen_at": now,
            "expires_at": until,
        }
        unit.execute(_INSERT, row)
        return fresh

    def forget(self, unit: Unit, person: str) -> None:
        """Forget every browser of a person: each counts as a stranger's from now on."""
        unit.execute(_FORGET, {"whose": person})
