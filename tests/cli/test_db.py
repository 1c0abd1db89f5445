"""idp db: upgrade, and SQLite's copies; a copy is whole, ours alone, and does not bring back what ended."""

from __future__ import annotations

import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from idp.cli import key as key_command
from idp.store import open_store, schema
from idp.store.upgrade import check
from tests.cli.conftest import Command

ROOT = Path(__file__).resolve().parents[2]


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
            "INSERT INTO grants (id, handle, session, person, partner, document, created_at, handle_ends_at, "
            "expires_at) VALUES ('g', 'h', 's', 'p', 'a', '{}', 1, 1, 9e18)"
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
    assert rows(data / "idp.db", "SELECT count(*) FROM grants WHERE revoked_at IS NULL") == [(0,)]
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


@pytest.mark.parametrize(
    "content", ["", "CREATE TABLE places (url TEXT)"], ids=["empty", "another program's"]
)
def test_a_database_that_is_not_ours_is_not_restored(idp, data, ada, tmp_path, content):
    with closing(sqlite3.connect(tmp_path / "copy.db")) as other, other:
        other.execute(content)
    assert "no copy of a database of ours" in idp.refused(
        "db", "restore", str(tmp_path / "copy.db"), "--force"
    )
    assert [person["name"] for person in idp.json("person", "list")] == ["ada"]


def test_a_damaged_database_is_replaced_and_kept(idp, data, ada, tmp_path):
    idp("db", "backup", str(tmp_path / "copy.db"))
    (data / "idp.db").write_bytes(b"damaged" * 1000)
    assert "--force" in idp.refused("db", "restore", str(tmp_path / "copy.db"))
    with held(data / "idp.db"):
        assert "stop the server" in idp.refused("db", "restore", str(tmp_path / "copy.db"), "--force")
    restored = idp.json("db", "restore", str(tmp_path / "copy.db"), "--force")
    assert [person["name"] for person in idp.json("person", "list")] == ["ada"]
    assert Path(restored["replaced"]).read_bytes() == b"damaged" * 1000


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "damaged"])
def test_the_log_of_the_one_before_is_not_written_into_the_copy(idp, data, ada, tmp_path, lost):
    idp("db", "backup", str(tmp_path / "copy.db"))
    leave_a_log(data / "idp.db", "DELETE FROM people", tmp_path / "log")
    (data / "idp.db").unlink() if lost else (data / "idp.db").write_bytes(b"damaged" * 1000)
    (tmp_path / "log").rename(data / "idp.db-wal")
    idp("db", "restore", str(tmp_path / "copy.db"), "--force")
    assert [person["name"] for person in idp.json("person", "list")] == ["ada"]
    # What it held may still be of use to somebody.
    (kept,) = data.glob("idp.db.replaced-*-wal")
    assert kept.stat().st_size > 0


def leave_a_log(path, statement: str, log) -> None:
    """Do something, and keep the write-ahead log of it as a crash leaves it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as live:
        live.execute("PRAGMA journal_mode=WAL")
        live.execute(statement)
        shutil.copy(f"{path}-wal", log)


@contextmanager
def held(path):
    """Have another program hold a file as SQLite does whose connection is open and idle."""
    lock = (
        "import fcntl, sys; file = open(sys.argv[1], 'r+b'); "
        "fcntl.lockf(file, fcntl.LOCK_SH, 510, 0x40000002); print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", lock, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        yield
        other.communicate(b"\n")


def test_what_worked_once_since_the_copy_does_not_work_again(idp, data, ada, tmp_path):
    store = open_store(f"sqlite:///{data}/idp.db")
    at = datetime(2100, 1, 1, tzinfo=UTC)
    code = {"place": "p", "sealed": b"x", "sends": 1, "spent": [], "expires_at": at}
    token = {
        **dict.fromkeys(("secret", "grant", "kind", "partner", "scope", "audience"), ""),
        "issued_at": at,
        "expires_at": at,
    }
    with store.write() as unit:
        unit.execute(sa.insert(schema.sent_codes), code)
        unit.execute(sa.insert(schema.tokens), token)
    store.dispose()
    idp("db", "backup", str(tmp_path / "copy.db"))
    idp("db", "restore", str(tmp_path / "copy.db"), "--force")
    assert rows(data / "idp.db", "SELECT * FROM sent_codes") == []
    assert rows(data / "idp.db", "SELECT * FROM tokens") == []


def test_a_copy_under_the_former_master_key_needs_that_no_longer(idp, data, ada, tmp_path, monkeypatch):
    monkeypatch.setattr(key_command, "LOOK_EVERY", -1)
    idp("method", "add", "ada", "totp")
    idp("db", "backup", str(tmp_path / "copy.db"))
    idp("key", "rotate-master")
    idp("db", "restore", str(tmp_path / "copy.db"), "--force")
    (data / "master.key.former").unlink()
    assert [person["name"] for person in idp.json("person", "list")] == ["ada"]
    assert idp.json("key", "rotate-master") == {"renewed": 6, "unreadable": 0}


def test_a_server_s_database_is_copied_by_its_own_programs(idp, monkeypatch, tmp_path):
    monkeypatch.setenv("IDP_DATABASE_URL", "postgresql://idp:secret@db.example:5433/idp?sslmode=require")
    said = idp.refused("db", "backup", str(tmp_path / "copy.db"))
    assert "pg_dump --format=custom --file=FILE " in said
    assert "'postgresql://idp@db.example:5433/idp?sslmode=require'" in said
    assert "secret" not in said
    assert "pg_restore" in idp.refused("db", "restore", str(tmp_path / "copy.db"))


@pytest.mark.backends
def test_what_the_documents_tell_to_run_after_pg_restore_runs(store):
    (block,) = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "operators.md").read_text(), re.DOTALL)
    with store.write() as unit:
        for statement in block.strip().split("\n"):
            unit.execute(sa.text(statement))
