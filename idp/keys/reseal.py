"""Seal every secret in the database anew, under the master key that seals now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from idp.core.errors import Refused
from idp.keys.seal import Sealer
from idp.store import Store
from idp.store.columns import SEALED_AS
from idp.store.schema import metadata

_BATCH = 200  # rows in one unit: others get in between


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """How many secrets are under the new key now, and how many no key opens."""

    renewed: int
    unreadable: int


def reseal(store: Store, sealer: Sealer) -> Resealed:
    """Seal anew what another of the sealer's keys opens; may be killed anywhere and run again.

    Each row is replaced only as it was read, so whoever changes it meanwhile wins.
    """
    columns = [column for table in metadata.sorted_tables for column in table.c if SEALED_AS in column.info]
    done = [_batch(store, sealer, column, rows) for column in columns for rows in _rows(store, column)]
    return Resealed(
        renewed=sum(each.renewed for each in done), unreadable=sum(each.unreadable for each in done)
    )


def _rows(store: Store, column: sa.Column[bytes]) -> Iterator[list[tuple[str, bytes]]]:
    """Yield (key, sealed) of every row that has one, in batches."""
    (key,) = column.table.primary_key
    query = sa.select(key, column).where(column.is_not(None)).order_by(key).limit(_BATCH)
    rows: list[tuple[str, bytes]] = []
    while True:
        page = query.where(key > rows[-1][0]) if rows else query
        with store.read() as connection:
            rows = [(row[0], row[1]) for row in connection.execute(page)]
        if not rows:
            return
        yield rows


def _batch(store: Store, sealer: Sealer, column: sa.Column[bytes], rows: list[tuple[str, bytes]]) -> Resealed:
    (key,) = column.table.primary_key
    fresh, unreadable = [], 0
    for which, sealed in rows:
        try:
            renewed = sealer.renewed(sealed, purpose=column.info[SEALED_AS], context=which)
        except Refused:
            unreadable += 1
            continue
        if renewed is not None:
            fresh.append({"which": which, "before": sealed, "after": renewed})
    replace = (
        sa.update(column.table)
        .where(key == sa.bindparam("which"), column == sa.bindparam("before"))
        .values({column: sa.bindparam("after")})
    )
    if fresh:
        with store.write() as unit:
            return Resealed(
                renewed=sum(unit.execute(replace, row).rowcount for row in fresh), unreadable=unreadable
            )
    return Resealed(renewed=0, unreadable=unreadable)
