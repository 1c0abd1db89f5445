"""The engine, and the unit of work that makes rows of one step commit together."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from time import sleep
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from idp.core.errors import Refused

_Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None

_SWITCHING_TRIES = 200


class Unit:
    """One write transaction, handed down so that everything of a step commits together."""

    def __init__(self, store: Store, connection: sa.Connection) -> None:
        self.store = store
        self.connection = connection
        self._after_commit: list[Callable[[], None]] = []

    def execute(self, statement: sa.Executable, parameters: _Parameters = None) -> sa.CursorResult[Any]:
        """Run one statement inside the transaction."""
        return self.connection.execute(statement, parameters)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run an action once the rows are durable (a log line, a wake-up); never before."""
        self._after_commit.append(action)

    def committed(self) -> None:
        """Run what was waiting for the commit."""
        for action in self._after_commit:
            action()


class Store:
    """The database: reads outside transactions, writes in short immediate ones.

    On SQLite never use the engine's own `begin`: the driver would not start a transaction.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        # How many configuration changes this process made itself: caches follow those at once.
        self.own_changes = 0
        self._is_sqlite = engine.dialect.name == "sqlite"
        # SQLite's engine is in this mode from the start: to set it at each use costs as much as
        # the use.
        self._reading = engine if self._is_sqlite else _autocommit(engine)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection for reading; each statement sees the latest commit."""
        with self._reading.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Unit]:
        """Give a unit of work; it commits when the block ends and rolls back on any error."""
        with self._begin() as connection:
            unit = Unit(self, connection)
            yield unit
        unit.committed()

    def _begin(self) -> AbstractContextManager[sa.Connection]:
        return self._immediate() if self._is_sqlite else self.engine.begin()

    @contextmanager
    def _immediate(self) -> Iterator[sa.Connection]:
        # A deferred transaction that turns into a write fails at once when another writer is
        # active, however long the busy timeout: take the lock at the start.
        with self._reading.connect() as connection:
            # On the driver: SQLAlchemy's execution costs more than the statement (see prepared.py).
            driver: Any = connection.connection.dbapi_connection
            driver.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                driver.execute("COMMIT")
            finally:
                # Also when the commit itself failed: the pool must not get it back half done.
                if driver.in_transaction:
                    driver.execute("ROLLBACK")

    def note_change(self) -> None:
        """Have this process's caches look again."""
        self.own_changes += 1

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_store(url: str) -> Store:
    """Open the database at an SQLAlchemy URL; makes nothing and checks nothing.

    Call it after a fork: connections must not be shared between processes.
    """
    # Errors end up in the log, and their parameters are personal data, or worse.
    if not url.startswith("sqlite"):
        return Store(sa.create_engine(url, hide_parameters=True))
    # The driver begins no transactions of its own, we say BEGIN IMMEDIATE: nothing is left open
    # between units of work, so there is nothing to roll back on return.
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_reset_on_return=None,
        pool_size=20,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return Store(engine)


def _autocommit(engine: sa.Engine) -> sa.Engine:
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
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
