"""The schedule: one turn per interval, leased, whoever asks."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from idp.jobs import Job, Schedule
from idp.store import schema

HOURLY = Job(name="hourly", every=timedelta(hours=1), run=lambda: None, lease=timedelta(minutes=10))
QUICK = Job(name="quick", every=timedelta(minutes=1), run=lambda: None, lease=timedelta(minutes=10))


def test_a_new_job_is_due_at_once_and_then_after_its_interval(schedule, clock):
    schedule.register([HOURLY])
    assert schedule.due([HOURLY]) == [HOURLY]
    schedule.finish(schedule.take(HOURLY))
    clock.advance(minutes=59, seconds=59)
    assert schedule.due([HOURLY]) == []
    assert schedule.take(HOURLY) is None
    clock.advance(seconds=1)
    assert schedule.due([HOURLY]) == [HOURLY]
    assert schedule.take(HOURLY) is not None


def test_registering_again_does_not_make_it_due(schedule, clock, store):
    schedule.register([HOURLY])
    schedule.finish(schedule.take(HOURLY))
    Schedule(store, clock).register([HOURLY, QUICK])
    assert schedule.due([HOURLY, QUICK]) == [QUICK]


def test_a_job_that_is_running_is_not_started_by_another(schedule, clock):
    schedule.register([QUICK])
    turn = schedule.take(QUICK)
    clock.advance(minutes=5)
    assert schedule.take(QUICK) is None
    schedule.finish(turn)
    assert schedule.take(QUICK) is not None


def test_the_turn_of_one_that_died_is_taken_over_when_its_lease_ends(schedule, clock):
    schedule.register([QUICK])
    dead = schedule.take(QUICK)
    clock.advance(minutes=10)
    alive = schedule.take(QUICK)
    assert alive is not None
    schedule.finish(dead, error="Late")
    clock.advance(minutes=2)
    assert schedule.take(QUICK) is None, "the dead one's turn must not free the living one's"


def test_a_job_missed_for_long_runs_once(schedule, clock):
    schedule.register([HOURLY])
    clock.advance(days=7)
    schedule.finish(schedule.take(HOURLY))
    assert schedule.take(HOURLY) is None


def test_the_last_failure_is_on_record_until_it_works_again(schedule, clock, store):
    schedule.register([HOURLY])
    recorded = []
    for error in ("OSError", ""):
        schedule.finish(schedule.take(HOURLY), error=error)
        with store.read() as connection:
            row = connection.execute(sa.select(schema.schedule)).one()
        recorded.append((row.error, row.last_at == clock.now(), row.leased_until))
        clock.advance(hours=1)
    assert recorded == [("OSError", True, None), ("", True, None)]


def test_a_job_that_is_not_registered_has_no_turn(schedule):
    assert schedule.due([HOURLY]) == []
    assert schedule.take(HOURLY) is None
