"""The clean-up job: deletes what has expired, in batches that let others write in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from idp.core.ports import Clock
from idp.store import Store, schema
from idp.store.columns import Instant

BATCH = 500
# Sent messages stay a while: their idempotency keys still mean something, and so do their errors.
SENT_KEPT = timedelta(days=7)

_NOW = sa.bindparam("now", type_=Instant)


@dataclass(frozen=True, slots=True)
class _Expiry:
    """How to find what has expired in a table, without the write lock, and how to delete it.

    along: then deletes what went with those that were found.
    """

    find: sa.Select[tuple[str]]
    delete: sa.Delete
    along: sa.Delete | None = None


def _expiry(
    table: sa.Table, key: str, condition: sa.ColumnElement[bool], *, along: sa.Delete | None = None
) -> _Expiry:
    column = table.c[key]
    # The condition again: what was renewed since it was found stays.
    delete = sa.delete(table).where(column.in_(_FOUND), condition)
    return _Expiry(sa.select(column).where(condition).limit(BATCH), delete, along)


_FOUND: sa.BindParameter[str] = sa.bindparam("found", expanding=True)
_NO_SESSION = ~sa.exists().where(schema.sessions.c.id == schema.participants.c.session)
# A grant is checked against its session as long as it lasts, which is longer.
_NO_GRANT = ~sa.exists().where(schema.grants.c.session == schema.sessions.c.id)
_PARTICIPANTS = sa.delete(schema.participants).where(schema.participants.c.session.in_(_FOUND), _NO_SESSION)
_NO_METHOD = ~sa.exists().where(schema.methods.c.id == schema.method_codes.c.method)
_CODES = sa.delete(schema.method_codes).where(schema.method_codes.c.method.in_(_FOUND), _NO_METHOD)
_EXPIRED = (
    _expiry(schema.methods, "id", schema.methods.c.ends_at <= _NOW, along=_CODES),
    _expiry(schema.tokens, "secret", schema.tokens.c.expires_at <= _NOW),
    _expiry(schema.families, "family", schema.families.c.expires_at <= _NOW),
    _expiry(schema.spent, "key", schema.spent.c.expires_at <= _NOW),
    _expiry(schema.grants, "id", schema.grants.c.expires_at <= _NOW),
    _expiry(schema.sessions, "id", (schema.sessions.c.expires_at <= _NOW) & _NO_GRANT, along=_PARTICIPANTS),
    _expiry(schema.devices, "id", schema.devices.c.expires_at <= _NOW),
    _expiry(schema.sent_codes, "place", schema.sent_codes.c.expires_at <= _NOW),
    _expiry(schema.push_drafts, "id", schema.push_drafts.c.expires_at <= _NOW),
    _expiry(schema.asked_elsewhere, "person", schema.asked_elsewhere.c.expires_at <= _NOW),
    _expiry(schema.attempts, "key", schema.attempts.c.window_ends_at <= _NOW),
    _expiry(schema.bans, "network", schema.bans.c.until <= _NOW),
    _expiry(schema.deliveries, "id", schema.deliveries.c.expires_at <= _NOW),
)
_SENT = _expiry(schema.outbox, "id", schema.outbox.c.done_at <= _NOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long the record is kept, and how long the names and addresses in it."""

    record: timedelta
    personal: timedelta


_OLD = _expiry(schema.audit, "id", schema.audit.c.at <= _NOW)
_STILL_PERSONAL = (schema.audit.c.at <= _NOW) & schema.audit.c.personal.is_not(None)
_NAMED = sa.select(schema.audit.c.id).where(_STILL_PERSONAL).limit(BATCH)
_UNNAME = sa.update(schema.audit).where(schema.audit.c.id.in_(_FOUND)).values(personal=None)


class CleanUp:
    """Deletes expired rows, then does what other rooms want swept (state).

    The record is kept for ever unless retention says otherwise.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        sweeps: Sequence[Callable[[], int]] = (),
        *,
        retention: Callable[[], Retention] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._sweeps = sweeps
        self._retention = retention

    def run(self) -> int:
        """Return how many rows and held values were deleted."""
        now = self._clock.now()
        deleted = sum(self._all(expiry, now) for expiry in _EXPIRED)
        deleted += self._all(_SENT, now - SENT_KEPT)
        if self._retention is not None:
            kept = self._retention()
            deleted += self._all(_OLD, now - kept.record)
            self._unname(now - kept.personal)
        return deleted + sum(sweep() for sweep in self._sweeps)

    def _unname(self, until: datetime) -> None:
        """Erase the personal part of what was recorded until then."""
        while True:
            with self._store.read() as connection:
                found = connection.execute(_NAMED, {"now": until}).scalars().all()
            if found:
                with self._store.write() as unit:
                    unit.execute(_UNNAME, {"found": found})
            if len(found) < BATCH:
                return

    def _all(self, expiry: _Expiry, now: datetime) -> int:
        deleted = 0
        while True:
            with self._store.read() as connection:
                found = connection.execute(expiry.find, {"now": now}).scalars().all()
            if found:
                with self._store.write() as unit:
                    deleted += unit.execute(expiry.delete, {"now": now, "found": found}).rowcount
                    if expiry.along is not None:
                        deleted += unit.execute(expiry.along, {"found": found}).rowcount
            if len(found) < BATCH:
                return deleted
