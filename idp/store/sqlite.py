"""The engine for SQLite: one file, its write-ahead log, and transactions that we begin ourselves."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import sleep
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from idp.core.errors import Refused

BUSY_TIMEOUT = 10_000  # milliseconds
_SWITCHING_TRIES = 200


def sqlite_engine(url: str) -> sa.Engine:
    """Return the engine for a file; it never begins a transaction of its own."""
    # The driver begins no transactions of its own, we say BEGIN IMMEDIATE: nothing is left open
    # between units of work, so there is nothing to roll back on return.
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_reset_on_return=None,
        # Each thread holds its own (see Held), for as long as it lives.
        poolclass=sa.NullPool,
    )
    event.listen(engine, "connect", _prepare)
    return engine


class Held(threading.local):
    """What one thread holds open of an SQLite file.

    To fetch a connection from a pool each time costs several times what a statement does.
    Writing has a connection of its own: what is read beside it must not see what may yet be
    rolled back, as on every other database.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._reading: sa.Connection | None = None
        self._writing: sa.Connection | None = None

    def reading(self) -> sa.Connection:
        """Return this thread's connection for reading."""
        if self._reading is None:
            self._reading = self._engine.connect()
        return self._reading

    def writing(self) -> sa.Connection:
        """Return this thread's connection for writing."""
        if self._writing is None:
            self._writing = self._engine.connect()
        return self._writing

    def close(self) -> None:
        """Give this thread's connections back; those of a thread that ended went with it."""
        for connection in (self._reading, self._writing):
            if connection is not None:
                connection.close()
        self._reading = self._writing = None


@contextmanager
def immediate(held: Held) -> Iterator[sa.Connection]:
    """Give this thread's connection for writing, with the write lock from the start until the commit.

    A deferred transaction that turns into a write fails at once when another writer is active,
    however long the busy timeout.
    """
    connection = held.writing()
    # On the driver: SQLAlchemy's execution costs more than the statement (see prepared.py).
    driver: Any = connection.connection.dbapi_connection
    try:
        driver.execute("BEGIN IMMEDIATE")
        yield connection
        driver.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise OperationalError(None, None, error) from error
    finally:
        # Also when the commit itself failed: it must not be used again half done.
        if driver.in_transaction:
            driver.execute("ROLLBACK")


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT}")
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
