"""The worker: runs periodic jobs when they are due and sends what is in the outbox."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from idp.core.errors import Unavailable
from idp.jobs.outbox import Leased, Message, Outbox, Outcome
from idp.jobs.schedule import Job, Schedule, Turn

# Sends one message. Returns what came of it (None: it was sent); what raises is tried again.
Handler = Callable[[Message], Outcome | None]

_IDLE = 0.5  # seconds between two looks
_AWAY = 2.0  # seconds, when there is no database
_ABREAST = 4  # messages of one kind at a time: a slow one does not hold up the others
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What is under way, and how to record its end."""

    what: str
    end: Callable[[Future[Any]], None]


class Worker:
    """Looks for work and has it done in threads; any number of workers share the work.

    Whatever a job or handler raises is recorded by its kind, and costs nothing but its turn.
    """

    def __init__(
        self, schedule: Schedule, outbox: Outbox, jobs: Sequence[Job], handlers: Mapping[str, Handler]
    ) -> None:
        self._schedule = schedule
        self._outbox = outbox
        self._jobs = jobs
        self._handlers = handlers
        self._running: dict[Future[Any], _Task] = {}

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; what is being done then is finished first."""
        self._schedule.register(self._jobs)
        most = len(self._jobs) + _ABREAST * len(self._handlers)
        # Work runs behind this seam: its failure comes back as a value, and the loop goes on.
        with ThreadPoolExecutor(most or 1, thread_name_prefix="work") as pool:
            while not stop.is_set():
                try:
                    self._step(pool, stop)
                except Unavailable as away:
                    _log.error("the worker waits for its database: %s", away.detail)
                    stop.wait(_AWAY)
            wait(self._running)
            with suppress(Unavailable):
                self._settle()

    def _step(self, pool: ThreadPoolExecutor, stop: threading.Event) -> None:
        begun = self._begin_jobs(pool)
        begun = self._begin_message(pool) or begun
        if not begun:
            self._pause(stop)
        self._settle()

    def _begin_jobs(self, pool: ThreadPoolExecutor) -> bool:
        begun = False
        for job in self._schedule.due([job for job in self._jobs if not self._under_way(job.name)]):
            turn = self._schedule.take(job)
            if turn is not None:
                future = pool.submit(job.run)
                self._running[future] = _Task(what=job.name, end=partial(self._finish, turn))
                begun = True
        return begun

    def _begin_message(self, pool: ThreadPoolExecutor) -> bool:
        kinds = [kind for kind in self._handlers if self._under_way(kind) < _ABREAST]
        leased = self._outbox.lease(kinds) if kinds and self._outbox.waiting(kinds) else None
        if leased is None:
            return False
        future = pool.submit(self._send, leased)
        self._running[future] = _Task(what=leased.kind, end=partial(self._mark, leased))
        return True

    def _under_way(self, what: str) -> int:
        return sum(task.what == what for task in self._running.values())

    def _pause(self, stop: threading.Event) -> None:
        if self._running:
            wait(self._running, timeout=_IDLE, return_when=FIRST_COMPLETED)
        else:
            stop.wait(_IDLE)

    def _settle(self) -> None:
        for future in [future for future in self._running if future.done()]:
            # Forgotten once it is on record: if it can't be now, the next look tries again.
            self._running[future].end(future)
            del self._running[future]

    def _send(self, leased: Leased) -> Outcome | None:
        return self._handlers[leased.kind](self._outbox.open(leased))

    def _finish(self, turn: Turn, ended: Future[object]) -> None:
        self._schedule.finish(turn, error=_named(ended.exception(), turn.name))

    def _mark(self, leased: Leased, ended: Future[Outcome | None]) -> None:
        error = ended.exception()
        if error is None:
            outcome = ended.result() or Outcome()
        else:
            outcome = Outcome(error=_named(error, leased.kind), again=True, unsure=True)
        self._outbox.settle(leased, outcome)


def _named(error: BaseException | None, what: str) -> str:
    """Return the error's kind, empty for none, and log where it arose.

    Its text stays out of both: it may quote the message, and so a code or a number.
    """
    if error is None:
        return ""
    kind = type(error).__name__
    where = traceback.extract_tb(error.__traceback__)[-1]
    _log.error("%s failed: %s at %s:%s", what, kind, where.filename, where.lineno)
    return kind
