"""The unit of work: all or nothing, actions after the commit, writers that wait for each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from idp.core.errors import Refused
from idp.store import open_store, schema
from idp.store.columns import Instant
from tests.processes import Notes, race

pytestmark = pytest.mark.backends

INSERT = sa.insert(schema.settings)
COUNT = sa.select(sa.func.count()).select_from(schema.settings)
VALUES = sa.select(schema.settings.c.value)
COUNTER = schema.settings.c.key == "counter"


def count(store) -> int:
    with store.read() as connection:
        return connection.execute(COUNT).scalar_one()


def test_a_unit_commits_when_its_block_ends(store):
    with store.write() as unit:
        unit.execute(INSERT, {"key": "k", "value": 1})
        assert count(store) == 0, "nobody sees what is not committed"
    assert count(store) == 1


@pytest.mark.parametrize("read_before", [False, True])
def test_a_unit_rolls_back_as_a_whole(store, read_before):
    if read_before:
        # The same connection served a read, outside transactions, just before.
        count(store)
    with pytest.raises(Refused):
        write_two_and_fail(store, [])
    assert count(store) == 0


def write_two_and_fail(store, done: list[str]) -> None:
    with store.write() as unit:
        unit.after_commit(lambda: done.append("too early"))
        unit.execute(INSERT, {"key": "one", "value": 1})
        unit.execute(INSERT, {"key": "two", "value": 2})
        raise Refused("no")


def test_what_waits_for_the_commit_runs_after_it_in_order(store):
    done = []
    with store.write() as unit:
        unit.after_commit(lambda: done.append(count(store)))
        unit.after_commit(lambda: done.append("second"))
        unit.execute(INSERT, {"key": "k", "value": 1})
        assert done == []
    assert done == [1, "second"]


def test_what_waits_for_the_commit_never_runs_when_there_is_none(store):
    done = []
    with pytest.raises(Refused):
        write_two_and_fail(store, done)
    assert done == []


def test_after_a_failed_unit_the_next_one_works(store):
    with pytest.raises(sa.exc.IntegrityError):
        write_the_same_twice(store)
    with store.write() as unit:
        unit.execute(INSERT, {"key": "k", "value": 1})
    assert count(store) == 1


def write_the_same_twice(store) -> None:
    with store.write() as unit:
        unit.execute(INSERT, [{"key": "k", "value": 1}, {"key": "k", "value": 2}])


def test_an_error_of_the_database_tells_no_values(store):
    """It ends up in the log as it is, and what was typed as a user name may be a password."""
    with pytest.raises(sa.exc.IntegrityError) as caught, store.write() as unit:
        unit.execute(INSERT, [{"key": "typed by somebody", "value": "a secret"}] * 2)
    said = f"{caught.value} {caught.value.__cause__}"
    assert "UNIQUE" in said or "unique" in said
    assert "typed by somebody" not in said
    assert "a secret" not in said


def test_each_statement_of_a_reader_sees_the_latest_commit(store):
    with store.read() as connection:
        assert connection.execute(COUNT).scalar_one() == 0
        with store.write() as unit:
            unit.execute(INSERT, {"key": "k", "value": 1})
        assert connection.execute(COUNT).scalar_one() == 1


def test_four_processes_that_write_alone_wait_for_each_other(store, database, tmp_path):
    with store.write() as unit:
        unit.execute(INSERT, {"key": "counter", "value": 0})
    notes = Notes(tmp_path / "notes")
    race(add_up, database, 50, notes=notes)
    assert len(notes.lines()) == 200
    with store.read() as connection:
        assert connection.execute(VALUES).scalar_one() == 200


def test_a_killed_writer_leaves_a_whole_database(store, database, tmp_path):
    with store.write() as unit:
        unit.execute(INSERT, {"key": "counter", "value": 0})
    notes = Notes(tmp_path / "notes")
    race(add_up, database, 50, notes=notes, kill_after=3)
    with store.read() as connection:
        total = connection.execute(VALUES).scalar_one()
    assert total - len(notes.lines()) in (0, 1)


def add_up(number: int, notes: Notes, database: str, times: int) -> None:
    """Read and write in one unit, which only works when nobody gets in between."""
    store = open_store(database)
    for _ in range(times):
        with store.write(alone=True) as unit:
            value = unit.execute(VALUES).scalar_one()
            unit.execute(sa.update(schema.settings).where(COUNTER).values(value=value + 1))
        notes.write(f"{number} {value}")


# Times ------------------------------------------------------------------------------------------
_TIMES = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))  # noqa: DTZ001
_ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(at=st.builds(lambda at, zone: at.replace(tzinfo=zone), _TIMES, _ZONES))
def test_an_instant_comes_back_exactly_and_in_utc(at):
    kind = Instant()
    stored = kind.process_bind_param(at, None)
    assert isinstance(stored, int)
    back = kind.process_result_value(stored, None)
    assert back == at
    assert back.tzinfo is UTC


@given(st.lists(st.builds(lambda at: at.replace(tzinfo=UTC), _TIMES), min_size=2))
def test_instants_sort_as_they_passed(times):
    kind = Instant()
    assert sorted(times) == sorted(times, key=lambda at: kind.process_bind_param(at, None))


def test_no_instant_stays_none():
    assert Instant().process_bind_param(None, None) is None
    assert Instant().process_result_value(None, None) is None


def test_an_error_tells_no_value_of_the_row(store):
    secret = {"key": "4e5f6-of-somebody", "value": 1}
    with pytest.raises(sa.exc.IntegrityError) as error, store.write() as unit:
        unit.execute(sa.insert(schema.settings), [secret, secret])
    assert "4e5f6" not in f"{error.value}{error.value.orig}"
