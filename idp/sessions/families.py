"""Refresh tokens: one row for each family, turned by compare-and-set at every use.

A token is "family.turn", two random secrets, of which only hashes are kept. The family half stays,
so that any older token of it is recognised for what it is: stolen, or lost by its owner (RFC 9700
section 4.14). The turning half is derived from the one before it and a salt kept here, so that whoever
lost the answer can be told the same one again, while neither the old token nor a copy of the
database tells it to anybody else.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from idp.core import codec
from idp.core.ids import fingerprint, new_secret, same
from idp.core.model import Grant
from idp.core.ports import Clock
from idp.store import Store, Unit
from idp.store.schema import families, grants

# How long after its use a token is answered again with the same successor, while that is unused.
GRACE = timedelta(seconds=30)

_NOW = sa.bindparam("now", type_=families.c.turned_at.type)
_START = sa.insert(families)
_FIND = (
    sa.select(families, grants.c.document)
    .join(grants, grants.c.id == families.c.grant)
    .where(
        families.c.family == sa.bindparam("hashed"),
        families.c.expires_at > _NOW,
        grants.c.revoked_at.is_(None),
    )
)
_TURN = (
    sa.update(families)
    .where(
        families.c.family == sa.bindparam("hashed"),
        families.c.current == sa.bindparam("shown"),
        families.c.expires_at > _NOW,
    )
    .values(
        previous=families.c.current,
        current=sa.bindparam("next"),
        salt=sa.bindparam("salted"),
        turned_at=_NOW,
        expires_at=sa.bindparam("idle_until", type_=families.c.expires_at.type),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The line of refresh tokens that one grant has."""

    grant: Grant
    turned_at: datetime
    expires_at: datetime
    ends_at: datetime
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """The token that comes next; again: somebody was told it before."""

    secret: str
    again: bool


class Families:
    """Starts, finds and turns families of refresh tokens."""

    def __init__(self, store: Store, clock: Clock, *, idle: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._idle = idle

    def start(self, unit: Unit, grant: Grant, *, ends_at: datetime) -> str:
        """Return a grant's first refresh token; a grant has one family."""
        now, family, turn = self._clock.now(), new_secret(), new_secret()
        row = {
            "family": fingerprint(family),
            "grant": grant.id,
            "current": fingerprint(turn),
            "previous": "",
            "salt": "",
            "turned_at": now,
            "expires_at": min(now + self._idle, ends_at),
            "ends_at": ends_at,
        }
        unit.execute(_START, row)
        return f"{family}.{turn}"

    def find(self, secret: str) -> Family | None:
        """Return the live family that a token belongs to, be it the current token or an older one."""
        family, turn = _halves(secret)
        with self._store.read() as connection:
            row = self._row(connection, family)
        if row is None:
            return None
        return Family(
            grant=codec.load(Grant, row.document),
            turned_at=row.turned_at,
            expires_at=row.expires_at,
            ends_at=row.ends_at,
            current=same(fingerprint(turn), row.current),
        )

    def turn(self, unit: Unit, secret: str) -> Turned | None:
        """Use a token up and return the next; None when it was used before.

        Of callers at once exactly one turns the family. The others, and whoever lost the answer,
        are told the same token within GRACE, as long as nobody has used that.
        """
        family, turn = _halves(secret)
        row = self._row(unit.connection, family)
        if row is None:
            return None
        salt = new_secret()
        if self._turned(unit, row, family, turn, salt):
            return Turned(secret=f"{family}.{_next(turn, salt)}", again=False)
        row = self._row(unit.connection, family)
        if row is None or not same(fingerprint(turn), row.previous):
            return None
        if self._clock.now() - row.turned_at > GRACE:
            return None
        return Turned(secret=f"{family}.{_next(turn, row.salt)}", again=True)

    def _turned(self, unit: Unit, row: Any, family: str, turn: str, salt: str) -> bool:
        now = self._clock.now()
        turning = {
            "hashed": fingerprint(family),
            "shown": fingerprint(turn),
            "next": fingerprint(_next(turn, salt)),
            "salted": salt,
            "now": now,
            "idle_until": min(now + self._idle, row.ends_at),
        }
        return unit.execute(_TURN, turning).rowcount == 1

    def _row(self, connection: sa.Connection, family: str) -> Any:
        return connection.execute(_FIND, {"hashed": fingerprint(family), "now": self._clock.now()}).first()


def _halves(secret: str) -> tuple[str, str]:
    family, _, turn = secret.partition(".")
    return family, turn


def _next(turn: str, salt: str) -> str:
    derived = hmac.new(salt.encode(), turn.encode(), sha256).digest()
    return urlsafe_b64encode(derived).rstrip(b"=").decode()
