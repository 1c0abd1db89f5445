"""Keep one setting of the service: a dataclass, stored whole, changed by the one change function."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

import sqlalchemy as sa

from idp.core.codec import build, plain
from idp.core.model import Actor
from idp.store.changes import Change, change
from idp.store.database import Store, Unit
from idp.store.revisioned import Revisioned
from idp.store.schema import settings

T = TypeVar("T")
_READ = sa.select(settings.c.value).where(settings.c.key == sa.bindparam("which"))
_DELETE = sa.delete(settings).where(settings.c.key == sa.bindparam("which"))
_INSERT = sa.insert(settings)


class Setting(Generic[T]):
    """The value of a key, from a cache that follows the database; usual until another is put."""

    def __init__(self, store: Store, key: str, usual: T) -> None:
        self._key = key
        self._usual = usual
        self._held = Revisioned(store, self.read)

    def get(self) -> T:
        """Return the value in force."""
        return self._held.get()

    def read(self, connection: sa.Connection) -> T:
        """Return the value as it is stored at this moment."""
        value = connection.execute(_READ, {"which": self._key}).scalar()
        return self._usual if value is None else build(type(self._usual), value)

    def put(self, unit: Unit, value: T, *, actor: Actor, at: datetime) -> None:
        """Put another value in force."""
        before = plain(self.read(unit.connection))
        unit.execute(_DELETE, {"which": self._key})
        unit.execute(_INSERT, {"key": self._key, "value": plain(value)})
        changed = Change(noun="setting", key=self._key, before=before, after=plain(value))
        change(unit, actor=actor, at=at, change=changed)
