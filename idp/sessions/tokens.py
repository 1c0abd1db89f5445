"""Access tokens, by the hash of what their bearers show; one with a signature is no exception.

So at our own addresses a token is looked up and never read: nothing in it can be forged, and one
that was taken back is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from idp.core import codec
from idp.core.ids import fingerprint
from idp.core.model import Grant
from idp.core.ports import Clock
from idp.store import Store, Unit
from idp.store.prepared import Prepared
from idp.store.schema import grants, tokens

_ACCESS = "access"
_ADD = Prepared(sa.insert(tokens).inline())
_FIND = Prepared(
    sa.select(
        tokens.c.partner,
        tokens.c.scope,
        tokens.c.audience,
        tokens.c.issued_at,
        tokens.c.expires_at,
        grants.c.document,
    )
    .join_from(tokens, grants, tokens.c.grant == grants.c.id, isouter=True)
    .where(
        tokens.c.secret == sa.bindparam("hashed"),
        tokens.c.expires_at > sa.bindparam("now", type_=tokens.c.expires_at.type),
        # A machine's own, or one whose grant still holds.
        sa.or_(
            tokens.c.grant == sa.literal_column("''"),
            sa.and_(grants.c.id.is_not(None), grants.c.revoked_at.is_(None)),
        ),
    )
)
_DROP = sa.delete(tokens).where(
    tokens.c.secret == sa.bindparam("hashed"), tokens.c.partner == sa.bindparam("whose")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token: what the partner may do with it, where, and for whom.

    audience "" is ourselves (userinfo). grant None: a machine's own, about nobody.
    """

    partner: str
    scope: str
    audience: str
    issued_at: datetime
    expires_at: datetime
    grant: Grant | None = None


class Tokens:
    """Keeps access tokens until they expire, are taken back, or their grant is."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @staticmethod
    def add(unit: Unit, secret: str, token: Token) -> None:
        """Keep a token; of what its bearer shows only the hash."""
        row = {
            "secret": fingerprint(secret),
            "grant": token.grant.id if token.grant else "",
            "kind": _ACCESS,
            "partner": token.partner,
            "scope": token.scope,
            "audience": token.audience,
            "issued_at": token.issued_at,
            "expires_at": token.expires_at,
        }
        _ADD.run(unit.connection, row)

    def find(self, secret: str) -> Token | None:
        """Return a live token."""
        found = {"hashed": fingerprint(secret), "now": self._clock.now()}
        with self._store.read() as connection:
            row = _FIND.first(connection, found)
        if row is None:
            return None
        facts = dict(row)
        document = facts.pop("document")
        return Token(**facts, grant=codec.load(Grant, document) if document is not None else None)

    @staticmethod
    def drop(unit: Unit, secret: str, *, partner: str) -> bool:
        """Take back a partner's token; return whether there was one."""
        gone = {"hashed": fingerprint(secret), "whose": partner}
        return unit.execute(_DROP, gone).rowcount == 1
