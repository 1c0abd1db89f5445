"""The SQLite backend: the port's rules, and what is its own affair."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from datetime import timedelta
from functools import partial

import pytest

from idp.core.clock import SystemClock
from idp.core.errors import Refused
from idp.state import SqliteState, open_state
from tests.state.conformance import MINUTE, StateConformance


class TestSqliteState(StateConformance):
    @pytest.fixture
    def opener(self, tmp_path):
        return partial(SqliteState, tmp_path / "state.db")


@pytest.fixture
def state(tmp_path, clock):
    return SqliteState(tmp_path / "state.db", clock)


def test_a_sweep_deletes_what_expired_and_nothing_else(state, clock):
    for number in range(1200):
        state.put(f"short-{number}", "x", timedelta(seconds=10))
    state.put("long", "x", MINUTE)
    assert state.sweep() == 0
    clock.advance(seconds=10)
    assert state.sweep() == 1200
    assert state.sweep() == 0
    assert state.get("long").value == "x"


def test_it_outlives_its_process(tmp_path, clock):
    SqliteState(tmp_path / "state.db", clock).put("k", "kept", MINUTE)
    assert SqliteState(tmp_path / "state.db", clock).get("k").value == "kept"


def test_only_the_owner_may_read_its_files(state, tmp_path):
    state.put("k", "v", MINUTE)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}
    assert {"state.db", "state.db-wal", "state.db.lock"} <= set(modes)


def test_threads_share_it(state):
    def count():
        for _ in range(100):
            state.incr("k", MINUTE)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state.get("k").value == "400"


def test_a_forked_child_opens_its_own_connection(tmp_path):
    state = SqliteState(tmp_path / "state.db", SystemClock())
    state.put("k", "from the parent", MINUTE)
    child = os.fork()
    if child == 0:
        # os._exit whatever happens: the child must not go on as a second pytest.
        try:
            held = state.get("k")
            state.put("answer", f"child saw {held.value}", MINUTE)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0) == (child, 0)
    assert state.get("answer").value == "child saw from the parent"
    assert state.pop("k") == "from the parent"


def test_a_reader_does_not_hold_up_writers(state, tmp_path):
    state.put("k", "v", MINUTE)
    state.get("k")
    other = sqlite3.connect(tmp_path / "state.db", timeout=0)
    other.execute("DELETE FROM held")
    other.commit()
    # Nothing pins the old snapshot: the log can be written back and emptied.
    assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    other.close()
    assert state.get("k") is None


def test_the_default_is_a_file_in_the_data_folder(tmp_path, clock):
    open_state("", data=tmp_path, clock=clock).put("k", "v", MINUTE)
    assert (tmp_path / "state.db").exists()


def test_a_url_names_another_file(tmp_path, clock):
    open_state(f"sqlite:///{tmp_path}/other.db", data=tmp_path, clock=clock).put("k", "v", MINUTE)
    assert (tmp_path / "other.db").exists()
    assert not (tmp_path / "state.db").exists()


@pytest.mark.parametrize(
    "url",
    ["mysql://:secret@host/0", "sqlite://", "sqlite:///", "sqlite:///:memory:", "state.db", "nonsense"],
)
def test_other_urls_are_refused_without_quoting_them(url, tmp_path, clock):
    with pytest.raises(Refused) as refused:
        open_state(url, data=tmp_path, clock=clock)
    assert "secret" not in str(refused.value)
    assert "sqlite:///path" in refused.value.public
