"""Clean-up: what has expired goes, in batches; what lives stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from idp.jobs import CleanUp, Retention
from idp.jobs.cleanup import BATCH
from idp.state import SqliteState
from idp.store import schema
from idp.store.columns import Instant


def rows_of(table: sa.Table, when, **values) -> dict[str, object]:
    """Return a row with something in every column, and every time set to `when`."""
    row: dict[str, object] = {}
    for column in table.columns:
        kind = column.type
        if isinstance(kind, Instant):
            row[column.name] = when
        elif isinstance(kind, sa.JSON):
            row[column.name] = []
        elif isinstance(kind, sa.LargeBinary):
            row[column.name] = b""
        elif isinstance(kind, (sa.Boolean, sa.Integer)):
            row[column.name] = 0
        else:
            row[column.name] = "x"
    return row | values


def insert(store, table, *rows) -> None:
    with store.write() as unit:
        unit.execute(sa.insert(table), list(rows))


def keys(store, table, column="id") -> set[str]:
    with store.read() as connection:
        return set(connection.execute(sa.select(table.c[column])).scalars())


@pytest.mark.parametrize(
    ("table", "key", "unique", "expires"),
    [
        (schema.tokens, "secret", "secret", "expires_at"),
        (schema.grants, "id", "handle", "expires_at"),
        (schema.sessions, "id", "secret", "expires_at"),
        (schema.devices, "id", "secret", "expires_at"),
        (schema.attempts, "key", "key", "window_ends_at"),
    ],
    ids=lambda value: value.name if isinstance(value, sa.Table) else "",
)
def test_expired_rows_go_and_others_stay(store, clock, table, key, unique, expires):
    now = clock.now()
    for name, at in (("old", now - timedelta(days=1)), ("over", now), ("live", now + timedelta(seconds=1))):
        insert(store, table, rows_of(table, now, **{key: name, unique: name, expires: at}))
    assert CleanUp(store, clock).run() == 2
    assert keys(store, table, key) == {"live"}
    assert CleanUp(store, clock).run() == 0


def test_participants_go_with_their_session(store, clock):
    now = clock.now()
    later = now + timedelta(hours=1)
    insert(store, schema.sessions, rows_of(schema.sessions, now, id="gone", secret="a"))
    insert(
        store, schema.sessions, rows_of(schema.sessions, now, id="live", secret="b") | {"expires_at": later}
    )
    for session in ("gone", "live"):
        insert(
            store,
            schema.participants,
            rows_of(schema.participants, now, id=f"p-{session}", session=session),
        )
    assert CleanUp(store, clock).run() == 2
    assert keys(store, schema.participants) == {"p-live"}


def test_a_session_stays_as_long_as_what_was_granted_in_it(store, clock):
    """Tokens may outlive it by an hour, and it says at each use that nobody signed out."""
    now = clock.now()
    insert(store, schema.sessions, rows_of(schema.sessions, now, id="s", secret="a"))
    granted = rows_of(schema.grants, now, id="g", handle="h", session="s")
    insert(store, schema.grants, granted | {"expires_at": now + timedelta(hours=1)})
    assert CleanUp(store, clock).run() == 0
    clock.advance(hours=1)
    assert CleanUp(store, clock).run() == 2
    assert keys(store, schema.sessions) == set()


def test_sent_messages_stay_a_week_and_open_ones_for_ever(store, clock):
    now = clock.now()
    for name, done in (("sent", now), ("open", None)):
        row = rows_of(schema.outbox, now, id=name, idempotency_key=name) | {"done_at": done}
        insert(store, schema.outbox, row)
    clock.advance(days=6, hours=23)
    assert CleanUp(store, clock).run() == 0
    clock.advance(hours=1)
    assert CleanUp(store, clock).run() == 1
    assert keys(store, schema.outbox) == {"open"}


def test_more_than_a_batch_goes_in_one_run(store, clock):
    rows = [rows_of(schema.attempts, clock.now(), key=f"k{number}") for number in range(2 * BATCH + 1)]
    insert(store, schema.attempts, *rows)
    assert CleanUp(store, clock).run() == 2 * BATCH + 1
    assert keys(store, schema.attempts, "key") == set()


def test_other_rooms_sweep_along(store, clock, tmp_path):
    state = SqliteState(tmp_path / "state.db", clock)
    state.put("k", "v", timedelta(minutes=1))
    clock.advance(minutes=1)
    assert CleanUp(store, clock, [state.sweep]).run() == 1
    assert state.sweep() == 0


def test_the_record_and_people_are_never_cleaned_up(store, clock):
    for table in (schema.audit, schema.people, schema.methods, schema.subjects, schema.changes):
        lasting = {"ends_at": None} if table is schema.methods else {}
        insert(store, table, rows_of(table, clock.now(), **lasting))
    clock.advance(days=4000)
    assert CleanUp(store, clock).run() == 0


def test_names_leave_the_record_before_the_record_goes(store, clock):
    def recorded() -> list[tuple[int, bool]]:
        with store.read() as connection:
            rows = connection.execute(
                sa.select(schema.audit.c.id, schema.audit.c.personal).order_by(schema.audit.c.id)
            ).all()
        return [(row.id, row.personal is not None) for row in rows]

    insert(
        store,
        schema.audit,
        *(
            rows_of(schema.audit, clock.now() - timedelta(days=days), id=number, personal={"name": "ada"})
            for number, days in enumerate((800, 731, 100, 90, 89), start=1)
        ),
    )
    kept = Retention(record=timedelta(days=730), personal=timedelta(days=90))
    CleanUp(store, clock, retention=lambda: kept).run()
    assert recorded() == [(3, False), (4, False), (5, True)]
    clock.advance(days=1)
    CleanUp(store, clock, retention=lambda: kept).run()
    assert recorded() == [(3, False), (4, False), (5, False)]


def test_a_pass_that_ended_goes_with_its_codes(store, clock):
    for name, end in (("over", clock.now()), ("live", clock.now() + timedelta(seconds=1)), ("lasting", None)):
        insert(store, schema.methods, rows_of(schema.methods, clock.now(), id=name, ends_at=end))
        insert(store, schema.method_codes, {"method": name, "hash": "h", "used_at": None})
    CleanUp(store, clock).run()
    assert keys(store, schema.methods) == keys(store, schema.method_codes, "method") == {"live", "lasting"}
