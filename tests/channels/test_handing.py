"""The worker's side: which carrier takes a message, how often, until when, and what is recorded."""

from __future__ import annotations

import logging
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from idp.channels.carriers import Carriers, SetUp
from idp.channels.deliveries import Status
from idp.channels.gateway import HttpGateway, HttpSettings
from idp.core.ports import Handover, Taken
from idp.keys import MasterKey, Sealer
from idp.net import Bounds
from idp.store import schema
from tests.channels.carrying import silent
from tests.channels.conftest import ADMIN, NUMBER, SECRET
from tests.net.servers import says, serving

pytestmark = pytest.mark.backends

OK = says(b'{"id": "g-1"}')
BUSY = says(status="503 Service Unavailable")
NO = says(status="400 Bad Request")


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch) -> None:
    monkeypatch.setattr("idp.channels.gateway.BOUNDS", Bounds(seconds=1))


def gateway(name: str, server, **more) -> SetUp:
    settings = HttpSettings(
        url=f"http://127.0.0.1:{server.port}/",
        headers={"X-Key": "{secret}"},
        json='{"to": "{number}", "text": "{text}", "report": "{receipt}"}',
        reference="id",
    )
    return SetUp(name=name, settings=settings, **more)


@contextmanager
def two(office, first, second):
    with serving(first) as a, serving(second) as b:
        office.add(gateway("a", a), gateway("b", b), secret=SECRET)
        yield a, b


def keys(server) -> set[bytes]:
    return {line for request in server.requests for line in request.split(b"\r\n") if b"Idempotency" in line}


# Which carrier ----------------------------------------------------------------------------------
def test_the_first_that_takes_it_is_the_last_that_is_asked(office):
    with two(office, OK, OK) as (a, b):
        delivery = office.text()
        assert office.step().error == ""
    assert (len(a.requests), len(b.requests)) == (1, 0)
    known = office.delivery(delivery)
    assert (known.status, known.carrier, known.reference) == (Status.ACCEPTED, "a", "g-1")
    assert office.step() is None


@pytest.mark.parametrize("first", [BUSY, NO], ids=["busy", "no"])
def test_another_takes_it_at_once(office, first):
    with two(office, first, OK) as (a, b):
        delivery = office.text()
        assert office.step().error == ""
    assert (len(a.requests), len(b.requests)) == (1, 1)
    assert office.delivery(delivery).carrier == "b"


def test_one_that_failed_is_asked_last_for_a_while(office):
    with two(office, BUSY, OK) as (a, b):
        for key in ("1", "2"):
            office.text(key=key)
            office.step()
        assert (len(a.requests), len(b.requests)) == (1, 2)
        office.clock.advance(seconds=31)
        office.text(key="3")
        office.step()
    assert (len(a.requests), len(b.requests)) == (2, 3)


def test_carriers_that_keep_us_waiting_do_not_outlast_the_lease(office, monkeypatch):
    asked = []

    def slow(carrier, parcel):
        asked.append(carrier.name)
        office.clock.advance(seconds=11)
        return Handover(taken=Taken.NOT_NOW, reason="timeout")

    monkeypatch.setattr(HttpGateway, "send", slow)
    with serving(OK) as server:
        office.add(*(gateway(name, server) for name in "abcd"), secret=SECRET)
    office.text()
    assert office.step().again
    assert asked == ["a", "b"]
    # Those that were not asked come first next time.
    office.clock.advance(seconds=5)
    office.step()
    assert asked == ["a", "b", "c", "d"]


def test_the_operators_order_counts(office):
    with two(office, OK, OK) as (a, b):
        with office.store.write() as unit:
            office.carriers.reorder(unit, ["b", "a"], actor=ADMIN, at=office.clock.now())
        office.text()
        office.step()
    assert (len(a.requests), len(b.requests)) == (0, 1)


def test_a_carrier_gets_the_numbers_it_is_for(office):
    with serving(OK) as british, serving(OK) as all_others:
        office.add(gateway("british", british, prefixes=("+44",)), gateway("all", all_others), secret=SECRET)
        for key, number in (("1", "+447700900123"), ("2", NUMBER)):
            office.text(key=key, to=number)
            office.step()
    assert (len(british.requests), len(all_others.requests)) == (1, 1)
    assert b"+4477" in british.requests[0]


def test_a_message_for_one_carrier_goes_to_no_other(office):
    with two(office, BUSY, OK) as (a, b):
        office.text(carrier="a")
        assert office.step().again
    assert (len(a.requests), len(b.requests)) == (1, 0)


def test_texts_do_not_go_to_mail_servers(office):
    with serving(OK) as server:
        office.add(gateway("a", server), secret=SECRET)
        office.mail()
        assert office.step("mail").error == "no carrier"
    assert server.requests == []


def test_an_id_that_no_database_takes_costs_no_message(office):
    with serving(says(b'{"id": "g\\u0000\\ud800-1\\n"}')) as server:
        office.add(gateway("a", server), secret=SECRET)
        delivery = office.text()
        assert office.step().error == ""
    assert office.delivery(delivery).reference == "g-1"


