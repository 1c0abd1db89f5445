"""Bring the database to this version's schema, and refuse one from a newer version."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from idp.core.errors import Refused
from idp.store.database import Store

_PATIENTLY = sa.text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
_MIGRATIONS = Path(__file__).parent / "migrations"
_WRITTEN = sa.table("alembic_version", sa.column("version_num"))


def upgrade(store: Store) -> None:
    """Run the missing migrations. Raises Refused when the schema is newer than this version."""
    with store.write() as unit:
        if unit.connection.dialect.name == "postgresql":
            # A migration of a large table takes its time, and so does the wait for another node's.
            unit.execute(_PATIENTLY)
        unit.alone()
        current = _current(unit.connection)
        if current != _revisions()[-1]:
            _refuse_newer(current)
            _migrate(unit.connection)


def check(store: Store) -> str:
    """Return the schema's revision. Raises Refused unless it is exactly this version's."""
    with store.read() as connection:
        current = _current(connection)
    _refuse_newer(current)
    if current != _revisions()[-1]:
        raise Refused(
            "The database schema is older than this version: run `idp db upgrade`, or start `idp serve`."
        )
    return current or ""


def is_new(store: Store) -> bool:
    """Say whether the database was never set up."""
    with store.read() as connection:
        return _current(connection) is None


# Every command asks what follows, so it does without Alembic.
def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_WRITTEN.name):
        return None
    revision: str | None = connection.execute(sa.select(_WRITTEN.c.version_num)).scalar()
    return revision


def _revisions() -> list[str]:
    """Return all revisions of this version, oldest first: what its migrations' names begin with."""
    return sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def _refuse_newer(current: str | None) -> None:
    if current is not None and current not in _revisions():
        raise Refused(
            f"The database was written by a newer version of Countersign (schema {current}). "
            "Install that version, or restore a backup made before the upgrade."
        )


def _migrate(connection: sa.Connection) -> None:
    from alembic import command  # a fifth of a start, and most migrate nothing
    from alembic.config import Config  # the same

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
