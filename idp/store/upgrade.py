"""Bring the database to this version's schema, and refuse one from a newer version."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from idp.core.errors import Refused
from idp.store.database import Store

_PATIENTLY = sa.text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(store: Store) -> None:
    """Run the missing migrations. Raises Refused when the schema is newer than this version."""
    with store.write() as unit:
        if unit.connection.dialect.name == "postgresql":
            # A migration of a large table takes its time, and so does the wait for another node's.
            unit.execute(_PATIENTLY)
        unit.alone()
        if _current(unit.connection) != _head():
            _refuse_newer(_current(unit.connection))
            command.upgrade(_config(unit.connection), "head")


def check(store: Store) -> str:
    """Return the schema's revision. Raises Refused unless it is exactly this version's."""
    with store.read() as connection:
        current = _current(connection)
    _refuse_newer(current)
    if current != _head():
        raise Refused(
            "The database schema is older than this version: run `idp db upgrade`, or start `idp serve`."
        )
    return current or ""


def _current(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _head() -> str | None:
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head()


def _refuse_newer(current: str | None) -> None:
    known = {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
    if current is not None and current not in known:
        raise Refused(
            f"The database was written by a newer version of Countersign (schema {current}). "
            "Install that version, or restore a backup made before the upgrade."
        )


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def is_new(store: Store) -> bool:
    """Say whether the database was never set up."""
    with store.read() as connection:
        return _current(connection) is None
