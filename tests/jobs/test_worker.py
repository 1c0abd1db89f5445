"""The worker: alone, and four of them in processes of which one is killed."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from idp.core.clock import SystemClock
from idp.jobs import Job, Outbox, Schedule, Worker
from idp.store import open_store, schema
from tests.jobs.conftest import SEALER
from tests.processes import Notes, race

_OPEN = schema.outbox.c.done_at.is_(None)
_ALL_SENT = ~sa.exists().where(_OPEN)
_TRIED = schema.outbox.c.done_at.is_not(None) | (schema.outbox.c.error != "")


class FastClock:
    """Time runs faster, so that pauses and leases are real, and short."""

    def __init__(self, speed: float) -> None:
        self._base = time.time()
        self._speed = speed

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._base + (time.time() - self._base) * self._speed, UTC)


def run_until(store, worker, done, *, seconds=30.0) -> None:
    """Run the worker until the query says true."""
    stop = threading.Event()

    def watch() -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with store.read() as connection:
                if connection.execute(sa.select(done)).scalar():
                    break
            time.sleep(0.02)
        stop.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    worker.run(stop)
    watcher.join()


def put(store, outbox, count: int) -> None:
    with store.write() as unit:
        for number in range(count):
            outbox.put(unit, kind="sms", idempotency_key=f"m{number}", payload={"number": str(number)})


def test_messages_are_sent_and_jobs_run(store, outbox, schedule):
    put(store, outbox, 3)
    sent, ran = [], []
    job = Job(name="job", every=timedelta(hours=1), run=lambda: ran.append(1))
    run_until(store, Worker(schedule, outbox, [job], {"sms": sent.append}), _ALL_SENT)
    assert sorted(message.payload["number"] for message in sent) == ["0", "1", "2"]
    assert ran == [1]


@pytest.mark.parametrize("error", [OSError("to +14251234567"), KeyError("code 123456"), SystemExit(3)])
def test_whatever_a_handler_raises_the_others_are_served(store, outbox, schedule, caplog, error):
    put(store, outbox, 3)
    sent = []

    def send(message):
        if message.payload["number"] == "1":
            raise error
        sent.append(message.payload["number"])

    def fail():
        raise error

    tried = sa.select(sa.func.count() == 3).where(_TRIED).scalar_subquery()
    job = Job(name="job", every=timedelta(hours=1), run=fail)
    run_until(store, Worker(schedule, outbox, [job], {"sms": send}), tried)
    assert sorted(sent) == ["0", "2"]
    with store.read() as connection:
        failed = connection.execute(sa.select(schema.outbox).where(schema.outbox.c.error != "")).one()
        recorded = connection.execute(sa.select(schema.schedule.c.error)).scalar_one()
    assert failed.error == recorded == type(error).__name__
    assert failed.sealed is not None
    assert len(caplog.messages) == 2
    assert "test_worker.py" in caplog.text
    # An error's text may quote what was sent.
    assert "1425" not in caplog.text
    assert "123456" not in caplog.text


def test_a_damaged_message_does_not_stop_the_others(store, outbox, schedule):
    put(store, outbox, 2)
    with store.write() as unit:
        damaged = schema.outbox.c.idempotency_key == "m0"
        unit.execute(sa.update(schema.outbox).where(damaged).values(sealed=b"garbage"))
    sent = []
    other = sa.exists().where(schema.outbox.c.idempotency_key == "m1", schema.outbox.c.done_at.is_not(None))
    run_until(store, Worker(schedule, outbox, [], {"sms": sent.append}), other)
    assert [message.idempotency_key for message in sent] == ["m1"]


def test_it_stops_when_told_and_does_nothing_more(store, outbox, schedule):
    put(store, outbox, 1)
    stop = threading.Event()
    stop.set()
    sent = []
    Worker(schedule, outbox, [], {"sms": sent.append}).run(stop)
    assert sent == []


def test_a_slow_message_holds_up_neither_its_kind_nor_others_nor_jobs(store, outbox, schedule):
    put(store, outbox, 2)
    with store.write() as unit:
        outbox.put(unit, kind="mail", idempotency_key="mail", payload={"number": "mail"})
    others, done = threading.Barrier(4, timeout=10), []

    def send(message):
        others.wait()  # three messages and a job are under way at once, or this never passes
        done.append(message.payload["number"])

    job = Job(name="job", every=timedelta(hours=1), run=others.wait)
    run_until(store, Worker(schedule, outbox, [job], {"sms": send, "mail": send}), _ALL_SENT)
    assert sorted(done) == ["0", "1", "mail"]


def test_a_message_leaves_within_two_seconds(store, schedule):
    outbox, left = Outbox(store, SEALER, SystemClock()), []
    stop = threading.Event()
    worker = Worker(schedule, outbox, [], {"sms": lambda _message: left.append(time.monotonic())})
    running = threading.Thread(target=worker.run, args=(stop,))
    running.start()
    time.sleep(0.7)
    begun = time.monotonic()
    put(store, outbox, 1)
    while not left and time.monotonic() < begun + 10:
        time.sleep(0.01)
    stop.set()
    running.join()
    assert left[0] - begun < 2


# Four processes -----------------------------------------------------------------------------
def send_all(number: int, notes: Notes, database: str, clock: FastClock) -> None:
    """Send what there is; every fifth message fails once."""
    store = open_store(database)
    outbox = Outbox(store, SEALER, clock)

    def send(message) -> None:
        if int(message.payload["number"]) % 5 == 0 and message.tries == 1:
            raise OSError
        notes.write(f"{number} {message.idempotency_key}")

    run_until(store, Worker(Schedule(store, clock), outbox, [], {"sms": send}), _ALL_SENT)


def test_four_workers_send_each_message_exactly_once(store, database, tmp_path):
    clock, notes = FastClock(10), Notes(tmp_path / "notes")
    put(store, Outbox(store, SEALER, clock), 60)
    race(send_all, database, clock, notes=notes)
    sent = [line.split()[1] for line in notes.lines()]
    assert sorted(sent) == sorted(f"m{number}" for number in range(60))
    with store.read() as connection:
        tries = connection.execute(sa.select(sa.func.sum(schema.outbox.c.tries))).scalar_one()
    assert tries == 60 + 12


def send_or_stick(number: int, notes: Notes, database: str) -> None:
    """Send until only what process 0 has is left: it never comes back from its first sendings."""
    store = open_store(database)
    outbox = Outbox(store, SEALER, SystemClock())

    def send(message) -> None:
        notes.write(f"{number} {message.idempotency_key}")
        if number == 0:
            threading.Event().wait()

    rest_sent = ~sa.exists().where(_OPEN, schema.outbox.c.leased_until.is_(None))
    run_until(store, Worker(Schedule(store, SystemClock()), outbox, [], {"sms": send}), rest_sent)


def test_one_killed_between_send_and_mark_sends_only_what_it_had_again(store, database, tmp_path):
    notes, now = Notes(tmp_path / "notes"), SystemClock().now()
    put(store, Outbox(store, SEALER, SystemClock()), 60)
    race(send_or_stick, database, notes=notes, kill_after=1)
    keys = [line.split()[1] for line in notes.lines()]
    with store.read() as connection:
        stuck = sorted(connection.execute(sa.select(schema.outbox.c.idempotency_key).where(_OPEN)).scalars())
    # It may have been killed with a lease whose sending had not begun.
    assert {line.split()[1] for line in notes.lines() if line.startswith("0 ")} <= set(stuck)
    assert len(keys) == len(set(keys))
    assert {*keys, *stuck} == {f"m{number}" for number in range(60)}
    # Nobody has it until the lease of the dead one ends; then it comes with the same key.
    later = Outbox(store, SEALER, FixedClock(now + timedelta(seconds=30)))
    assert later.lease(["sms"]) is None
    after = Outbox(store, SEALER, FixedClock(now + timedelta(minutes=10)))
    again = [after.lease(["sms"]) for _ in stuck]
    assert sorted((one.idempotency_key, one.tries) for one in again) == [(key, 2) for key in stuck]
    assert [after.open(one).unsure for one in again] == [1] * len(stuck)
    assert after.lease(["sms"]) is None


class FixedClock:
    """Always the same time."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at


def run_often(number: int, notes: Notes, database: str, clock: FastClock) -> None:
    """Note when the schedule gave out each turn."""
    store = open_store(database)
    stop = threading.Event()

    def run() -> None:
        with store.read() as connection:
            at = connection.execute(sa.select(schema.schedule.c.last_at)).scalar_one()
        notes.write(f"turn {at.timestamp()}")

    job = Job(name="job", every=timedelta(seconds=30), run=run, lease=timedelta(seconds=40))
    notes.write(f"{number} started")
    threading.Timer(2.0, stop.set).start()
    Worker(Schedule(store, clock), Outbox(store, SEALER, clock), [job], {}).run(stop)


def test_a_periodic_job_never_runs_closer_than_its_interval(database, tmp_path):
    notes = Notes(tmp_path / "notes")
    race(run_often, database, FastClock(100), notes=notes, kill_after=1)
    turns = sorted(float(line.split()[1]) for line in notes.lines() if line.startswith("turn"))
    gaps = [later - earlier for earlier, later in pairwise(turns)]
    assert len(turns) >= 3
    assert min(gaps) >= 30
