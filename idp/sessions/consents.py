"""What people agreed to, by partner and scope, until it is withdrawn."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from idp.store import Unit
from idp.store.schema import consents

_GIVEN = sa.select(consents.c.scope).where(
    consents.c.person == sa.bindparam("whose"), consents.c.partner == sa.bindparam("to")
)
_OF = (
    sa.select(consents)
    .where(consents.c.person == sa.bindparam("whose"))
    .order_by(consents.c.partner, consents.c.scope)
)
_WITHDRAW = sa.delete(consents).where(
    consents.c.person == sa.bindparam("whose"), consents.c.partner == sa.bindparam("to")
)
_FORGET = sa.delete(consents).where(consents.c.partner == sa.bindparam("to"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One scope that a person lets a partner have."""

    partner: str
    scope: str
    given_at: datetime


class Consents:
    """Keeps consents; grants that need one are dead once it is gone (`signin.renewal`)."""

    def given(self, connection: sa.Connection, *, person: str, partner: str) -> frozenset[str]:
        """Return the scopes that a person agreed to at a partner."""
        return frozenset(connection.execute(_GIVEN, {"whose": person, "to": partner}).scalars())

    def give(self, unit: Unit, *, person: str, partner: str, scopes: Collection[str], now: datetime) -> None:
        """Add scopes to what a person agreed to; what was there stays."""
        rows = [
            {"person": person, "partner": partner, "scope": scope, "given_at": now}
            for scope in sorted(scopes)
        ]
        unit.execute(_insert_once(unit.connection.dialect.name), rows)

    def of(self, connection: sa.Connection, person: str) -> tuple[Consent, ...]:
        """Return everything that a person agreed to."""
        rows = connection.execute(_OF, {"whose": person})
        return tuple(Consent(partner=row.partner, scope=row.scope, given_at=row.given_at) for row in rows)

    def withdraw(self, unit: Unit, *, person: str, partner: str) -> bool:
        """Take back all that a person agreed to at a partner; return whether there was anything."""
        return unit.execute(_WITHDRAW, {"whose": person, "to": partner}).rowcount > 0

    def forget(self, unit: Unit, partner: str) -> None:
        """Delete what everybody agreed to at a partner that is removed."""
        unit.execute(_FORGET, {"to": partner})


@cache
def _insert_once(dialect: str) -> sa.Executable:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(consents).on_conflict_do_nothing()
