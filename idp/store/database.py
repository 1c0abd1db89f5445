"""The database: reads, and the unit of work that makes rows of one step commit together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from idp.core.errors import BadMessage, Busy, Unavailable
from idp.store.postgresql import postgresql_engine
from idp.store.sqlite import Held, immediate, sqlite_engine

_Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None

# One number for all installations: each has its own database, and advisory locks are the database's.
_ALONE = sa.select(sa.func.pg_advisory_xact_lock(0x436F756E74657273))


class Unit:
    """One write transaction, handed down so that everything of a step commits together."""

    def __init__(self, store: Store, connection: sa.Connection) -> None:
        self.store = store
        self.connection = connection
        self._after_commit: list[Callable[[], None]] = []
        # SQLite has one writer at a time anyway.
        self._alone = connection.dialect.name == "sqlite"

    def execute(self, statement: sa.Executable, parameters: _Parameters = None) -> sa.CursorResult[Any]:
        """Run one statement inside the transaction."""
        return self.connection.execute(statement, parameters)

    def alone(self) -> None:
        """Wait for other units that do this, and keep them out until the commit."""
        if not self._alone:
            self.connection.execute(_ALONE)
            self._alone = True

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run an action once the rows are durable (a log line, a wake-up); never before."""
        self._after_commit.append(action)

    def committed(self) -> None:
        """Run what was waiting for the commit."""
        for action in self._after_commit:
            action()


class Store:
    """The database: reads outside transactions, writes in short ones.

    On SQLite never use the engine's own `begin`: the driver would not start a transaction.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        # How many configuration changes this process made itself: caches follow those at once.
        self.own_changes = 0
        self._held = Held(engine) if engine.dialect.name == "sqlite" else None
        self._reading = engine if self._held else _autocommit(engine)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection for reading; each statement sees the latest commit.

        Raises Unavailable when the database can't be reached.
        """
        with _said_plainly():
            if self._held is not None:
                yield self._held.reading()
                return
            with self._reading.connect() as connection:
                yield connection

    @contextmanager
    def write(self, *, alone: bool = False) -> Iterator[Unit]:
        """Give a unit of work; it commits when the block ends and rolls back on any error.

        Statements see what others committed meanwhile (READ COMMITTED), so what is read and then
        written needs a compare-and-set, a unique key, a lock on the row, or alone: then no other
        such unit runs at the same time. Whatever changes configuration is alone.
        Raises Unavailable.
        """
        with _said_plainly(), self._begun() as connection:
            unit = Unit(self, connection)
            if alone:
                unit.alone()
            yield unit
        unit.committed()

    def _begun(self) -> AbstractContextManager[sa.Connection]:
        return self.engine.begin() if self._held is None else immediate(self._held)

    def note_change(self) -> None:
        """Have this process's caches look again."""
        self.own_changes += 1

    def dispose(self) -> None:
        """Close all connections."""
        if self._held is not None:
            self._held.close()
        self.engine.dispose()


def open_store(url: str, *, connections: int = 20) -> Store:
    """Open the database at an SQLAlchemy URL; makes nothing and checks nothing.

    connections is how many are kept of a server, for threads that use it at once. Call it after a fork:
    connections must not be shared between processes.
    """
    # Errors end up in the log, and their parameters are personal data, or worse: both engines
    # leave them out.
    if url.startswith("sqlite"):
        return Store(sqlite_engine(url))
    return Store(postgresql_engine(url, connections=connections))


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Turn what only the driver understands into errors of ours; bugs stay what they are."""
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError) as error:
        raise Unavailable(detail=str(error.orig)) from error
    except exc.TimeoutError as error:
        raise Busy("The service is busy.", detail="every database connection is in use") from error
    except exc.DataError as error:
        # A NUL in a text, a number beyond 64 bits: nothing that we make ourselves.
        raise BadMessage("The request could not be understood.", detail=str(error.orig)) from error
    except exc.DBAPIError as error:
        # A server that is killed in the middle of an answer leaves errors of any class.
        if error.connection_invalidated:
            raise Unavailable(detail=str(error.orig)) from error
        raise


def _autocommit(engine: sa.Engine) -> sa.Engine:
    return engine.execution_options(isolation_level="AUTOCOMMIT")
