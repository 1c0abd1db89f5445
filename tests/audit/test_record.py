"""The record: rows that commit with what they record, a line each, pages by key."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.audit import AuditLog, Entry, Event, Filter, Result, to_stream
from idp.core.errors import Refused
from idp.store import schema

FULL = Entry(
    event=Event.TOKEN_ISSUED,
    person="i1",
    partner="i2",
    factor="totp",
    verdict="issue",
    reason="",
    rules=("r1", "r2"),
    correlation="K7QW-2MXD",
    detail={"amr": ["pwd", "otp"], "door": "saml"},
    name="ada",
    address="192.0.2.1",
    actor="cli:local",
)


_DENIED = Entry(
    event=Event.TOKEN_DENIED, reason="access", reference="K7QW-2MXD", result=Result.RULE, detail={"rule": "r"}
)


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def log(clock, lines) -> AuditLog:
    return AuditLog(clock, lines.append)


def record(store, log, *entries: Entry) -> None:
    with store.write() as unit:
        for entry in entries:
            log.record(unit, entry)


def search(store, log, *, limit=100, **conditions):
    with store.read() as connection:
        return log.search(connection, Filter(**conditions), limit=limit)


def test_a_row_holds_all_that_was_recorded(store, log, clock):
    record(store, log, FULL)
    [row] = search(store, log)
    assert row.at == clock.now()
    assert (row.event, row.event_id) == ("token-issued", 1200)
    same = ("person", "partner", "factor", "verdict", "reason", "rules", "correlation", "detail")
    for name in (*same, "name", "address", "actor"):
        assert getattr(row, name) == getattr(FULL, name)


def test_the_line_says_the_same(store, log, lines, clock):
    record(store, log, FULL)
    [line] = lines
    assert json.loads(line) == {
        "log": "audit",
        "at": "2026-03-01T12:00:00+00:00",
        "event": "token-issued",
        "event_id": 1200,
        "actor": "cli:local",
        "person": "i1",
        "partner": "i2",
        "factor": "totp",
        "verdict": "issue",
        "reason": "",
        "rules": ["r1", "r2"],
        "correlation": "K7QW-2MXD",
        "reference": "",
        "detail": {"amr": ["pwd", "otp"], "door": "saml"},
        "name": "ada",
        "address": "192.0.2.1",
    }


def test_the_line_comes_after_the_commit(store, log, lines):
    with store.write() as unit:
        log.record(unit, FULL)
        assert lines == []
    assert len(lines) == 1


def test_what_rolls_back_leaves_no_row_and_no_line(store, log, lines):
    with pytest.raises(Refused):
        record_and_fail(store, log)
    assert lines == []
    assert search(store, log) == ()


def record_and_fail(store, log) -> None:
    with store.write() as unit:
        log.record(unit, FULL)
        raise Refused("no")


def test_personal_data_is_in_one_column_only(store, log):
    record(store, log, FULL, Entry(event=Event.KEYS_ROTATED))
    with store.write() as unit:
        full, bare = unit.execute(sa.select(schema.audit)).mappings()
        assert full["personal"] == {"name": "ada", "address": "192.0.2.1"}
        rest = {name: value for name, value in full.items() if name != "personal"}
        assert "ada" not in str(rest)
        assert "192.0.2.1" not in str(rest)
        assert bare["personal"] is None
        unit.execute(sa.update(schema.audit).values(personal=None))
    erased = search(store, log)[1]
    assert (erased.name, erased.address, erased.person) == ("", "", "i1")


def test_events_carry_the_numbers_of_ad_fs():
    numbers = {event.value: event.number for event in Event if event.number}
    assert numbers == {
        "token-issued": 1200,
        "token-denied": 1201,
        "credential-accepted": 1202,
        "credential-refused": 1203,
        "password-changed": 1204,
        "password-reset": 1204,
        "signed-out": 1206,
        "sign-out-failed": 1207,
        "locked": 1210,
        "right-while-locked": 515,
        "loop-stopped": 364,
    }
    assert Event.PARTNER_ADDED.number == 0


def test_search_narrows_by_person_partner_and_time(store, log, clock):
    record(store, log, Entry(event=Event.LOCKED, person="a"), Entry(event=Event.TOKEN_ISSUED, partner="p"))
    clock.advance(hours=1)
    record(store, log, Entry(event=Event.TOKEN_ISSUED, person="a", partner="p"))
    assert [row.event for row in search(store, log, person="a")] == ["token-issued", "locked"]
    assert len(search(store, log, partner="p")) == 2
    assert len(search(store, log, person="a", partner="p")) == 1
    assert len(search(store, log, since=clock.now())) == 1
    assert search(store, log, since=clock.now() + timedelta(microseconds=1)) == ()
    assert search(store, log, person="A") == ()


def test_search_narrows_by_every_other_word_and_by_both_ends_of_a_time(store, log, clock):
    first = clock.now()
    record(store, log, FULL, _DENIED)
    clock.advance(hours=1)
    record(store, log, Entry(event=Event.LOCKED, factor="password"))
    events = {
        "event": ("token-denied", ["token-denied"]),
        "factor": ("totp", ["token-issued"]),
        "reason": ("access", ["token-denied"]),
        "reference": ("K7QW-2MXD", ["token-denied"]),
        "correlation": ("K7QW-2MXD", ["token-issued"]),
        "result": ("rule", ["token-denied"]),
        "until": (clock.now(), ["token-denied", "token-issued"]),
    }
    for name, (value, expected) in events.items():
        assert [row.event for row in search(store, log, **{name: value})] == expected, name
    assert search(store, log, until=first) == ()


def test_a_result_is_in_row_and_line_beside_the_rest_of_the_detail(store, log, lines):
    record(store, log, _DENIED, Entry(event=Event.LOCKED))
    locked, denied = search(store, log)
    assert (denied.result, denied.detail) == ("rule", {"rule": "r", "result": "rule"})
    assert (locked.result, locked.detail) == ("", {})
    assert json.loads(lines[0])["detail"]["result"] == "rule"


def test_pages_follow_the_key_newest_first_and_miss_nothing(store, log):
    record(store, log, *[Entry(event=Event.LOCKED, reason=str(number)) for number in range(25)])
    seen, before = [], None
    while page := search(store, log, limit=10, before=before):
        seen += [int(row.reason) for row in page]
        before = page[-1]
        # What happens meanwhile does not shift the pages.
        record(store, log, Entry(event=Event.LOCKED, reason="1000"))
    assert seen == list(range(24, -1, -1))


@pytest.mark.parametrize(("limit", "count"), [(-5, 1), (0, 1), (2, 2), (10**9, 1000)])
def test_a_page_has_a_sane_size(store, log, limit, count):
    record(store, log, *[Entry(event=Event.LOCKED)] * 1001)
    assert len(search(store, log, limit=limit)) == count


def test_ids_are_never_given_out_again(store, log):
    record(store, log, FULL)
    first = search(store, log)[0].id
    with store.write() as unit:
        unit.execute(sa.delete(schema.audit))
    record(store, log, FULL)
    assert search(store, log)[0].id > first


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text())
def test_no_input_begins_a_line_of_its_own(store, log, lines, text):
    lines.clear()
    record(store, log, Entry(event=Event.CREDENTIAL_REFUSED, name=text, detail={text: text}))
    [line] = lines
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["name"] == text


def test_a_stream_gets_whole_lines(store, clock):
    stream = io.StringIO()
    record(store, AuditLog(clock, to_stream(stream)), FULL, FULL)
    assert [json.loads(line)["event_id"] for line in stream.getvalue().splitlines()] == [1200, 1200]


def test_a_log_that_cannot_be_written_spoils_no_sign_in(store, clock):
    full = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115 - closing it fails too
    record(store, AuditLog(clock, to_stream(full)), FULL)
    with pytest.raises(OSError, match="No space left"):
        full.close()
    assert len(search(store, AuditLog(clock, print))) == 1


@pytest.mark.parametrize(
    "field", ["person", "partner", "event", "factor", "reason", "correlation", "reference"]
)
def test_a_search_looks_at_what_it_finds_only(store, log, field):
    if store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL looks at a short record as a whole")
    sent: list[tuple[str, tuple[object, ...]]] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *given: sent.append((given[2], given[3])))
    with store.read() as connection:
        log.search(connection, Filter(**{field: "x"}))
        statement, parameters = sent[-1]
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert f"ix_audit_{field}" in plan[0][3]
