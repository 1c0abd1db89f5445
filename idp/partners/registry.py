"""The partners on record: looked up by what they call themselves, changed through one function."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, partial
from itertools import islice
from typing import Any

import sqlalchemy as sa

from idp.core import codec
from idp.core.errors import Refused
from idp.core.ids import fold
from idp.core.model import Actor, Partner
from idp.partners.names import Names
from idp.store import Change, Store, Unit, change
from idp.store.columns import UNSTORABLE
from idp.store.revisioned import Revisioned
from idp.store.schema import partners as table

# Of how many partners a process keeps what it read: those asked for last.
MOST_HELD = 1000
# An index of PostgreSQL takes 2,700 bytes, and a letter has up to four.
_LONGEST_SOUGHT = 600

_BY_ID = sa.select(table).where(table.c.id == sa.bindparam("partner_id"))
_ID_OF = sa.select(table.c.id).where(
    table.c.door == sa.bindparam("door"), table.c.identifier == sa.bindparam("identifier")
)
_NAMED = (
    sa.select(table)
    .where(sa.or_(table.c.id == sa.bindparam("which"), table.c.identifier == sa.bindparam("which")))
    .order_by(table.c.id)
)
_AMONG = sa.select(table).where(table.c.id.in_(sa.bindparam("ids", expanding=True)))
_BY_NAME = (table.c.sought, table.c.id)
_ALL = sa.select(table).order_by(*_BY_NAME)
_SOUGHT = sa.select(*_BY_NAME)
_STARTED = _ALL.where(table.c.started, table.c.enabled).limit(sa.bindparam("most"))
_INSERT = sa.insert(table)
_UPDATE = sa.update(table).where(table.c.id == sa.bindparam("partner_id"))
_DELETE = sa.delete(table).where(table.c.id == sa.bindparam("partner_id"))


class _Held:
    """What was asked for in one revision. Only what is there is kept: a new one is found at once."""

    def __init__(self, store: Store) -> None:
        self.partner = lru_cache(MOST_HELD)(partial(_by_id, store))
        self.id_of = lru_cache(MOST_HELD)(partial(_id_of, store))


class Partners:
    """Partners by id and by (door, identifier); identifiers match exactly, case included.

    Of ten thousand partners a process reads those that people go to.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cache = Revisioned(store, lambda _: _Held(store))
        self._names = Revisioned(store, _names)

    def get(self, partner_id: str) -> Partner | None:
        """Return the partner with this id, at most two seconds old; a new one is there at once."""
        with suppress(LookupError):
            return self._cache.get().partner(partner_id)
        return None

    def find(self, door: str, identifier: str) -> Partner | None:
        """Return the partner that calls itself so at this door (entity id, client id)."""
        held = self._cache.get()
        with suppress(LookupError):
            return held.partner(held.id_of(door, identifier))
        return None

    def search(
        self, part: str, *, limit: int, after: Partner | None = None, without: str = ""
    ) -> tuple[Partner, ...]:
        """Return partners by name that have a part in name or identifier, in any case.

        after and without are as for a page; names are at most two seconds old.
        """
        part, names = _folded(part), self._names.get()
        place = None if after is None else (_sought(after), after.id)
        found: list[Partner] = []
        ids = names.having(part, after=place)
        with self._store.read() as connection:
            while len(found) < limit and (some := list(islice(ids, limit - len(found)))):
                there = self.among(connection, some)
                # Those that are there no longer, or were named anew meanwhile, are none.
                sought = (there[one] for one in some if one in there)
                found += [one for one in sought if one.door != without and part in _sought(one)]
        return tuple(found)

    # Straight from the database ---------------------------------------------------------------
    @staticmethod
    def stored(connection: sa.Connection, door: str, identifier: str) -> Partner | None:
        """Return the partner that calls itself so at this door."""
        named = Partners.named(connection, identifier)
        return next((one for one in named if (one.door, one.identifier) == (door, identifier)), None)

    @staticmethod
    def named(connection: sa.Connection, which: str) -> tuple[Partner, ...]:
        """Return the partners with this id or identifier."""
        if UNSTORABLE.search(which):
            return ()
        return tuple(map(_partner, connection.execute(_NAMED, {"which": which}).mappings()))

    @staticmethod
    def among(connection: sa.Connection, ids: Collection[str]) -> Mapping[str, Partner]:
        """Return those of these partners that are there, by id."""
        rows = connection.execute(_AMONG, {"ids": list(ids)}).mappings() if ids else ()
        return {row["id"]: _partner(row) for row in rows}

    @staticmethod
    def page(
        connection: sa.Connection, *, limit: int, after: Partner | None = None, without: str = ""
    ) -> tuple[Partner, ...]:
        """Return partners by name, those after the given one. without is a door to leave out."""
        query = _ALL.where(table.c.door != without).limit(limit)
        if after is not None:
            query = query.where(sa.tuple_(*_BY_NAME) > sa.tuple_(sa.literal(_sought(after)), after.id))
        return tuple(map(_partner, connection.execute(query).mappings()))

    @staticmethod
    def startable(connection: sa.Connection, *, most: int) -> tuple[Partner, ...]:
        """Return enabled partners by name that people may open from our own page."""
        return tuple(map(_partner, connection.execute(_STARTED, {"most": most}).mappings()))

    @staticmethod
    def having(connection: sa.Connection, door: str, setting: str, value: str) -> tuple[Partner, ...]:
        """Return the partners of a door with this text as a setting; looks at all of that door."""
        query = _ALL.where(table.c.door == door, table.c.settings[setting].as_string() == value)
        return tuple(map(_partner, connection.execute(query).mappings()))

    @staticmethod
    def listing(connection: sa.Connection, door: str) -> Iterator[Partner]:
        """Yield all partners of a door by name."""
        yield from map(_partner, connection.execute(_ALL.where(table.c.door == door)).mappings())

    # Changing ---------------------------------------------------------------------------------
    @staticmethod
    def save(unit: Unit, partner: Partner, *, actor: Actor, at: datetime) -> Partner:
        """Write a new or changed partner. Raises Refused when its identifier is taken."""
        before = _first(unit.connection, _BY_ID, partner_id=partner.id)
        named = {"door": partner.door, "identifier": partner.identifier}
        if unit.execute(_ID_OF, named).scalar() not in (None, partner.id):
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
            unit.execute(_INSERT, _row(saved))
        else:
            unit.connection.execute(_UPDATE.values(**_row(saved)), {"partner_id": partner.id})
        return saved

    @staticmethod
    def remove(unit: Unit, partner: Partner, *, actor: Actor, at: datetime) -> None:
        """Delete a partner; what was issued to it stays on record."""
        gone = Change(noun="partner", key=partner.id, before=_on_record(partner), after=None)
        change(unit, actor=actor, at=at, change=gone)
        unit.execute(_DELETE, {"partner_id": partner.id})


