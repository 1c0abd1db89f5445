"""Phones that are being set up: a code on the page lets one phone in, which brings its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from idp.core.ids import fingerprint
from idp.keys import Sealer
from idp.store import Unit
from idp.store.columns import Instant
from idp.store.schema import push_drafts

LASTS = timedelta(minutes=15)
TOKEN_LENGTH = 16  # readable characters: 77 bits, for a quarter of an hour
_PURPOSE = "push-draft"

_ROW = push_drafts.c
_NOW = sa.bindparam("now", type_=Instant)
_INSERT = sa.insert(push_drafts)
_ONE = sa.select(push_drafts).where(_ROW.id == sa.bindparam("which"), _ROW.expires_at > _NOW)
_CALLED = sa.select(push_drafts.c.id).where(
    _ROW.token == sa.bindparam("hashed"), _ROW.public == "", _ROW.expires_at > _NOW
)
_CONNECT = (
    sa.update(push_drafts)
    .where(_ROW.id == sa.bindparam("which"), _ROW.public == "")
    .values(public=sa.bindparam("key"), label=sa.bindparam("called"))
)
_DROP_ALL = sa.delete(push_drafts).where(_ROW.person == sa.bindparam("whose"))
_DROP = sa.delete(push_drafts).where(_ROW.id == sa.bindparam("which"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A phone that is being set up. public is its key (see `phones`), "" until it has called."""

    id: str
    person: str
    public: str
    label: str
    seed: bytes = field(repr=False)

    @property
    def connected(self) -> bool:
        """Say whether a phone has come with the code."""
        return self.public != ""


class Setups:
    """Phones by the id that their method will have."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def begin(self, unit: Unit, setup: Setup, *, token: str, now: datetime) -> None:
        """Let one phone in that brings this token; what the person began before is over."""
        unit.execute(_DROP_ALL, {"whose": setup.person})
        row = {
            "id": setup.id,
            "token": fingerprint(token),
            "person": setup.person,
            "public": "",
            "label": "",
            "sealed": self._sealer.seal(setup.seed, purpose=_PURPOSE, context=setup.id),
            "expires_at": now + LASTS,
        }
        unit.execute(_INSERT, row)

    def get(self, connection: sa.Connection, setup_id: str, *, now: datetime) -> Setup | None:
        """Return a setup that is under way."""
        row = connection.execute(_ONE, {"which": setup_id, "now": now}).mappings().first()
        return None if row is None else self._read(row)

    @staticmethod
    def called(connection: sa.Connection, token: str, *, now: datetime) -> str | None:
        """Return the id of the setup that waits for a phone with this token."""
        found: str | None = connection.execute(_CALLED, {"hashed": fingerprint(token), "now": now}).scalar()
        return found

    def connect(self, unit: Unit, token: str, *, public: str, label: str, now: datetime) -> Setup | None:
        """Take a phone in by its token: the first that brings it, and no other."""
        found = self.called(unit.connection, token, now=now)
        row = {"which": found, "key": public, "called": label}
        if found is None or unit.execute(_CONNECT, row).rowcount != 1:
            return None
        return self.get(unit.connection, found, now=now)

    @staticmethod
    def end(unit: Unit, setup_id: str) -> bool:
        """Forget a setup. Return whether it was there."""
        return unit.execute(_DROP, {"which": setup_id}).rowcount == 1

    def _read(self, row: Mapping[Any, Any]) -> Setup:
        return Setup(
            id=row["id"],
            person=row["person"],
            public=row["public"],
            label=row["label"],
            seed=self._sealer.open(row["sealed"], purpose=_PURPOSE, context=row["id"]),
        )
