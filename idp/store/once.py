"""Let something count once: the database's unique key decides, whatever races or is sent again."""

from __future__ import annotations

from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from idp.store.database import Unit
from idp.store.schema import spent


def once(unit: Unit, key: str, *, until: datetime) -> bool:
    """Return True for the first who asks with this key, and for nobody else until then.

    key is stored as it is: give a hash of what is secret or long.
    """
    row = {"key": key, "expires_at": until}
    return unit.execute(_insert(unit.connection.dialect.name), row).rowcount == 1


@cache
def _insert(dialect: str) -> sa.Executable:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(spent).on_conflict_do_nothing()