def _names(connection: sa.Connection) -> Names:
    return Names((row.sought, row.id) for row in connection.execute(_SOUGHT))


def _folded(text: str) -> str:
    return fold(UNSTORABLE.sub("\ufffd", text))


def _by_id(store: Store, partner_id: str) -> Partner:
    _check_storable(partner_id)
    with store.read() as connection:
        found = _first(connection, _BY_ID, partner_id=partner_id)
    if found is None:
        raise LookupError(partner_id)
    return found


def _id_of(store: Store, door: str, identifier: str) -> str:
    _check_storable(identifier)
    with store.read() as connection:
        found = connection.execute(_ID_OF, {"door": door, "identifier": identifier}).scalar()
    if found is None:
        raise LookupError(identifier)
    return str(found)


def _check_storable(text: str) -> None:
    # Requests name partners: what no database takes is nobody's name, not an error of ours.
    if UNSTORABLE.search(text):
        raise LookupError(text)


def _first(connection: sa.Connection, query: sa.Select[Any], **parameters: str) -> Partner | None:
    row = connection.execute(query, parameters).mappings().first()
    return None if row is None else _partner(row)


def _on_record(partner: Partner) -> dict[str, Any]:
    """Return a partner for the history of changes, which keeps no secrets, hashed ones included."""
    settings = {name: value for name, value in partner.settings.items() if "secret" not in name}
    return dict(codec.plain(replace(partner, settings=settings)))


def _row(partner: Partner) -> dict[str, Any]:
    """Return a partner as it is stored, with what it is found by."""
    started = partner.settings.get("idp_initiated") is True
    return {**codec.plain(partner), "sought": _sought(partner), "started": started}


def _sought(partner: Partner) -> str:
    return f"{fold(partner.name)}\n{fold(partner.identifier)}"[:_LONGEST_SOUGHT]


def _partner(row: Mapping[Any, Any]) -> Partner:
    return codec.build(Partner, row)
