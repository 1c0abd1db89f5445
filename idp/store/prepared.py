"""Statements of the busiest path: compiled once, run on the driver's own cursor.

SQLAlchemy's work at each execution costs several times what SQLite takes for the statement
itself (see bench/README.md). The statement stays SQLAlchemy's, with its types; only that work
is skipped. Other databases are a network away, where it does not matter: they go the usual way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

_Process = Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class _Ready:
    """SQL for SQLite, and how each value goes in and comes out."""

    sql: str
    given: tuple[tuple[str, _Process], ...]
    returned: tuple[tuple[str, _Process], ...]

    def values(self, parameters: Mapping[str, Any]) -> list[Any]:
        return [parameters[name] if to is None else to(parameters[name]) for name, to in self.given]

    def row(self, raw: tuple[Any, ...]) -> dict[str, Any]:
        pairs = zip(self.returned, raw, strict=True)
        return {name: value if to is None else to(value) for (name, to), value in pairs}


class Prepared:
    """A statement whose every parameter is given at each run."""

    def __init__(self, statement: sa.Select[Any] | sa.Insert | sa.Update) -> None:
        self._statement = statement
        self._ready: _Ready | None = None

    def first(self, connection: sa.Connection, parameters: Mapping[str, Any]) -> Mapping[Any, Any] | None:
        """Return the first row by column name, or None."""
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, parameters).mappings().first()
        ready = self._ready or self._prepare(connection, parameters)
        raw = _driver(connection).execute(ready.sql, ready.values(parameters)).fetchone()
        return None if raw is None else ready.row(raw)

    def run(self, connection: sa.Connection, parameters: Mapping[str, Any]) -> None:
        """Run a statement that returns nothing."""
        if connection.dialect.name != "sqlite":
            connection.execute(self._statement, parameters)
            return
        ready = self._ready or self._prepare(connection, parameters)
        _driver(connection).execute(ready.sql, ready.values(parameters))

    def _prepare(self, connection: sa.Connection, parameters: Mapping[str, Any]) -> _Ready:
        dialect = connection.dialect
        # Only an INSERT learns from the parameters which columns it writes.
        keys = list(parameters) if isinstance(self._statement, sa.Insert) else None
        compiled = self._statement.compile(dialect=dialect, column_keys=keys)
        self._ready = _Ready(
            sql=str(compiled),
            given=tuple(
                (name, _here(compiled.binds[name].type, dialect).bind_processor(dialect))
                for name in compiled.positiontup or ()
            ),
            returned=tuple(
                (column.name, _here(column.type, dialect).result_processor(dialect, None))
                for column in self._statement.exported_columns
            ),
        )
        return self._ready


def _here(type_: TypeEngine[Any], dialect: sa.Dialect) -> TypeEngine[Any]:
    return type_.dialect_impl(dialect)


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.dbapi_connection
