"""Count what happens within a window of time, in the database, where no state that vanishes forgets it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from ipaddress import IPv6Address, ip_address, ip_network

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from idp.store.database import Unit
from idp.store.schema import attempts

_OVER = attempts.c.window_ends_at <= sa.bindparam("now", type_=attempts.c.window_ends_at.type)
_AMONG = attempts.c.key.in_(sa.bindparam("keys", expanding=True))
_CLEAR = sa.delete(attempts).where(_AMONG)
_DOWN = (
    sa.update(attempts)
    .where(attempts.c.key == sa.bindparam("which"), attempts.c.count > 0)
    .values(count=attempts.c.count - 1)
)
_COUNTS = sa.select(attempts.c.key, attempts.c.count.label("times")).where(_AMONG, ~_OVER)


def count_up(unit: Unit, key: str, *, now: datetime, window: timedelta) -> int:
    """Add one to a counter and return it; a window that is over begins again with this one.

    Who raises several in one unit does so in the order of their keys, or two units may wait for
    one another.
    """
    row = {"key": key, "now": now, "ends": now + window}
    return int(unit.execute(_upsert(unit.connection.dialect.name), row).scalar_one())


def count_down(unit: Unit, keys: Sequence[str]) -> None:
    """Take one count back from each of the counters."""
    for key in sorted(keys):
        unit.execute(_DOWN, {"which": key})


def counts(connection: sa.Connection, keys: Sequence[str], *, now: datetime) -> dict[str, int]:
    """Return the counts of those counters whose window is not over."""
    rows = connection.execute(_COUNTS, {"keys": list(keys), "now": now})
    return {row.key: row.times for row in rows}


def clear(unit: Unit, keys: Sequence[str]) -> None:
    """Clear counters."""
    unit.execute(_CLEAR, {"keys": list(keys)})


def place(address: str) -> str:
    """Return what a network address is counted as: whoever has one of IPv6 has the 2**64 beside it."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((int(parsed), 64), strict=False)) if isinstance(parsed, IPv6Address) else address


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
