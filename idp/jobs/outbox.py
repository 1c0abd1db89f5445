"""The outbox: messages that leave after the step that wants them is durable."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from idp.core.ids import new_id
from idp.core.ports import Clock
from idp.keys import Sealer
from idp.store import Store, Unit
from idp.store.columns import Instant
from idp.store.schema import outbox

_PURPOSE = "outbox"
# Longer than any handler may take: afterwards another worker sends the message again.
LEASE = timedelta(minutes=1)
FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(hours=1)
TRIES = 12  # with these pauses some five hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a handler gets. id and idempotency_key are the same each time the message is tried.

    unsure is how many earlier tries may have sent it: their worker died, or nobody answered.
    """

    id: str
    kind: str
    idempotency_key: str
    payload: Mapping[str, str] = field(repr=False)
    tries: int
    unsure: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a try: without an error the message was sent.

    again: try it later, until TRIES; at_once: without a pause, since another way is known.
    unsure: in spite of the error it may have been sent. note writes the handler's own record, in
    the unit that marks the message.
    """

    error: str = ""
    again: bool = False
    at_once: bool = False
    unsure: bool = False
    note: Callable[[Unit], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """A message that is ours until the lease ends, still sealed. tries counts this one."""

    id: str
    kind: str
    idempotency_key: str
    tries: int
    unsure: int
    sealed: bytes = field(repr=False)
    lease: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Messages of a kind that are not sent yet: how many, how many of them failed before.

    due_for is how long the first of them is due, 0 when all are to be tried later.
    """

    kind: str
    count: int
    failing: int
    due_for: timedelta


_NOW = sa.bindparam("now", type_=Instant)
_QUEUES = (
    sa.select(
        outbox.c.kind,
        sa.func.count().label("waiting"),
        sa.func.sum(sa.case((outbox.c.tries > 0, 1), else_=0)).label("failing"),
        sa.func.min(outbox.c.due_at).label("due_at"),
    )
    .where(outbox.c.done_at.is_(None))
    .group_by(outbox.c.kind)
    .order_by(outbox.c.kind)
)
_FREE = sa.and_(
    outbox.c.done_at.is_(None),
    outbox.c.due_at <= _NOW,
    sa.or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= _NOW),
)
_OPEN = (
    sa.select(outbox.c.id)
    .where(_FREE, outbox.c.kind.in_(sa.bindparam("kinds", expanding=True)))
    .order_by(outbox.c.due_at)
    .limit(1)
)
# PostgreSQL: workers that look at once each take another message instead of the same one.
_NEXT = _OPEN.with_for_update(skip_locked=True).scalar_subquery()
_LEASE = (
    sa.update(outbox)
    .where(outbox.c.id == _NEXT, _FREE)
    .values(
        lease=sa.bindparam("token"),
        leased_until=sa.bindparam("until"),
        tries=outbox.c.tries + 1,
        unsure=outbox.c.unsure + 1,
    )
    .returning(
        outbox.c.id,
        outbox.c.kind,
        outbox.c.idempotency_key,
        outbox.c.tries,
        outbox.c.unsure,
        outbox.c.sealed,
    )
)
_OURS = sa.and_(
    outbox.c.id == sa.bindparam("which"), outbox.c.lease == sa.bindparam("token"), outbox.c.done_at.is_(None)
)
_DONE = (
    sa.update(outbox)
    .where(_OURS)
    .values(sealed=None, lease="", leased_until=None, done_at=_NOW, error=sa.bindparam("problem"))
)
_LATER = (
    sa.update(outbox)
    .where(_OURS)
    .values(
        lease="",
        leased_until=None,
        due_at=sa.bindparam("again"),
        error=sa.bindparam("problem"),
        unsure=outbox.c.unsure - sa.bindparam("sure"),
    )
)


class Outbox:
    """Keeps messages sealed until they are sent; every message is tried until it is."""

    def __init__(self, store: Store, sealer: Sealer, clock: Clock) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._insert = _insert(store.engine.dialect.name)

    def put(self, unit: Unit, *, kind: str, idempotency_key: str, payload: Mapping[str, str]) -> bool:
        """Put a message in, with the unit that wants it sent.

        Returns False, and does nothing, when one with this idempotency key was put in before.
        """
        message_id = new_id()
        data = json.dumps(dict(payload)).encode()
        row = {
            "id": message_id,
            "kind": kind,
            "idempotency_key": idempotency_key,
            "sealed": self._sealer.seal(data, purpose=_PURPOSE, context=message_id),
            "due_at": self._clock.now(),
            "tries": 0,
            "unsure": 0,
            "lease": "",
            "error": "",
        }
        return unit.execute(self._insert, row).rowcount == 1

    def waiting(self, kinds: Collection[str]) -> bool:
        """Say whether there is a message to send now; cheap, since it only reads."""
        with self._store.read() as connection:
            row = {"now": self._clock.now(), "kinds": list(kinds)}
            return connection.execute(_OPEN, row).scalar() is not None

    def queues(self) -> tuple[Waiting, ...]:
        """Return what waits, by kind."""
        now = self._clock.now()
        with self._store.read() as connection:
            return tuple(
                Waiting(
                    kind=row.kind,
                    count=row.waiting,
                    failing=row.failing,
                    due_for=max(now - row.due_at, timedelta()),
                )
                for row in connection.execute(_QUEUES)
            )

    def lease(self, kinds: Collection[str]) -> Leased | None:
        """Take the message that has waited longest, of these kinds; None when there is none."""
        token = new_id()
        with self._store.write() as unit:
            now = self._clock.now()  # not before: the wait for the lock is no part of the lease
            row = {"now": now, "kinds": list(kinds), "token": token, "until": now + LEASE}
            found = unit.execute(_LEASE, row).mappings().one_or_none()
        return None if found is None else Leased(**found, lease=token)

    def open(self, leased: Leased) -> Message:
        """Return the message itself. Raises Refused when its payload was tampered with."""
        data = self._sealer.open(leased.sealed, purpose=_PURPOSE, context=leased.id)
        return Message(
            id=leased.id,
            kind=leased.kind,
            idempotency_key=leased.idempotency_key,
            payload=cast(Mapping[str, str], json.loads(data)),
            tries=leased.tries,
            unsure=leased.unsure - 1,
        )

    def settle(self, leased: Leased, outcome: Outcome) -> None:
        """Mark a message with what came of it; its payload is erased unless it is tried again.

        A lease that another took over since changes nothing but the handler's own record.
        """
        row = {"which": leased.id, "token": leased.lease, "problem": outcome.error}
        with self._store.write() as unit:
            now = self._clock.now()
            if outcome.error and outcome.again and leased.tries < TRIES:
                due = now if outcome.at_once else now + pause(leased.tries)
                unit.execute(_LATER, {**row, "again": due, "sure": int(not outcome.unsure)})
            else:
                unit.execute(_DONE, {**row, "now": now})
            if outcome.note is not None:
                outcome.note(unit)


def pause(tries: int) -> timedelta:
    """Return how long to wait after so many tries: twice as long each time, up to an hour."""
    return min(FIRST_RETRY * (1 << (tries - 1)), LONGEST_RETRY)


def _insert(dialect: str) -> sa.Insert:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(outbox).on_conflict_do_nothing(index_elements=[outbox.c.idempotency_key])
