"""The engine, and the unit of work that makes rows of one step commit together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

_Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


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
    """The database: reads outside transactions, writes in short immediate ones."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        # How many configuration changes this process made itself: caches follow those at once.
        self.own_changes = 0
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection for reading; each statement sees the latest commit."""
        with self._reading.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Unit]:
        """Give a unit of work; it commits when the block ends and rolls back on any error."""
        with self.engine.begin() as connection:
            unit = Unit(self, connection)
            yield unit
        unit.committed()

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
    engine = sa.create_engine(url, pool_pre_ping=False)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
    return Store(engine)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transaction handling is switched off: `begin` below says BEGIN IMMEDIATE,
    # since a deferred one that turns into a write fails at once when another writer is active.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: an audit row is on disk before its answer leaves.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begin_immediate(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
