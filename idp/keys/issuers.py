"""Issuers: the faces of the service towards partners, as data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from idp.core.codec import plain
from idp.core.errors import Refused
from idp.core.model import Actor, Issuer
from idp.store import Change, Store, Unit, change, schema
from idp.store.revisioned import Revisioned

DEFAULT = "default"

_ALL = sa.select(schema.issuers)
_ONE = _ALL.where(schema.issuers.c.id == sa.bindparam("wanted"))
_INSERT = sa.insert(schema.issuers)
_UPDATE = (
    sa.update(schema.issuers)
    .where(schema.issuers.c.id == sa.bindparam("wanted"))
    .values(base_url=sa.bindparam("base"), entity_id=sa.bindparam("entity"))
)
_START = Actor(kind="system", id="start")


class Issuers:
    """Reads issuers, from a cache that follows the database."""

    def __init__(self, store: Store) -> None:
        self._held = Revisioned(store, _load)

    def get(self, issuer_id: str) -> Issuer:
        """Return an issuer. Raises Refused when there is none of that id."""
        issuer = self._held.get().get(issuer_id)
        if issuer is None:
            raise Refused("There is no such issuer.", detail=f"issuer {issuer_id!r}")
        return issuer

    def default(self) -> Issuer:
        """Return the issuer that new partners get. Raises Refused before the first start."""
        return self.get(DEFAULT)

    def ensure(self, unit: Unit, base_url: str, at: datetime) -> Issuer:
        """Make the default issuer, or let it follow a changed base address; return it.

        The entity id follows too, as long as it is the metadata address.
        """
        base = base_url.rstrip("/")
        row = unit.execute(_ONE, {"wanted": DEFAULT}).one_or_none()
        before = None if row is None else _issuer(row)
        after = _following(before, base)
        if before == after:
            return after
        if before is None:
            unit.execute(_INSERT, plain(after))
        else:
            unit.execute(_UPDATE, {"wanted": DEFAULT, "base": base, "entity": after.entity_id})
        changed = Change(
            noun="issuer", key=DEFAULT, before=None if before is None else plain(before), after=plain(after)
        )
        change(unit, actor=_START, at=at, change=changed)
        return after


def _following(before: Issuer | None, base: str) -> Issuer:
    if before is None:
        return Issuer(id=DEFAULT, base_url=base, entity_id=_metadata_address(base), key_set=DEFAULT)
    own_choice = before.entity_id != _metadata_address(before.base_url)
    return Issuer(
        id=DEFAULT,
        base_url=base,
        entity_id=before.entity_id if own_choice else _metadata_address(base),
        key_set=before.key_set,
    )


def _metadata_address(base: str) -> str:
    return f"{base}/saml/metadata"


def _load(connection: sa.Connection) -> Mapping[str, Issuer]:
    return {row.id: _issuer(row) for row in connection.execute(_ALL)}


def _issuer(row: sa.Row[tuple[str, ...]]) -> Issuer:
    return Issuer(id=row.id, base_url=row.base_url, entity_id=row.entity_id, key_set=row.key_set)
