"""Grants that a partner comes back for, and the tokens made from them.

Whatever must happen once is settled here by compare-and-set in the database: state that may
vanish is not enough to keep a code from being redeemed twice (RFC 6749 section 4.1.2).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from idp.audit import AuditLog, Entry, Event
from idp.core import codec
from idp.core.errors import Refused
from idp.core.ids import fingerprint, new_secret
from idp.core.model import Grant
from idp.core.ports import Clock
from idp.store import Store, Unit
from idp.store.schema import grants, tokens

_KEEP = sa.insert(grants)
_REDEEM = (
    sa.update(grants)
    .where(
        grants.c.handle == sa.bindparam("hashed"),
        grants.c.partner == sa.bindparam("whose"),
        grants.c.redeemed_at.is_(None),
        grants.c.revoked_at.is_(None),
        grants.c.handle_ends_at > sa.bindparam("now", type_=grants.c.created_at.type),
    )
    .values(redeemed_at=sa.bindparam("now", type_=grants.c.created_at.type))
    .returning(grants.c.document)
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
_REVOKE_SESSION = (
    sa.update(grants)
    .where(grants.c.session == sa.bindparam("session_id"), grants.c.revoked_at.is_(None))
    .values(revoked_at=sa.bindparam("now", type_=grants.c.created_at.type))
)
_ADD_TOKEN = sa.insert(tokens)
_BY_TOKEN = (
    sa.select(grants.c.document)
    .join(tokens, tokens.c.grant == grants.c.id)
    .where(
        tokens.c.secret == sa.bindparam("hashed"),
        tokens.c.kind == sa.bindparam("of_kind"),
        tokens.c.expires_at > sa.bindparam("now", type_=tokens.c.expires_at.type),
        grants.c.revoked_at.is_(None),
    )
)


class Grants:
    """Keeps grants by the hash of their one-time handle, and tokens by the hash of their secret."""

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
        }
        unit.execute(_KEEP, row)

    def redeem(self, handle: str, *, partner: str) -> Grant:
        """Hand out the grant to exactly one caller.

        A second redemption revokes the grant with its tokens. Raises Refused unless this is
        the first redemption, in time, by the partner it was made for.
        """
        found = {"hashed": fingerprint(handle), "whose": partner, "now": self._clock.now()}
        with self._store.write() as unit:
            document = unit.execute(_REDEEM, found).scalar()
            if document is None:
                self._punish_reuse(unit, found)
        if document is None:
            raise Refused("This code is unknown, expired or was used before.")
        return codec.load(Grant, document)

    def _punish_reuse(self, unit: Unit, found: dict[str, object]) -> None:
        which = {name: found[name] for name in ("hashed", "whose")}
        reused = unit.execute(_REDEEMED, which).first()
        if reused is not None:
            self.revoke(unit, reused.id)
            self._audit.record(
                unit,
                Entry(
                    event=Event.GRANT_REPLAYED, person=reused.person, partner=reused.partner, verdict="deny"
                ),
            )

    def issue_token(self, grant: Grant, *, kind: str, expires_at: datetime) -> str:
        """Make an opaque token for a grant; only its hash is stored."""
        secret = new_secret()
        row = {
            "secret": fingerprint(secret),
            "grant": grant.id,
            "kind": kind,
            "expires_at": expires_at,
        }
        with self._store.write() as unit:
            unit.execute(_ADD_TOKEN, row)
        return secret

    def by_token(self, secret: str, *, kind: str) -> Grant | None:
        """Return the grant behind a live token of an unrevoked grant."""
        found = {"hashed": fingerprint(secret), "of_kind": kind, "now": self._clock.now()}
        with self._store.read() as connection:
            document = connection.execute(_BY_TOKEN, found).scalar()
        return None if document is None else codec.load(Grant, document)

    def revoke(self, unit: Unit, grant_id: str) -> bool:
        """Revoke a grant and with it every token made from it."""
        gone = {"grant_id": grant_id, "now": self._clock.now()}
        return unit.execute(_REVOKE, gone).rowcount == 1

    def revoke_session(self, unit: Unit, session_id: str) -> int:
        """Revoke what was granted within a session; return how many grants that were."""
        gone = {"session_id": session_id, "now": self._clock.now()}
        return unit.execute(_REVOKE_SESSION, gone).rowcount