# Until when -------------------------------------------------------------------------------------
def test_it_is_tried_again_later_and_never_after_its_time(office):
    with serving(BUSY) as server:
        office.add(gateway("a", server), secret=SECRET)
        delivery, tries = office.text(minutes=1), 0
        for _ in range(200):
            tries += office.step() is not None
            office.clock.advance(seconds=1)
    assert tries == len(server.requests) == 4  # after 0, 5, 15 and 35 seconds; 75 would be too late
    known = office.delivery(delivery)
    assert (known.status, known.reason) == (Status.FAILED, "HTTP 503")


def test_what_waited_too_long_is_not_sent(office):
    with serving(OK) as server:
        office.add(gateway("a", server), secret=SECRET)
        delivery = office.text(minutes=5)
        office.clock.advance(minutes=5)
        assert office.step().error == "expired"
    assert server.requests == []
    assert office.delivery(delivery).status is Status.FAILED
    assert [event["reason"] for event in office.events()] == ["expired"]


def test_without_a_carrier_it_waits_for_one(office):
    delivery = office.text()
    assert office.step().again
    assert (office.delivery(delivery).status, office.delivery(delivery).reason) == (
        Status.WAITING,
        "no carrier",
    )
    with serving(OK) as server:
        office.add(gateway("a", server), secret=SECRET)
        office.clock.advance(seconds=5)
        office.step()
    assert (office.delivery(delivery).status, office.delivery(delivery).reason) == (Status.ACCEPTED, "")


def test_when_all_say_no_for_good_nobody_is_asked_again(office):
    with two(office, NO, NO):
        delivery = office.text()
        outcome = office.step()
    assert (outcome.error, outcome.again) == ("HTTP 400", False)
    assert office.delivery(delivery).status is Status.FAILED


# How often --------------------------------------------------------------------------------------
def test_who_does_not_answer_may_have_sent_it_and_another_is_asked_once(office):
    with two(office, silent, OK) as (a, b):
        office.text()
        outcome = office.step()
        assert (outcome.error, outcome.unsure, outcome.at_once) == ("timeout", True, True)
        assert len(b.requests) == 0
        assert office.step().error == ""
    assert (len(a.requests), len(b.requests)) == (1, 1)


def test_after_two_that_may_have_sent_it_there_is_no_third(office):
    with two(office, silent, silent) as (a, b):
        delivery = office.text()
        for _ in range(60):
            office.step()
            office.clock.advance(seconds=1)
    assert (len(a.requests), len(b.requests)) == (1, 1)
    known = office.delivery(delivery)
    assert (known.status, known.reason) == (Status.FAILED, "perhaps sent")


def test_a_worker_that_died_while_sending_counts_as_sent_perhaps(office):
    with serving(OK) as server:
        office.add(gateway("a", server), secret=SECRET)
        office.text(minutes=60)
        for _ in range(2):
            leased = office.outbox.lease(["text"])
            office.handlers["text"](office.outbox.open(leased))  # and it dies before it marks it
            office.clock.advance(minutes=2)
        assert office.step().error == "perhaps sent"
        assert office.step() is None
    assert len(server.requests) == 2
    assert len(keys(server)) == 1  # so that the gateway may know it for the same


def test_certain_failures_do_not_count_as_sent(office):
    with serving(BUSY) as server:
        office.add(gateway("a", server), secret=SECRET)
        office.text(minutes=5)
        for _ in range(3):
            office.step()
            office.clock.advance(minutes=1)
    assert len(server.requests) == 3


# What is recorded -------------------------------------------------------------------------------
def test_the_audit_says_who_took_it_and_who_did_not(office):
    with two(office, BUSY, OK):
        delivery = office.text()
        office.step()
    [event] = office.events()
    assert (event["event"], event["person"], event["actor"]) == (
        "delivery-accepted",
        "i-ada",
        "system:worker",
    )
    assert event["detail"] == {
        "delivery": delivery,
        "kind": "text",
        "carrier": "b",
        "refused": {"a": "HTTP 503"},
    }


def test_case_57_nothing_of_a_message_is_written_down(office, caplog):
    caplog.set_level(logging.DEBUG)
    quoting = says(b'{"error": "cannot send 471193 to +14255550123"}', status="503 Busy")
    with two(office, quoting, silent):
        office.text(minutes=1)
        for _ in range(90):
            office.step()
            office.clock.advance(seconds=1)
    with office.store.read() as connection:
        rows = [connection.execute(sa.select(table)).all() for table in schema.metadata.tables.values()]
    written = "\n".join((str(rows), *office.log, caplog.text))
    assert "HTTP 503" in written
    for secret in ("471193", "4255550123", SECRET):
        assert secret not in written


def test_a_carrier_whose_secret_cannot_be_read_costs_no_message(office):
    with serving(OK) as server:
        office.add(gateway("a", server), secret=SECRET)
        office.carriers._sealer, right = Sealer(MasterKey(b"x" * 32)), office.carriers._sealer
        delivery = office.text()
        assert (office.step().error, office.delivery(delivery).status) == (
            "secret unreadable",
            Status.WAITING,
        )
        office.carriers._sealer = right
        office.clock.advance(seconds=5)
        assert office.step().error == ""
    assert len(server.requests) == 1


def test_a_change_reaches_a_running_worker(office):
    other_process = Carriers(office.store, office.carriers._sealer)
    with two(office, OK, OK):
        assert [each.carrier.name for each in office.carriers.ready()] == ["a", "b"]
        with office.store.write() as unit:
            other_process.remove(unit, "a", actor=ADMIN, at=office.clock.now())
        assert [each.carrier.name for each in office.carriers.ready()] == ["b"]
