"""Jobs: an outbox and a leased schedule in the database, and the worker that does them."""

from idp.jobs.cleanup import CleanUp, Retention
from idp.jobs.outbox import LEASE, TRIES, Message, Outbox, Outcome, Waiting, pause
from idp.jobs.schedule import Job, Schedule
from idp.jobs.worker import Handler, Worker

__all__ = [
    "LEASE",
    "TRIES",
    "CleanUp",
    "Handler",
    "Job",
    "Message",
    "Outbox",
    "Outcome",
    "Retention",
    "Schedule",
    "Waiting",
    "Worker",
    "pause",
]
