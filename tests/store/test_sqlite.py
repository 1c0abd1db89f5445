"""SQLite's own: one writer from the beginning of a unit, and what is on disk when it ends."""

from __future__ import annotations

import sqlite3

import pytest
import sqlalchemy as sa

from idp.core.errors import Unavailable
from idp.store import open_store, schema
from idp.store import sqlite as store_sqlite

pytestmark = pytest.mark.backends("sqlite")


def test_a_unit_holds_the_write_lock_from_its_beginning(store, database):
    with store.write():
        other = sqlite3.connect(database.removeprefix("sqlite:///"), timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("INSERT INTO settings VALUES ('k', '1')")
        other.close()


def test_what_is_committed_is_on_disk(database):
    store = open_store(database)
    with store.write() as unit:
        pragma = unit.connection.exec_driver_sql
        assert pragma("PRAGMA journal_mode").scalar() == "wal"
        assert pragma("PRAGMA synchronous").scalar() == 2, "FULL: the record is there before the answer"
    store.dispose()


def test_a_file_that_cannot_be_used_is_said_plainly(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/no/such/folder/idp.db")
    with pytest.raises(Unavailable) as caught, store.read():
        pass
    assert "unable to open" in caught.value.detail
    store.dispose()


def test_a_lock_that_never_comes_is_said_plainly(store, database, monkeypatch):
    other = sqlite3.connect(database.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(store_sqlite, "BUSY_TIMEOUT", 1)
    with pytest.raises(Unavailable) as caught, store.write() as unit:
        unit.execute(sa.delete(schema.settings))
    assert "locked" in caught.value.detail
    other.close()
