"""The leased schedule: of all workers one runs a periodic job, and never too soon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from idp.core.ids import new_id
from idp.core.ports import Clock
from idp.store import Store
from idp.store.columns import Instant
from idp.store.schema import schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to do again and again. May run twice at once if it outlasts its lease."""

    name: str
    every: timedelta
    run: Callable[[], object]
    lease: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The right to run a job once."""

    name: str
    lease: str


_NOW = sa.bindparam("now", type_=Instant)
_FREE = sa.and_(
    schedule.c.next_at <= _NOW, sa.or_(schedule.c.leased_until.is_(None), schedule.c.leased_until <= _NOW)
)
_KNOWN = sa.select(schedule.c.name)
_DUE = _KNOWN.where(_FREE, schedule.c.name.in_(sa.bindparam("names", expanding=True)))
_TAKE = (
    sa.update(schedule)
    .where(schedule.c.name == sa.bindparam("which"), _FREE)
    .values(
        lease=sa.bindparam("token"),
        leased_until=sa.bindparam("until"),
        last_at=_NOW,
        next_at=sa.bindparam("again"),
    )
    .returning(schedule.c.name)
)
_FINISH = (
    sa.update(schedule)
    .where(schedule.c.name == sa.bindparam("which"), schedule.c.lease == sa.bindparam("token"))
    .values(lease="", leased_until=None, error=sa.bindparam("problem"))
)


class Schedule:
    """Knows when each job is next, for the workers of all machines together."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._insert = _insert(store.engine.dialect.name)

    def register(self, jobs: Sequence[Job]) -> None:
        """Put jobs on the schedule that are not there yet; they are due at once."""
        with self._store.read() as connection:
            known = set(connection.execute(_KNOWN).scalars())
        now = self._clock.now()
        rows = [
            {"name": job.name, "next_at": now, "lease": "", "error": ""}
            for job in jobs
            if job.name not in known
        ]
        if rows:
            with self._store.write() as unit:
                unit.execute(self._insert, rows)

    def due(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs that could be taken now; cheap, since it only reads."""
        names = [job.name for job in jobs]
        with self._store.read() as connection:
            due = set(connection.execute(_DUE, {"now": self._clock.now(), "names": names}).scalars())
        return [job for job in jobs if job.name in due]

    def take(self, job: Job) -> Turn | None:
        """Take the right to run the job now; None when another worker has it or it is too soon.

        The next turn is counted from here, so that turns are never closer than the interval.
        """
        token = new_id()
        with self._store.write() as unit:
            now = self._clock.now()  # not before: the wait for the lock is no part of the interval
            row = {"which": job.name, "now": now, "token": token}
            times = {"until": now + job.lease, "again": now + job.every}
            taken = unit.execute(_TAKE, {**row, **times}).scalar()
        return None if taken is None else Turn(name=job.name, lease=token)

    def finish(self, turn: Turn, *, error: str = "") -> None:
        """Give the turn back; a turn whose lease another took over since changes nothing."""
        with self._store.write() as unit:
            unit.execute(_FINISH, {"which": turn.name, "token": turn.lease, "problem": error})


def _insert(dialect: str) -> sa.Insert:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(schedule).on_conflict_do_nothing()
