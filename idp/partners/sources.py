"""Where partners' metadata comes from: addresses and files that are watched, on record."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from idp.core.model import Actor
from idp.store import Change, Unit, change
from idp.store.columns import Instant
from idp.store.schema import sources as table


class Kind(StrEnum):
    """What a source's place is."""

    ADDRESS = "address"
    FILE = "file"  # in the drop folder


class Mode(StrEnum):
    """What becomes of changed metadata."""

    AUTOMATIC = "automatic"  # applied, unless it is grave and nobody signed it
    HOLD = "hold"  # kept until an administrator approves it


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataSource:
    """Where one partner's metadata comes from, and how looking there went.

    partner is "" for a file that could not be read yet. signer is the SHA-256 fingerprint of the
    certificate that must have signed the document, "" for none. digest is of the document seen
    last, so that the same one is judged once. pace is how many seconds pass between two looks.
    error is a sentence for the administrator, "" when the last look went well. held is metadata,
    as it was published, that waits for approval.
    """

    id: str
    partner: str
    kind: Kind
    place: str
    signer: str = ""
    mode: Mode = Mode.AUTOMATIC
    etag: str = ""
    modified: str = ""
    digest: str = ""
    checked_at: datetime | None = None
    due_at: datetime
    pace: int = 6 * 3600
    valid_until: datetime | None = None
    error: str = ""
    held: bytes | None = field(default=None, repr=False)
    held_at: datetime | None = None

    @property
    def judged(self) -> tuple[object, ...]:
        """Return what a look at the source begins with; if it differs afterwards, the look is void."""
        return self.partner, self.place, self.signer, self.mode, self.digest, self.held

    @property
    def file_is_there(self) -> bool:
        """Say whether a file describes the partner, as far as was seen last."""
        return self.kind is Kind.FILE and bool(self.modified)


_CHOSEN = ("partner", "kind", "place", "signer", "mode")
_BY_PLACE = (table.c.kind, table.c.place, table.c.id)
_ALL = sa.select(table).order_by(*_BY_PLACE)
_FILES = _ALL.where(table.c.kind == Kind.FILE.value)
_UNREAD = _FILES.where(table.c.partner == "")
_WATCHED = sa.select(table.c.partner).where(table.c.kind == Kind.ADDRESS.value).order_by(*_BY_PLACE)
_OF_PARTNERS = _ALL.where(table.c.partner.in_(sa.bindparam("partners", expanding=True)))
_BY_ID = sa.select(table).where(table.c.id == sa.bindparam("source_id"))
_OF_PARTNER = sa.select(table).where(table.c.partner == sa.bindparam("whose")).order_by(*_BY_PLACE).limit(1)
_DUE = (
    sa.select(table)
    .where(table.c.kind == Kind.ADDRESS.value, table.c.due_at <= sa.bindparam("now", type_=Instant))
    .order_by(table.c.due_at)
    .limit(sa.bindparam("most"))
)
_INSERT = sa.insert(table)
_UPDATE = sa.update(table).where(table.c.id == sa.bindparam("source_id"))
_DELETE = sa.delete(table).where(table.c.id == sa.bindparam("source_id"))


class MetadataSources:
    """Sources by id and by partner; a partner has one at most."""

    @staticmethod
    def listing(connection: sa.Connection) -> tuple[MetadataSource, ...]:
        """Return all sources, by kind and place."""
        return tuple(map(_source, connection.execute(_ALL).mappings()))

    @staticmethod
    def files(connection: sa.Connection) -> tuple[MetadataSource, ...]:
        """Return the files of the drop folder."""
        return tuple(map(_source, connection.execute(_FILES).mappings()))

    @staticmethod
    def unread(connection: sa.Connection) -> tuple[MetadataSource, ...]:
        """Return the files that could not be read yet."""
        return tuple(map(_source, connection.execute(_UNREAD).mappings()))

    @staticmethod
    def watched(connection: sa.Connection) -> tuple[str, ...]:
        """Return the ids of the partners whose metadata is at an address."""
        return tuple(connection.execute(_WATCHED).scalars())

    @staticmethod
    def among(connection: sa.Connection, partners: Collection[str]) -> tuple[MetadataSource, ...]:
        """Return the sources of these partners, by kind and place."""
        rows = connection.execute(_OF_PARTNERS, {"partners": list(partners)}).mappings() if partners else ()
        return tuple(map(_source, rows))

    @staticmethod
    def get(connection: sa.Connection, source_id: str) -> MetadataSource | None:
        """Return the source as it is now."""
        row = connection.execute(_BY_ID, {"source_id": source_id}).mappings().first()
        return None if row is None else _source(row)

    @staticmethod
    def locked(unit: Unit, source_id: str) -> MetadataSource | None:
        """Return the source; nobody else changes it until the unit is over."""
        row = unit.execute(_BY_ID.with_for_update(), {"source_id": source_id}).mappings().first()
        return None if row is None else _source(row)

    @staticmethod
    def of(connection: sa.Connection, partner_id: str) -> MetadataSource | None:
        """Return where a partner's metadata comes from, None when it was brought by hand."""
        row = connection.execute(_OF_PARTNER, {"whose": partner_id}).mappings().first()
        return None if row is None else _source(row)

    @staticmethod
    def due(connection: sa.Connection, now: datetime, *, most: int) -> tuple[MetadataSource, ...]:
        """Return the addresses to look at now, those that have waited longest first."""
        return tuple(map(_source, connection.execute(_DUE, {"now": now, "most": most}).mappings()))

    @staticmethod
    def save(unit: Unit, source: MetadataSource, *, actor: Actor, at: datetime) -> None:
        """Write a new or changed source; what an administrator chose goes into the history."""
        known = MetadataSources.get(unit.connection, source.id)
        before, after = None if known is None else _chosen(known), _chosen(source)
        if before != after:
            what = Change(noun="source", key=source.id, before=before, after=after)
            change(unit, actor=actor, at=at, change=what)
        if known is None:
            unit.execute(_INSERT, _row(source))
        else:
            unit.connection.execute(_UPDATE.values(**_row(source)), {"source_id": source.id})

    @staticmethod
    def remove(unit: Unit, source: MetadataSource, *, actor: Actor, at: datetime) -> None:
        """Watch a place no more."""
        gone = Change(noun="source", key=source.id, before=_chosen(source), after=None)
        change(unit, actor=actor, at=at, change=gone)
        unit.execute(_DELETE, {"source_id": source.id})


def _chosen(source: MetadataSource) -> dict[str, str]:
    return {name: str(getattr(source, name)) for name in _CHOSEN}


def _row(source: MetadataSource) -> dict[str, Any]:
    values = {each.name: getattr(source, each.name) for each in fields(source)}
    return {**values, "kind": source.kind.value, "mode": source.mode.value}


def _source(row: Mapping[Any, Any]) -> MetadataSource:
    return MetadataSource(**{**row, "kind": Kind(row["kind"]), "mode": Mode(row["mode"])})
