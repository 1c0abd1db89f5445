"""Workers that are killed: a text arrives once when nobody dies, and at most twice when one does."""

from __future__ import annotations

import re
import threading
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from idp.audit import AuditLog
from idp.channels import Texts
from idp.channels.carriers import Carriers, SetUp
from idp.channels.gateway import HttpSettings
from idp.channels.handing import HandingOver
from idp.core.ports import Clock
from idp.jobs import Outbox, Schedule, Worker
from idp.store import Store, open_store, schema
from tests.channels.conftest import ADMIN
from tests.jobs.conftest import SEALER
from tests.jobs.test_worker import FastClock, run_until
from tests.net.servers import Served, says, serving
from tests.processes import Notes, race

pytestmark = pytest.mark.backends

_ALL_SENT = ~sa.exists().where(schema.outbox.c.done_at.is_(None))
_COUNT = 40


def send_all(number: int, notes: Notes, database: str, clock: Clock, dies: bool) -> None:
    """Send what there is; process 0 may never come to mark its first text as sent."""
    store = open_store(database)
    hand_over = HandingOver(
        "text",
        at_most=2,
        carriers=Carriers(store, SEALER),
        audit=AuditLog(clock, lambda _line: None),
        clock=clock,
        receipts=lambda: "https://login.example.org/channels/receipts",
    )

    def send(message):
        outcome = hand_over(message)
        notes.write(f"{number} {message.id}")
        if dies and number == 0:
            threading.Event().wait()
        return outcome

    outbox = Outbox(store, SEALER, clock)
    run_until(store, Worker(Schedule(store, clock), outbox, [], {"text": send}), _ALL_SENT, seconds=50)


def put(store: Store, clock: Clock, server: Served) -> None:
    settings = HttpSettings(url=f"http://127.0.0.1:{server.port}/?to={{digits}}")
    with store.write() as unit:
        Carriers(store, SEALER).save(
            unit, SetUp(name="a", settings=settings), "", actor=ADMIN, at=clock.now()
        )
        for number in range(_COUNT):
            Texts(Outbox(store, SEALER, clock), clock).send(
                unit,
                number=f"+142555501{number:02}",
                text="x",
                key=str(number),
                expires_at=clock.now() + timedelta(hours=9),
            )


def arrivals(server: Served) -> Counter[bytes]:
    # Whoever is killed in the middle of asking has sent nothing.
    found = (re.search(rb"to=(\d+)", request) for request in server.requests)
    return Counter(one[1] for one in found if one)


def test_four_workers_send_each_text_once(store, database, tmp_path):
    clock, notes = FastClock(1), Notes(tmp_path / "notes")
    with serving(says(b"OK")) as server:
        put(store, clock, server)
        race(send_all, database, clock, False, notes=notes)
    assert set(arrivals(server).values()) == {1}
    assert len(arrivals(server)) == _COUNT


def test_one_killed_between_send_and_mark_sends_only_what_it_had_again(store, database, tmp_path):
    clock, notes = FastClock(20), Notes(tmp_path / "notes")
    with serving(says(b"OK")) as server:
        put(store, clock, server)
        race(send_all, database, clock, True, notes=notes, kill_after=1)
    count = arrivals(server)
    assert len(count) == _COUNT
    assert max(count.values()) == 2
    had = {line.split()[1] for line in notes.lines() if line.startswith("0 ")}
    assert sum(times == 2 for times in count.values()) <= max(4, len(had))
    twice = [number for number, times in count.items() if times == 2]
    keys = {
        re.search(rb"Idempotency-Key: (\S+)", request)[1]
        for request in server.requests
        if any(number in request for number in twice)
    }
    assert len(keys) == len(twice)  # the same key both times
