"""The one function by which configuration changes, and the revision caches are keyed by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from idp.core.model import Actor
from idp.store import schema
from idp.store.database import Unit

_INSERT = sa.insert(schema.changes).returning(schema.changes.c.revision)
_LATEST = sa.select(sa.func.max(schema.changes.c.revision))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one thing: before None means made, after None means removed."""

    noun: str
    key: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def change(unit: Unit, *, actor: Actor, at: datetime, change: Change) -> int:
    """Record a configuration change in the unit that makes it; return the new revision.

    before and after must hold no secrets (sealed columns stay out).
    """
    row = {
        "at": at,
        "actor": f"{actor.kind}:{actor.id}",
        "noun": change.noun,
        "key": change.key,
        "before": change.before,
        "after": change.after,
    }
    # Numbers must become visible in their order: who saw 6 never looks for 5 again.
    unit.alone()
    unit.after_commit(unit.store.note_change)
    return int(unit.execute(_INSERT, row).scalar_one())


def revision(connection: sa.Connection) -> int:
    """Return the latest revision, 0 before the first change."""
    return connection.execute(_LATEST).scalar() or 0
