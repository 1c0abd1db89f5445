"""Grants that a partner comes back for; what is made from them is good only as long as they are.

Whatever must happen once is settled here by compare-and-set in the database: state that may
vanish is not enough to keep a code from being redeemed twice (RFC 6749 section 4.1.2).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from idp.audit import AuditLog, Entry, Event
from idp.core import codec
from idp.core.ids import fingerprint
from idp.core.model import Grant
from idp.core.ports import Clock
from idp.store import Store, Unit
from idp.store.prepared import Prepared
from idp.store.schema import grants

_KEEP = sa.insert(grants)
_FRESH = (
    grants.c.handle == sa.bindparam("hashed"),
    grants.c.partner == sa.bindparam("whose"),
    grants.c.redeemed_at.is_(None),
    grants.c.revoked_at.is_(None),
    grants.c.handle_ends_at > sa.bindparam("now", type_=grants.c.created_at.type),
)
_FIND = Prepared(sa.select(grants.c.document).where(*_FRESH))
_REDEEM = (
    sa.update(grants).where(*_FRESH).values(redeemed_at=sa.bindparam("now", type_=grants.c.created_at.type))
)
_REDEEMED = sa.select(grants.c.id, grants.c.person, grants.c.partner).where(
    grants.c.handle == sa.bindparam("hashed"),
    grants.c.partner == sa.bindparam("whose"),
    grants.c.redeemed_at.is_not(None),
)
_REVOKE = (
    sa.update(grants)
    .where(grants.c.id == sa.bindparam("grant_id"), grants.c.revoked_at.is_(None))
    .values(revoked_at=sa.bindparam("now", type_=grants.c.created_at.type))
)
_REVOKE_ALL_OF_SESSION = (
    sa.update(grants)
    .where(grants.c.session == sa.bindparam("session_id"), grants.c.revoked_at.is_(None))
    .values(revoked_at=sa.bindparam("now", type_=grants.c.created_at.type))
)
_REVOKE_SESSION = _REVOKE_ALL_OF_SESSION.where(grants.c.offline.is_(False))
_REVOKE_PERSON = (
    sa.update(grants)
    .where(grants.c.person == sa.bindparam("whose"), grants.c.revoked_at.is_(None))
    .values(revoked_at=sa.bindparam("now", type_=grants.c.created_at.type))
)
_REVOKE_BETWEEN = _REVOKE_PERSON.where(grants.c.partner == sa.bindparam("to_whom"))
_UNTIL = sa.bindparam("until", type_=grants.c.expires_at.type)
_EXTEND = (
    sa.update(grants)
    .where(grants.c.id == sa.bindparam("grant_id"), grants.c.revoked_at.is_(None))
    .values(expires_at=sa.case((grants.c.expires_at < _UNTIL, _UNTIL), else_=grants.c.expires_at))
)


class Grants:
    """Keeps grants by the hash of their one-time handle."""

    def __init__(self, store: Store, clock: Clock, audit: AuditLog) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    def keep(self, unit: Unit, grant: Grant, *, handle_ends_at: datetime, expires_at: datetime) -> None:
        """Keep a grant so that its partner can fetch it once before handle_ends_at."""
        row = {
            "id": grant.id,
            "handle": fingerprint(grant.handle),
            "session": grant.session,
            "person": grant.person,
            "partner": grant.request.partner,
            # The handle itself is never stored: a copy of the database redeems nothing.
            "document": codec.dump(replace(grant, handle="")),
            "created_at": grant.issued_at,
            "handle_ends_at": handle_ends_at,
            "expires_at": expires_at,
            "redeemed_at": None,
            "revoked_at": None,
            "offline": grant.request.offline,
        }
        unit.execute(_KEEP, row)

    def find(self, handle: str, *, partner: str) -> Grant | None:
        """Return the grant that this partner may fetch with a handle now; nothing is used up."""
        found = {"hashed": fingerprint(handle), "whose": partner, "now": self._clock.now()}
        with self._store.read() as connection:
            row = _FIND.first(connection, found)
        return None if row is None else codec.load(Grant, row["document"])

    def redeem(self, unit: Unit, handle: str, *, partner: str) -> bool:
        """Use a handle up; True for exactly one caller, in time, of the partner it was made for.

        A second redemption revokes the grant with its tokens: commit the unit all the same.
        """
        found = {"hashed": fingerprint(handle), "whose": partner}
        if unit.execute(_REDEEM, {**found, "now": self._clock.now()}).rowcount == 1:
            return True
        reused = unit.execute(_REDEEMED, found).first()
        if reused is not None:
            self.revoke(unit, reused.id)
            entry = Entry(
                event=Event.GRANT_REPLAYED, person=reused.person, partner=reused.partner, verdict="deny"
            )
            self._audit.record(unit, entry)
        return False

    @staticmethod
    def extend(unit: Unit, grant_id: str, *, until: datetime) -> bool:
        """Keep a grant at least so long for what is made from it now; False when it was revoked.

        Within the unit nobody else revokes it or makes something from it.
        """
        return unit.execute(_EXTEND, {"grant_id": grant_id, "until": until}).rowcount == 1

    def revoke(self, unit: Unit, grant_id: str) -> bool:
        """Revoke a grant and with it every token made from it; return whether it still held."""
        gone = {"grant_id": grant_id, "now": self._clock.now()}
        return unit.execute(_REVOKE, gone).rowcount == 1

    def revoke_session(self, unit: Unit, session_id: str, *, offline: bool = False) -> int:
        """Revoke what was granted within a session; return how many grants.

        offline: what was granted beyond it too.
        """
        gone = {"session_id": session_id, "now": self._clock.now()}
        return unit.execute(_REVOKE_ALL_OF_SESSION if offline else _REVOKE_SESSION, gone).rowcount

    def revoke_person(self, unit: Unit, person: str) -> int:
        """Revoke all that was granted about a person, offline access too; return how many grants."""
        return unit.execute(_REVOKE_PERSON, {"whose": person, "now": self._clock.now()}).rowcount

    def revoke_between(self, unit: Unit, *, person: str, partner: str) -> int:
        """Revoke what one partner was granted about a person (consent withdrawn); return how many."""
        gone = {"whose": person, "to_whom": partner, "now": self._clock.now()}
        return unit.execute(_REVOKE_BETWEEN, gone).rowcount
