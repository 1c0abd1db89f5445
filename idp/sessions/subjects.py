"""The opaque ids by which partners know people, made once and kept for life."""

from __future__ import annotations

from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from idp.core.ids import new_id
from idp.store import Store
from idp.store.schema import subjects

_FIND = sa.select(subjects.c.value).where(
    subjects.c.person == sa.bindparam("whose"), subjects.c.qualifier == sa.bindparam("where")
)
_WHOSE = sa.select(subjects.c.person).where(
    subjects.c.qualifier == sa.bindparam("where"), subjects.c.value == sa.bindparam("named")
)


class Subjects:
    """Pairwise ids: random, stored, the same for life (SAML core 8.3.7)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def pairwise(self, *, person: str, qualifier: str, now: datetime) -> str:
        """Return the id of a person at a partner, made at the first call.

        Two callers at once get the same id: the table's key decides which one is kept.
        """
        found = {"whose": person, "where": qualifier}
        with self._store.read() as connection:
            value = connection.execute(_FIND, found).scalar()
        if value is not None:
            return str(value)
        row = {"person": person, "qualifier": qualifier, "value": new_id(), "created_at": now}
        with self._store.write() as unit:
            unit.execute(_insert_once(unit.connection.dialect.name), row)
            return str(unit.execute(_FIND, found).scalar_one())

    def whose(self, value: str, *, qualifier: str) -> str:
        """Return the person whom a partner knows by this id, "" for nobody."""
        with self._store.read() as connection:
            person = connection.execute(_WHOSE, {"named": value, "where": qualifier}).scalar()
        return person or ""


@cache
def _insert_once(dialect: str) -> sa.Executable:
    if dialect == "postgresql":
        return postgresql.insert(subjects).on_conflict_do_nothing()
    return sqlite.insert(subjects).on_conflict_do_nothing()
