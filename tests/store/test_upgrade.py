"""The schema: made from nothing, once, and never by an older version than wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine.interfaces import ReflectedIndex

from idp.core.errors import Refused
from idp.partners.registry import Partners
from idp.store import open_store, schema
from idp.store import upgrade as upgrading
from idp.store.upgrade import check, upgrade
from tests import backends
from tests.processes import Notes, race

_VERSIONS = Path(upgrading.__file__).parent / "migrations" / "versions"
HEAD = max(path.name[:4] for path in _VERSIONS.glob("[0-9]*.py"))


pytestmark = pytest.mark.backends


@pytest.fixture
def empty_database(backend, tmp_path):
    return backends.create(backend, tmp_path)


@pytest.fixture
def empty(empty_database):
    store = open_store(empty_database)
    yield store
    store.dispose()


def tables(store) -> set[str]:
    return set(sa.inspect(store.engine).get_table_names())


def set_version(store, version: str) -> None:
    with store.write() as unit:
        unit.execute(sa.text("UPDATE alembic_version SET version_num = :v"), {"v": version})


def test_it_makes_every_table_from_nothing(empty):
    upgrade(empty)
    assert tables(empty) == {*schema.metadata.tables, "alembic_version"}


def test_a_second_upgrade_changes_nothing(empty):
    upgrade(empty)
    with empty.write() as unit:
        unit.execute(sa.insert(schema.settings), {"key": "k", "value": 1})
    upgrade(empty)
    with empty.read() as connection:
        assert connection.execute(sa.select(schema.settings.c.key)).scalars().all() == ["k"]


def test_the_migrations_give_what_the_code_believes_in(empty, backend, tmp_path):
    upgrade(empty)
    (tmp_path / "other").mkdir()
    engine = sa.create_engine(backends.create(backend, tmp_path / "other"))
    schema.metadata.create_all(engine)
    assert facts(empty.engine) == facts(engine)
    engine.dispose()


def facts(engine: sa.Engine) -> dict[str, object]:
    """Return all that the database itself knows of our tables, but for the order of columns."""
    inspector = sa.inspect(engine)
    return {
        name: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], _plain(column["default"]))
                for column in inspector.get_columns(name)
            },
            "key": inspector.get_pk_constraint(name)["constrained_columns"],
            "unique": sorted(each["column_names"] for each in inspector.get_unique_constraints(name)),
            "indexes": {
                index["name"]: (index["column_names"], bool(index["unique"]), str(_condition(index)))
                for index in inspector.get_indexes(name)
            },
        }
        for name in schema.metadata.tables
    }


def _plain(default: str | None) -> str | None:
    # A number may stand with quotes or without.
    return None if default is None else default.replace("'", "")


def _condition(index: ReflectedIndex) -> object:
    options = index.get("dialect_options", {})
    return next((value for name, value in options.items() if name.endswith("_where")), None)


def test_a_schema_of_a_newer_version_is_refused_and_left_alone(empty):
    upgrade(empty)
    set_version(empty, "9999")
    for refuse in (upgrade, check):
        with pytest.raises(Refused, match="newer version"):
            refuse(empty)
    with empty.read() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "9999"


def test_the_names_of_the_migrations_are_alembics_order():
    """Which version a database has is told without Alembic, by the names alone."""
    scripts = ScriptDirectory(str(_VERSIONS.parent))
    ordered = [script.revision for script in scripts.walk_revisions()][::-1]
    assert ordered == sorted(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*.py"))


def test_checking_tells_this_version_and_refuses_an_empty_database(empty):
    with pytest.raises(Refused, match="older"):
        check(empty)
    assert tables(empty) == set()
    upgrade(empty)
    assert check(empty) == HEAD


def test_processes_that_start_at_once_upgrade_once(empty_database, tmp_path):
    notes = Notes(tmp_path / "notes")
    race(upgrade_new, empty_database, notes=notes)
    assert notes.lines() == [HEAD] * 4


def upgrade_new(_number: int, notes: Notes, database: str) -> None:
    store = open_store(database)
    upgrade(store)
    notes.write(check(store))


def test_partners_of_an_older_version_are_found_by_their_names(empty):
    with empty.write() as unit:
        unit.execute(sa.select(1))  # a transaction that Alembic sees is ours to end
        config = Config()
        config.set_main_option("script_location", str(_VERSIONS.parent))
        config.attributes["connection"] = unit.connection
        command.upgrade(config, "0007")
        old = {"id": "p", "door": "saml", "identifier": "https://SP.example", "name": "Über", "issuer": "i"}
        old |= {"enabled": True, "release": [], "access": {}, "notes": "", "revision": 1}
        columns = [column for column in schema.partners.c if column.name not in {"sought", "started"}]
        insert = sa.insert(sa.table("partners", *(sa.column(each.name, each.type) for each in columns)))
        unit.execute(insert, old | {"settings": {"idp_initiated": True}})
    upgrade(empty)
    with empty.read() as connection:
        (started,) = Partners.startable(connection, most=2)
    (found,) = Partners(empty).search("über", limit=2)
    assert (found.identifier, started) == ("https://SP.example", found)


def test_nothing_is_in_the_code_that_no_migration_makes(empty):
    upgrade(empty)
    with empty.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, schema.metadata) == []
