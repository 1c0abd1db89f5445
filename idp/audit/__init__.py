"""Audit: the append-only record of who proved what to whom."""

from idp.audit.event import Event
from idp.audit.line import Sink, to_stream
from idp.audit.record import AuditLog, Entry, Filter, Recorded
from idp.core.result import Result

__all__ = ["AuditLog", "Entry", "Event", "Filter", "Recorded", "Result", "Sink", "to_stream"]
