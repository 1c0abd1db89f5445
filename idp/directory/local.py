"""The source of people who live in our own database, password and all."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from idp.core.errors import Busy
from idp.core.ports import Clock
from idp.directory.hashing import PasswordHasher
from idp.store import Store, Unit
from idp.store.schema import passwords, people

_HASH = sa.select(passwords.c.hash).where(passwords.c.person == sa.bindparam("key"))
_ATTRIBUTES = sa.select(people.c.attributes).where(
    people.c.source == "local", people.c.source_key == sa.bindparam("key")
)
_REPLACE = (
    sa.update(passwords)
    .where(passwords.c.person == sa.bindparam("key"), passwords.c.hash == sa.bindparam("old"))
    .values(hash=sa.bindparam("new"))
)


class LocalSource:
    """Checks passwords kept in the database; a local person's source key is the person's id."""

    name = "local"

    def __init__(self, store: Store, hasher: PasswordHasher, clock: Clock) -> None:
        self._store = store
        self._hasher = hasher
        self._clock = clock

    def check_password(self, source_key: str | None, password: str) -> bool:
        """Say whether the password is right; unknown people cost one read and one hash too. Raises Busy."""
        with self._store.read() as connection:
            hashed = connection.execute(_HASH, {"key": source_key or ""}).scalar()
        right = self._hasher.verify(hashed, password)
        if hashed and source_key and right and self._hasher.outdated(hashed):
            # Another time will do; "busy" would say that the password was right.
            with suppress(Busy):
                self._renew(source_key, hashed, password)
        return right

    def attributes(self, source_key: str) -> Mapping[str, tuple[str, ...]]:
        """Return what the person's own record says, by LDAP name."""
        with self._store.read() as connection:
            found = connection.execute(_ATTRIBUTES, {"key": source_key}).scalar()
        return {name: tuple(values) for name, values in (found or {}).items()}

    def fitting(self, source_key: str, password: str) -> str | None:
        """Return the hash on record if the password is right. Raises Busy."""
        with self._store.read() as connection:
            hashed = connection.execute(_HASH, {"key": source_key}).scalar()
        return hashed if self._hasher.verify(hashed, password) else None

    def replace_password(self, unit: Unit, source_key: str, *, old: str, new: str) -> bool:
        """Put one hash in the place of another; False when that is no longer there."""
        return unit.execute(_REPLACE, {"key": source_key, "old": old, "new": new}).rowcount == 1

    def hashed(self, password: str) -> str:
        """Return the hash of a new password. Raises Refused on a bad length, Busy."""
        return self._hasher.hash(password)

    def set_password(self, unit: Unit, source_key: str, hashed: str) -> None:
        """Store a password's hash, made beforehand by the hasher: no hashing inside a transaction."""
        row = {"person": source_key, "hash": hashed, "changed_at": self._clock.now()}
        unit.execute(_set(unit.connection.dialect.name), row)

    def _renew(self, source_key: str, hashed: str, password: str) -> None:
        fresh = self._hasher.hash(password)
        with self._store.write() as unit:
            # Only over the very hash that was checked: the password may have been changed since.
            unit.execute(_REPLACE, {"key": source_key, "old": hashed, "new": fresh})


@cache
def _set(dialect: str) -> sa.Executable:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    added = insert(passwords)
    return added.on_conflict_do_update(
        index_elements=[passwords.c.person],
        set_={"hash": added.excluded.hash, "changed_at": added.excluded.changed_at},
    )
