"""idp db: upgrade, and SQLite's copies; a copy is whole, ours alone, and does not bring back what ended."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing

import pytest
import sqlalchemy as sa

from idp.store import open_store, schema
from idp.store.upgrade import check
from tests.cli.conftest import Command


def rows(path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(statement).fetchall()


@pytest.fixture
def ada(idp) -> None:
    idp("person", "add", "ada", "--password-stdin", given="correct horse\n")


def test_upgrade_makes_a_new_database_with_all_that_belongs_to_it(nothing_set):
    made = Command().json("db", "upgrade")
    store = open_store(f"sqlite:///{nothing_set}/var/idp.db")
    assert made == {"schema": check(store)}
    store.dispose()
    assert (nothing_set / "var" / "master.key").exists()
    assert Command()("db", "upgrade").stdout == f"The database has schema {made['schema']}.\n"


def test_a_backup_is_whole_and_ours_alone_while_somebody_writes(idp, data, ada, tmp_path):
    store = open_store(f"sqlite:///{data}/idp.db")
    with store.write() as unit:
        unit.execute(sa.insert(schema.settings), {"key": "not committed", "value": 1})
        made = idp.json("db", "backup", str(tmp_path / "copy.db"))
    store.dispose()
    copy = tmp_path / "copy.db"
    assert made == {"file": str(copy), "bytes": copy.stat().st_size}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert rows(copy, "PRAGMA journal_mode") == [("delete",)]
    assert rows(copy, "SELECT name FROM people") == [("ada",)]
    assert rows(copy, "SELECT count(*) FROM settings WHERE key = 'not committed'") == [(0,)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "var"]


def test_a_backup_replaces_nothing(idp, tmp_path):
    (tmp_path / "copy.db").write_text("something else")
    assert "is there already" in idp.refused("db", "backup", str(tmp_path / "copy.db"))
    assert (tmp_path / "copy.db").read_text() == "something else"
    assert "cannot be written" in idp.refused("db", "backup", str(tmp_path / "no" / "folder.db"))


def test_a_restored_copy_is_what_it_was_and_nobody_is_signed_in(idp, data, ada, tmp_path):
    with closing(sqlite3.connect(data / "idp.db")) as live, live:
        live.execute(
            "INSERT INTO sessions (id, secret, person, proofs, persistent, created_at, expires_at) "
            "VALUES ('s', 'h', 'p', '[]', 0, 1, 9e18)"
        )
        live.execute(
            "INSERT INTO outbox (id, kind, idempotency_key, sealed, due_at, tries, lease, error, unsure) "
            "VALUES ('m', 'text', 'k', x'00', 1, 0, '', '', 0)"
        )
    idp("db", "backup", str(tmp_path / "copy.db"))
    idp("person", "add", "grace", "--password-stdin", given="correct horse\n")
    assert "--force" in idp.refused("db", "restore", str(tmp_path / "copy.db"))
    restored = idp.json("db", "restore", str(tmp_path / "copy.db"), "--force")
    assert [person["name"] for person in idp.json("person", "list")] == ["ada"]
    assert rows(data / "idp.db", "SELECT count(*) FROM sessions WHERE ended_at IS NULL") == [(0,)]
    assert rows(data / "idp.db", "SELECT sealed, error FROM outbox") == [(None, "restored")]
    assert idp.json("audit", "--limit", "1")[0]["event"] == "database-restored"
    assert stat.S_IMODE((data / "idp.db").stat().st_mode) == 0o600
    # The one before stays, whole.
    assert rows(restored["replaced"], "SELECT name FROM people ORDER BY name") == [("ada",), ("grace",)]
    # And the copy itself was not touched.
    assert rows(tmp_path / "copy.db", "SELECT count(*) FROM sessions WHERE ended_at IS NULL") == [(1,)]


def test_a_database_in_use_is_never_replaced(idp, data, ada, tmp_path):
    idp("db", "backup", str(tmp_path / "copy.db"))
    store = open_store(f"sqlite:///{data}/idp.db")
    # A server that has nothing to do: its connection is open, and that is all.
    with store.read() as connection:
        connection.execute(sa.select(schema.people.c.id)).all()
    before = (data / "idp.db").stat().st_ino
    assert "stop the server" in idp.refused("db", "restore", str(tmp_path / "copy.db"), "--force")
    assert (data / "idp.db").stat().st_ino == before
    store.dispose()


def test_what_is_no_copy_of_ours_is_not_restored(idp, data, ada, tmp_path):
    before = (data / "idp.db").stat().st_ino
    (tmp_path / "text.db").write_text("a text that is long enough to be no database" * 20)
    assert "cannot be copied" in idp.refused("db", "restore", str(tmp_path / "text.db"), "--force")
    assert "does not exist" in idp.refused("db", "restore", str(tmp_path / "nothing.db"), "--force")
    idp("db", "backup", str(tmp_path / "copy.db"))
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy, copy:
        copy.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer version" in idp.refused("db", "restore", str(tmp_path / "copy.db"), "--force")
    assert (data / "idp.db").stat().st_ino == before
    assert list(data.glob(".idp.db*")) == []


def test_a_copy_under_another_master_key_is_not_restored(idp, data, ada, tmp_path):
    idp("db", "backup", str(tmp_path / "copy.db"))
    (data / "idp.db").unlink()
    (data / "master.key").unlink()
    idp("db", "upgrade")
    assert "not the master key" in idp.refused("db", "restore", str(tmp_path / "copy.db"))


def test_a_server_s_database_is_copied_by_its_own_programs(idp, monkeypatch, tmp_path):
    monkeypatch.setenv("IDP_DATABASE_URL", "postgresql://idp:secret@db.example:5433/idp?sslmode=require")
    said = idp.refused("db", "backup", str(tmp_path / "copy.db"))
    assert "pg_dump --format=custom --file=FILE " in said
    assert "'postgresql://idp@db.example:5433/idp?sslmode=require'" in said
    assert "secret" not in said
    assert "pg_restore" in idp.refused("db", "restore", str(tmp_path / "copy.db"))
