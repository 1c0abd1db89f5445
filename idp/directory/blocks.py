"""Keep people blocked for a while: everything is denied to them until it is over or lifted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from idp.store import Unit
from idp.store.schema import people

# As long as the blocks that AD FS' administrators know from Azure MFA.
LASTS = timedelta(days=90)
# Whoever knows the password can bring a flood about: it must not keep the owner out for months.
FLOOD_LASTS = timedelta(days=1)

_UNTIL = sa.bindparam("until", type_=people.c.blocked_until.type)
_NOW = sa.bindparam("now", type_=people.c.blocked_until.type)
_OPEN = sa.or_(people.c.blocked_until.is_(None), people.c.blocked_until <= _NOW)
_BLOCK = (
    sa.update(people)
    .where(people.c.id == sa.bindparam("person"), sa.or_(_OPEN, people.c.blocked_until < _UNTIL))
    .values(blocked_until=_UNTIL, block_reason=sa.bindparam("reason"))
)
_LIFT = (
    sa.update(people)
    .where(people.c.id == sa.bindparam("person"), people.c.blocked_until > _NOW)
    .values(blocked_until=None, block_reason="")
)
_BLOCKED = (
    sa.select(people.c.id, people.c.name, people.c.blocked_until, people.c.block_reason)
    .where(people.c.blocked_until > _NOW, people.c.name > sa.bindparam("after"))
    .order_by(people.c.name)
    .limit(sa.bindparam("limit"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A person who is blocked, why, and until when."""

    person: str
    name: str
    reason: str
    until: datetime


def block(unit: Unit, person_id: str, *, reason: str, now: datetime, until: datetime) -> bool:
    """Block a person, unless they are for as long already. Return whether it is news."""
    row = {"person": person_id, "reason": reason, "now": now, "until": until}
    return unit.execute(_BLOCK, row).rowcount == 1


def lift(unit: Unit, person_id: str, *, now: datetime) -> bool:
    """Lift a block. Return whether there was one."""
    return unit.execute(_LIFT, {"person": person_id, "now": now}).rowcount == 1


def blocked(connection: sa.Connection, *, now: datetime, after: str = "", limit: int) -> tuple[Blocked, ...]:
    """Return people who are blocked, by user name, those after the given one."""
    rows = connection.execute(_BLOCKED, {"now": now, "after": after, "limit": limit}).mappings()
    return tuple(_read(row) for row in rows)


def _read(row: Mapping[Any, Any]) -> Blocked:
    return Blocked(person=row["id"], name=row["name"], reason=row["block_reason"], until=row["blocked_until"])
