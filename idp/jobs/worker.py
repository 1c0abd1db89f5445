"""The worker: runs periodic jobs when they are due and sends what is in the outbox."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from idp.jobs.outbox import Leased, Message, Outbox
from idp.jobs.schedule import Job, Schedule

Handler = Callable[[Message], None]  # sends one message; raises when it could not

_IDLE = 0.5  # seconds between two looks
_log = logging.getLogger(__name__)


class Worker:
    """Does one thing at a time; any number of workers share the work.

    Whatever a job or handler raises is recorded by its kind, and costs nothing but its turn.
    """

    def __init__(
        self, schedule: Schedule, outbox: Outbox, jobs: Sequence[Job], handlers: Mapping[str, Handler]
    ) -> None:
        self._schedule = schedule
        self._outbox = outbox
        self._jobs = jobs
        self._handlers = handlers

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; what is being done then is finished first."""
        self._schedule.register(self._jobs)
        # A job runs behind this seam: its failure comes back as a value, and the loop goes on.
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="job") as executor:
            while not stop.is_set():
                worked = self._run_due(executor)
                worked = self._send_next(executor) or worked
                if not worked:
                    stop.wait(_IDLE)

    def _run_due(self, executor: ThreadPoolExecutor) -> bool:
        worked = False
        for job in self._schedule.due(self._jobs):
            turn = self._schedule.take(job)
            if turn is not None:
                error = executor.submit(job.run).exception()
                self._schedule.finish(turn, error=_named(error, job.name))
                worked = True
        return worked

    def _send_next(self, executor: ThreadPoolExecutor) -> bool:
        kinds = tuple(self._handlers)
        leased = self._outbox.lease(kinds) if self._outbox.waiting(kinds) else None
        if leased is None:
            return False
        error = executor.submit(self._send, leased).exception()
        if error is None:
            self._outbox.sent(leased)
        else:
            self._outbox.failed(leased, error=_named(error, leased.kind))
        return True

    def _send(self, leased: Leased) -> None:
        self._handlers[leased.kind](self._outbox.open(leased))


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
