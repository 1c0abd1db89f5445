"""The partners on record: looked up by what they call themselves, changed through one function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from idp.core import codec
from idp.core.errors import Refused
from idp.core.model import Actor, Partner
from idp.store import Change, Store, Unit, change
from idp.store.revisioned import Revisioned
from idp.store.schema import partners as table

_ALL = sa.select(table).order_by(table.c.name, table.c.id)
_INSERT = sa.insert(table)
_UPDATE = sa.update(table).where(table.c.id == sa.bindparam("partner_id"))
_DELETE = sa.delete(table).where(table.c.id == sa.bindparam("partner_id"))


@dataclass(frozen=True, slots=True)
class _Held:
    by_id: dict[str, Partner]
    by_identifier: dict[tuple[str, str], Partner]


class Partners:
    """Partners by id and by (door, identifier); identifiers match exactly, case included."""

    def __init__(self, store: Store) -> None:
        self._cache = Revisioned(store, _load)

    def get(self, partner_id: str) -> Partner | None:
        """Return the partner with this id, at most two seconds old; a new one is there at once."""
        held = self._cache.get().by_id
        return held.get(partner_id) or self._cache.latest().by_id.get(partner_id)

    def find(self, door: str, identifier: str) -> Partner | None:
        """Return the partner that calls itself so at this door (entity id, client id)."""
        named = (door, identifier)
        held = self._cache.get().by_identifier
        return held.get(named) or self._cache.latest().by_identifier.get(named)

    @staticmethod
    def listing(connection: sa.Connection) -> Iterator[Partner]:
        """Yield all partners by name, straight from the database."""
        for row in connection.execute(_ALL).mappings():
            yield _partner(dict(row))

    @staticmethod
    def save(unit: Unit, partner: Partner, *, actor: Actor, at: datetime) -> Partner:
        """Write a new or changed partner. Raises Refused when its identifier is taken."""
        before = _stored(unit.connection, partner.id)
        taken = unit.execute(
            sa.select(table.c.id).where(
                table.c.door == partner.door, table.c.identifier == partner.identifier
            )
        ).scalar()
        if taken not in (None, partner.id):
            raise Refused("Another application already uses this identifier.")
        revision = change(
            unit,
            actor=actor,
            at=at,
            change=Change(
                noun="partner",
                key=partner.id,
                before=_on_record(before) if before else None,
                after=_on_record(partner),
            ),
        )
        saved = replace(partner, revision=revision)
        if before is None:
            unit.execute(_INSERT, codec.plain(saved))
        else:
            unit.connection.execute(_UPDATE.values(**codec.plain(saved)), {"partner_id": partner.id})
        return saved

    @staticmethod
    def remove(unit: Unit, partner: Partner, *, actor: Actor, at: datetime) -> None:
        """Delete a partner; what was issued to it stays on record."""
        gone = Change(noun="partner", key=partner.id, before=_on_record(partner), after=None)
        change(unit, actor=actor, at=at, change=gone)
        unit.execute(_DELETE, {"partner_id": partner.id})


def _load(connection: sa.Connection) -> _Held:
    everyone = list(Partners.listing(connection))
    return _Held(
        by_id={partner.id: partner for partner in everyone},
        by_identifier={(partner.door, partner.identifier): partner for partner in everyone},
    )


def _stored(connection: sa.Connection, partner_id: str) -> Partner | None:
    row = connection.execute(sa.select(table).where(table.c.id == partner_id)).mappings().first()
    return None if row is None else _partner(dict(row))


def _on_record(partner: Partner) -> dict[str, Any]:
    """Return a partner for the history of changes, which keeps no secrets, hashed ones included."""
    settings = {name: value for name, value in partner.settings.items() if "secret" not in name}
    return dict(codec.plain(replace(partner, settings=settings)))


def _partner(row: dict[str, Any]) -> Partner:
    return codec.build(Partner, row)
