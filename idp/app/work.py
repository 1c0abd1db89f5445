"""Build the worker with every background job."""

from __future__ import annotations

from datetime import timedelta

from idp.app.ground import open_master
from idp.core.clock import SystemClock
from idp.jobs import CleanUp, Job, Outbox, Schedule, Worker
from idp.keys import Sealer
from idp.settings import Settings
from idp.state import open_state
from idp.store import open_store


def build_worker(settings: Settings) -> Worker:
    """Return the worker with all jobs; call it after the fork."""
    clock, store = SystemClock(), open_store(settings.database)
    state = open_state(settings.state_url, data=settings.data, clock=clock)
    clean_up = CleanUp(store, clock, sweeps=[state.sweep])
    return Worker(
        Schedule(store, clock),
        Outbox(store, Sealer(open_master(settings)), clock),
        jobs=[Job(name="clean-up", every=timedelta(minutes=10), run=clean_up.run)],
        handlers={},
    )
