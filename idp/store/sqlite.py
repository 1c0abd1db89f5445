"""The engine for SQLite: one file, its write-ahead log, and transactions that we begin ourselves."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from time import sleep
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from idp.core.errors import Refused

_SWITCHING_TRIES = 200


def sqlite_engine(url: str, *, connections: int) -> sa.Engine:
    """Return the engine for a file; it never begins a transaction of its own."""
    # The driver begins no transactions of its own, we say BEGIN IMMEDIATE: nothing is left open
    # between units of work, so there is nothing to roll back on return.
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_reset_on_return=None,
        pool_size=connections,
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute("PRAGMA busy_timeout=10000")
    _write_ahead(connection)
    # FULL: an audit row is on disk before its answer leaves.
    connection.execute("PRAGMA synchronous=FULL")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch a new database to its write-ahead log; an old one is in that mode already.

    The switch needs the file alone, and does not wait for it as statements do: of several
    processes that start at once, the others would fail.
    """
    for _ in range(_SWITCHING_TRIES):
        with suppress(sqlite3.OperationalError):
            if connection.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",):
                return
        sleep(0.05)
    raise Refused("The database file is in use by another program.")
