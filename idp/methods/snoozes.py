"""How often people put off what a campaign asks them to set up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from idp.store import Unit
from idp.store.schema import snoozes

_OF = sa.select(snoozes.c.rule, snoozes.c.times, snoozes.c.snoozed_at).where(
    snoozes.c.person == sa.bindparam("whose")
)
_AGAIN = {"times": snoozes.c.times + 1, "snoozed_at": sa.bindparam("now", type_=snoozes.c.snoozed_at.type)}


def snoozed_by(connection: sa.Connection, person: str) -> Mapping[str, tuple[int, datetime]]:
    """Return how often the person put each campaign off, and when last, by the rule's id."""
    rows = connection.execute(_OF, {"whose": person})
    return {row.rule: (row.times, row.snoozed_at) for row in rows}


def snooze(unit: Unit, *, person: str, rule: str, now: datetime) -> None:
    """Count that a person put a campaign off."""
    insert = postgresql.insert if unit.connection.dialect.name == "postgresql" else sqlite.insert
    row = insert(snoozes).values(person=person, rule=rule, times=1, snoozed_at=now)
    unit.execute(row.on_conflict_do_update(index_elements=["person", "rule"], set_=_AGAIN), {"now": now})
