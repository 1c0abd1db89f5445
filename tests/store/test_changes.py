"""Changes and what follows them: numbered, recorded, seen by every process within two seconds."""

from __future__ import annotations

import time

import pytest
import sqlalchemy as sa

from idp.core.errors import Refused
from idp.core.model import Actor
from idp.store import Change, change, open_store, revision, revisioned, schema
from idp.store.revisioned import Revisioned
from tests.clock import TestClock
from tests.processes import Notes, race

pytestmark = pytest.mark.backends

CLI = Actor(kind="cli", id="local")
VALUES = sa.select(schema.settings.c.value)


def made(key: str) -> Change:
    return Change(noun="partner", key=key, before=None, after={"name": key})


def set_to(store, value, clock) -> int:
    """Change a setting the way every room changes configuration."""
    with store.write(alone=True) as unit:
        unit.execute(sa.delete(schema.settings))
        unit.execute(sa.insert(schema.settings), {"key": "k", "value": value})
        changed = Change(noun="setting", key="k", before=None, after={"value": value})
        return change(unit, actor=CLI, at=clock.now(), change=changed)


def read_setting(connection):
    return connection.execute(VALUES).scalar()


def test_revisions_count_up_from_nothing(store, clock):
    with store.read() as connection:
        assert revision(connection) == 0
    with store.write() as unit:
        first = change(unit, actor=CLI, at=clock.now(), change=made("a"))
        second = change(unit, actor=CLI, at=clock.now(), change=made("b"))
    assert second == first + 1
    with store.read() as connection:
        assert revision(connection) == second


def test_a_change_says_who_when_and_what(store, clock):
    with store.write() as unit:
        removed = Change(noun="partner", key="p", before={"name": "P"}, after=None)
        change(unit, actor=CLI, at=clock.now(), change=removed)
    with store.read() as connection:
        row = connection.execute(sa.select(schema.changes)).one()
        # None is no JSON null: "removed" can be asked for in SQL.
        assert connection.execute(
            sa.select(schema.changes).where(schema.changes.c.after.is_(sa.null()))
        ).one()
    assert (row.actor, row.noun, row.key, row.at) == ("cli:local", "partner", "p", clock.now())
    assert (row.before, row.after) == ({"name": "P"}, None)


def test_a_change_that_rolls_back_is_none(store, clock):
    with pytest.raises(Refused):
        change_and_fail(store, clock)
    with store.read() as connection:
        assert revision(connection) == 0


def change_and_fail(store, clock) -> None:
    with store.write() as unit:
        change(unit, actor=CLI, at=clock.now(), change=made("a"))
        raise Refused("no")


# The cache that follows -----------------------------------------------------------------------
def test_it_is_loaded_when_first_asked_and_not_again_without_a_change(store, clock, monkeypatch):
    set_to(store, "one", clock)
    loads = []

    def load(connection):
        loads.append(1)
        return read_setting(connection)

    cache = Revisioned(store, load)
    assert loads == []
    monkeypatch.setattr(revisioned, "CHECK_EVERY", 0)
    assert [cache.get() for _ in range(3)] == ["one"] * 3
    assert loads == [1]


def test_the_process_that_made_a_change_sees_it_at_once(store, clock):
    set_to(store, "one", clock)
    cache = Revisioned(store, read_setting)
    assert cache.get() == "one"
    set_to(store, "two", clock)
    assert cache.get() == "two"


def test_a_change_that_rolls_back_is_not_seen(store, clock):
    set_to(store, "one", clock)
    cache = Revisioned(store, read_setting)
    assert cache.get() == "one"
    with pytest.raises(Refused):
        change_and_fail(store, clock)
    assert cache.get() == "one"


def test_others_go_on_with_the_old_value_while_one_thread_reads(store, clock):
    set_to(store, "one", clock)
    seen = []

    def load(connection):
        value = read_setting(connection)
        if value == "two":
            # As another thread would ask in the middle of the load.
            seen.append(cache.get())
        return value

    cache = Revisioned(store, load)
    assert cache.get() == "one"
    set_to(store, "two", clock)
    assert cache.get() == "two"
    assert seen == ["one"]


def test_a_failing_load_keeps_the_old_value_and_is_tried_again(store, clock, monkeypatch):
    set_to(store, "one", clock)
    broken = []

    def load(connection):
        if broken:
            raise Refused(broken.pop())
        return read_setting(connection)

    cache = Revisioned(store, load)
    cache.get()
    set_to(store, "two", clock)
    broken.append("once")
    with pytest.raises(Refused):
        cache.get()
    assert cache.get() == "one"
    monkeypatch.setattr(revisioned, "CHECK_EVERY", 0)
    assert cache.get() == "two"


def test_a_change_by_another_process_is_followed_within_two_seconds(store, database, clock, tmp_path):
    set_to(store, "one", clock)
    cache = Revisioned(store, read_setting)
    assert cache.get() == "one"
    race(set_elsewhere, database, notes=Notes(tmp_path / "notes"), count=1)
    since = time.monotonic()
    while cache.get() == "one" and time.monotonic() - since < 5:
        time.sleep(0.01)
    assert cache.get() == "two"
    assert time.monotonic() - since < 2


def set_elsewhere(_number: int, _notes: Notes, database: str) -> None:
    set_to(open_store(database), "two", TestClock())
