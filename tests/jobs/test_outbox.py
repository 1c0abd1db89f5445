"""The outbox: sealed, once per idempotency key, leased, retried ever later, erased when sent."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from idp.core.errors import Refused
from idp.jobs.outbox import LEASE, TRIES, Outcome
from idp.store import schema

KINDS = ("sms",)
SENT = Outcome()
FAILED = Outcome(error="OSError", again=True)


def put(store, outbox, key="key-1", kind="sms", **payload) -> bool:
    with store.write() as unit:
        return outbox.put(unit, kind=kind, idempotency_key=key, payload=payload or {"to": "+14251234567"})


def row(store):
    with store.read() as connection:
        return connection.execute(sa.select(schema.outbox)).one()


def test_a_message_comes_out_as_it_went_in(store, outbox):
    assert put(store, outbox, to="+14251234567", text="Code ١٢٣") is True
    assert outbox.waiting(KINDS)
    message = outbox.open(outbox.lease(KINDS))
    assert message.payload == {"to": "+14251234567", "text": "Code ١٢٣"}
    assert (message.kind, message.idempotency_key, message.tries) == ("sms", "key-1", 1)
    assert "1425" not in repr(message)


def test_the_payload_is_sealed_and_erased_when_sent(store, outbox, clock):
    put(store, outbox)
    assert b"1425" not in row(store).sealed
    outbox.settle(outbox.lease(KINDS), SENT)
    done = row(store)
    assert (done.sealed, done.done_at, done.error) == (None, clock.now(), "")
    assert not outbox.waiting(KINDS)
    assert outbox.lease(KINDS) is None


def test_the_same_idempotency_key_goes_in_once_even_after_it_was_sent(store, outbox):
    assert put(store, outbox) is True
    assert put(store, outbox, to="other") is False
    outbox.settle(outbox.lease(KINDS), SENT)
    assert put(store, outbox) is False
    assert put(store, outbox, key="key-2") is True


def test_a_step_that_rolls_back_sends_nothing(store, outbox):
    with pytest.raises(Refused):
        put_and_fail(store, outbox)
    assert not outbox.waiting(KINDS)


def put_and_fail(store, outbox) -> None:
    with store.write() as unit:
        outbox.put(unit, kind="sms", idempotency_key="key-1", payload={})
        raise Refused("no")


def test_a_leased_message_is_nobody_elses_until_the_lease_ends(store, outbox, clock):
    put(store, outbox)
    first = outbox.lease(KINDS)
    assert outbox.lease(KINDS) is None
    clock.advance(seconds=LEASE.total_seconds() - 1)
    assert not outbox.waiting(KINDS)
    clock.advance(seconds=1)
    again = outbox.lease(KINDS)
    assert (again.id, again.idempotency_key, again.tries) == (first.id, first.idempotency_key, 2)


def test_who_lost_the_lease_changes_nothing(store, outbox, clock):
    put(store, outbox)
    late = outbox.lease(KINDS)
    clock.advance(seconds=LEASE.total_seconds())
    outbox.lease(KINDS)
    before = row(store)
    outbox.settle(late, SENT)
    outbox.settle(late, FAILED)
    assert row(store) == before


def test_a_failure_is_tried_again_twice_as_late_each_time_up_to_an_hour(store, outbox, clock):
    put(store, outbox)
    pauses = []
    while leased := outbox.lease(KINDS):
        outbox.settle(leased, FAILED)
        pauses.append(row(store).due_at - clock.now())
        if leased.tries == TRIES:
            break
        clock.advance(seconds=pauses[-1].total_seconds() - 1)
        assert not outbox.waiting(KINDS)
        clock.advance(seconds=1)
    assert [pause.total_seconds() for pause in pauses[:4]] == [5, 10, 20, 40]
    assert max(pauses) == timedelta(hours=1)
    given_up = row(store)
    assert (given_up.sealed, given_up.error, given_up.tries) == (None, "OSError", TRIES)
    assert given_up.done_at == clock.now()
    clock.advance(days=1)
    assert not outbox.waiting(KINDS)


def test_what_failed_for_good_is_erased_at_once(store, outbox):
    put(store, outbox)
    outbox.settle(outbox.lease(KINDS), Outcome(error="refused"))
    assert (row(store).sealed, row(store).error) == (None, "refused")


def test_it_is_known_how_often_a_message_may_have_been_sent_already(store, outbox, clock):
    put(store, outbox)
    earlier = []
    for outcome in (FAILED, Outcome(error="timeout", again=True, unsure=True), None, FAILED, SENT):
        leased = outbox.lease(KINDS)
        earlier.append(outbox.open(leased).unsure)
        if outcome is not None:  # else its worker died
            outbox.settle(leased, outcome)
        clock.advance(hours=1)
    assert earlier == [0, 0, 1, 2, 2]


def test_the_handlers_record_is_written_with_the_mark(store, outbox):
    put(store, outbox)
    leased = outbox.lease(KINDS)

    def note(unit) -> None:
        unit.execute(sa.insert(schema.settings), {"key": "k", "value": 1})
        raise Refused("no")

    with pytest.raises(Refused):
        outbox.settle(leased, Outcome(note=note))
    assert row(store).done_at is None
    with store.read() as connection:
        assert connection.execute(sa.select(schema.settings)).all() == []


def test_a_kind_that_this_worker_does_not_know_is_left_for_another(store, outbox):
    put(store, outbox, key="a", kind="fax")
    put(store, outbox, key="b", kind="sms")
    assert outbox.lease(KINDS).idempotency_key == "b"
    assert outbox.lease(KINDS) is None
    assert outbox.lease(()) is None
    assert outbox.lease(("fax", "sms")).idempotency_key == "a"


def test_who_waited_longest_goes_first(store, outbox, clock):
    for key in ("first", "second", "third"):
        put(store, outbox, key=key)
        clock.advance(seconds=1)
    assert [outbox.lease(KINDS).idempotency_key for _ in range(3)] == ["first", "second", "third"]


def test_a_payload_moved_to_another_message_does_not_open(store, outbox):
    put(store, outbox, key="a")
    put(store, outbox, key="b")
    with store.write() as unit:
        sealed = unit.execute(
            sa.select(schema.outbox.c.sealed).where(schema.outbox.c.idempotency_key == "a")
        ).scalar_one()
        unit.execute(sa.update(schema.outbox).values(sealed=sealed))
    opened, refused = 0, 0
    while leased := outbox.lease(KINDS):
        try:
            outbox.open(leased)
            opened += 1
        except Refused:
            refused += 1
    assert (opened, refused) == (1, 1)


@pytest.mark.backends("sqlite")
def test_the_search_for_work_uses_its_index(store):
    with store.read() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT id FROM outbox WHERE done_at IS NULL AND due_at <= 5 ORDER BY due_at"
        ).all()
    assert any("ix_outbox_open" in step.detail for step in plan)
    assert not any("TEMP B-TREE" in step.detail for step in plan)
