"""Count attempts at every factor before they are checked, and lock what is tried too often.

The counts live in the database: they must survive whatever happens to the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from ipaddress import IPv6Address, ip_address, ip_network

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from idp.core.ids import fingerprint
from idp.core.ports import Clock
from idp.policy.model import FACTORS
from idp.store import Store, Unit
from idp.store.schema import attempts

_OVER = attempts.c.window_ends_at <= sa.bindparam("now", type_=attempts.c.window_ends_at.type)
_FORGET = sa.delete(attempts).where(attempts.c.key.in_(sa.bindparam("keys", expanding=True)))
_FORGIVE = (
    sa.update(attempts)
    .where(attempts.c.key == sa.bindparam("which"), attempts.c.count > 0)
    .values(count=attempts.c.count - 1)
)
_COUNTS = sa.select(attempts.c.count.label("tries")).where(
    attempts.c.key.in_(sa.bindparam("keys", expanding=True)), ~_OVER
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many attempts are allowed within one window, by what they are counted over.

    Every attempt counts, right ones too, until a right one clears its own target's count.
    Codes are short, and whoever guesses them has the password already: their window is longer
    (240 guesses a day, of which each hits with 3 in a million).
    """

    tries: int = 10
    window: timedelta = timedelta(minutes=15)
    code_window: timedelta = timedelta(hours=1)
    address: int = 100

    def window_of(self, factor: str) -> timedelta:
        """Return how long attempts at one target of a factor are counted together."""
        return self.window if FACTORS[factor].first else self.code_window


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """An attempt that was counted: whether it is one too many, and which counters it raised.

    just_locked is True for the attempt that crossed the target's limit.
    """

    locked: bool
    just_locked: bool
    target_key: str
    address_key: str


class Lockout:
    """Counters over target (person or method), and address; browsers known to a person count apart."""

    def __init__(self, store: Store, clock: Clock, limits: Limits) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits

    def count(self, *, factor: str, target: str, address: str, familiar: bool) -> Counted:
        """Count one attempt, durably, before it is checked.

        familiar keeps a browser that the person signed in on before apart from everybody
        else, so that neither an outsider's guesses nor a neighbour's behind the same address
        can lock the owner out.
        """
        target_key = key_of(factor, target, familiar=familiar)
        address_key = "address:" + fingerprint(_place(address))
        now = self._clock.now()
        with self._store.write() as unit:
            of_target = self._raise(unit, target_key, now, self._limits.window_of(factor))
            of_address = self._raise(unit, address_key, now, self._limits.window)
        limit = self._limits.tries
        return Counted(
            locked=of_target > limit or (of_address > self._limits.address and not familiar),
            just_locked=of_target == limit + 1,
            target_key=target_key,
            address_key=address_key,
        )

    def _raise(self, unit: Unit, key: str, now: datetime, window: timedelta) -> int:
        row = {"key": key, "now": now, "ends": now + window}
        return int(unit.execute(_upsert(unit.connection.dialect.name), row).scalar_one())

    @staticmethod
    def succeeded(unit: Unit, counted: Counted) -> None:
        """Clear the target's count after a right answer, and take it back from the address."""
        unit.execute(_FORGET, {"keys": [counted.target_key]})
        unit.connection.execute(_FORGIVE, {"which": counted.address_key})

    def take_back(self, counted: Counted) -> None:
        """Undo a count for an attempt that was not checked."""
        with self._store.write() as unit:
            for key in (counted.target_key, counted.address_key):
                unit.connection.execute(_FORGIVE, {"which": key})

    def locked(self, connection: sa.Connection, *, factor: str, target: str) -> bool:
        """Say whether a target is locked for browsers that the person is not known on."""
        keys = [key_of(factor, target, familiar=False)]
        rows = connection.execute(_COUNTS, {"keys": keys, "now": self._clock.now()})
        return any(row.tries > self._limits.tries for row in rows)


def _place(address: str) -> str:
    """Return what an address is counted as: whoever has one of IPv6 has the 2**64 beside it."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((int(parsed), 64), strict=False)) if isinstance(parsed, IPv6Address) else address


def key_of(factor: str, target: str, *, familiar: bool) -> str:
    """Return the counter's key; the target is hashed, since unknown names are counted as well."""
    return f"{factor}:{'known' if familiar else 'any'}:{fingerprint(target)}"


def forget(unit: Unit, targets: Sequence[tuple[str, str]]) -> None:
    """Clear the counts of (factor, target) pairs, for every place: an administrator's unlock."""
    keys = [key_of(f, t, familiar=known) for f, t in targets for known in (True, False)]
    unit.execute(_FORGET, {"keys": keys})


@cache
def _upsert(dialect: str) -> sa.Executable:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    added = insert(attempts).values(key=sa.bindparam("key"), count=1, window_ends_at=sa.bindparam("ends"))
    return added.on_conflict_do_update(
        index_elements=[attempts.c.key],
        set_={
            "count": sa.case((_OVER, 1), else_=attempts.c.count + 1),
            "window_ends_at": sa.case(
                (_OVER, added.excluded.window_ends_at), else_=attempts.c.window_ends_at
            ),
        },
    ).returning(attempts.c.count)
