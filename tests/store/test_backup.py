"""Copies of an SQLite database: for our eyes whatever the umask, and never in the place of one in use."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime

import pytest

from idp.core.errors import Refused
from idp.store.backup import back_up, check_unused, put_in_place

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def live(tmp_path):
    path = tmp_path / "idp.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t (x)")
    return path


def test_a_copy_is_ours_alone_from_its_first_byte(live, tmp_path):
    before = os.umask(0)
    try:
        back_up(live, tmp_path / "copy.db")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600


def test_a_server_that_started_meanwhile_keeps_its_database(live, tmp_path):
    back_up(live, tmp_path / "copy.db")
    check_unused(live)
    with closing(sqlite3.connect(live)) as server:
        server.execute("PRAGMA journal_mode=WAL")
        server.execute("SELECT * FROM t").fetchall()
        before = live.stat().st_ino
        with pytest.raises(Refused, match="stop the server"):
            put_in_place(tmp_path / "copy.db", live, at=AT)
    assert live.stat().st_ino == before
    assert put_in_place(tmp_path / "copy.db", live, at=AT) == tmp_path / "idp.db.replaced-20260301000000"
