"""Record events: a row in the unit of work that it belongs to, and a log line once that is durable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from idp.audit.event import Event
from idp.audit.line import Sink, as_line
from idp.core.ports import Clock
from idp.core.result import Result
from idp.store import Unit, schema
from idp.store.prepared import Prepared

_LONGEST_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event. Never holds a secret, a code or a password.

    person and partner are ids. reference is the short one that the person was shown with an
    error. name and address are personal data and kept apart, so that they
    can be erased; name is a known person's user name, not what was typed, which may well be a
    password. detail is plain JSON without personal data. actor is who did it when that is not
    the person ("cli:local"). result is what came of a try or a sign-in, and kept with the detail.
    """

    event: Event
    person: str = ""
    partner: str = ""
    factor: str = ""
    verdict: str = ""
    reason: str = ""
    rules: tuple[str, ...] = ()
    correlation: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    address: str = ""
    actor: str = ""
    reference: str = ""
    result: Result | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which events to find: those that agree with everything that is given.

    person and partner are ids. events are those of which any will do. since is the first moment,
    until the first one afterwards. before is the last event of the page before.
    """

    person: str = ""
    partner: str = ""
    event: str = ""
    events: tuple[str, ...] = ()
    factor: str = ""
    reason: str = ""
    correlation: str = ""
    reference: str = ""
    result: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: Recorded | None = None

    @property
    def by_time_alone(self) -> bool:
        """Say whether nothing but moments is asked for."""
        return not self.events and not any(getattr(self, name) for name in (*_EQUAL, "result"))

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return the conditions on the table's rows."""
        given = {name: value for name in _EQUAL if (value := getattr(self, name))}
        conditions = [_rows[name] == value for name, value in given.items()]
        # Or SQLite would pass over the indexes of what most events don't have.
        conditions += [_rows[name] != _NOTHING for name in given]
        if self.events:
            conditions.append(_rows.event.in_(self.events))
        if self.result:
            # No index: it is one of few words, and most searches say of whom or since when.
            conditions.append(_rows.detail["result"].as_string() == self.result)
        if self.since is not None:
            conditions.append(_rows.at >= self.since)
        if self.until is not None:
            conditions.append(_rows.at < self.until)
        if self.before is not None:
            last = sa.tuple_(sa.literal(self.before.at, _rows.at.type), self.before.id)
            conditions.append(sa.tuple_(*_BY_TIME) < last)
        return conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event as it was recorded. event is a name: a newer version may know more of them.

    name and address are empty when they were erased.
    """

    id: int
    at: datetime
    event: str
    event_id: int
    actor: str
    person: str
    partner: str
    factor: str
    verdict: str
    reason: str
    rules: tuple[str, ...]
    correlation: str
    reference: str
    detail: Mapping[str, Any]
    name: str
    address: str

    @property
    def result(self) -> str:
        """Return what came of it; "" where nothing did, and for what older versions recorded."""
        return str(self.detail.get("result", ""))


_rows = schema.audit.c
_NOTHING = sa.literal_column("''", sa.Text)
_EQUAL = ("person", "partner", "event", "factor", "reason", "correlation", "reference")
# Without RETURNING: nobody needs the number of the row.
_INSERT = Prepared(sa.insert(schema.audit).inline())
_BY_TIME = (_rows.at, _rows.id)
_NEWEST = [column.desc() for column in _BY_TIME]
_PAGE = sa.select(schema.audit).order_by(*_NEWEST)


class AuditLog:
    """Writes and reads the record; watch is told of each event once it is durable."""

    def __init__(self, clock: Clock, sink: Sink, watch: Callable[[Entry], None] | None = None) -> None:
        self._clock = clock
        self._sink = sink
        self._watch = watch

    def record(self, unit: Unit, entry: Entry) -> None:
        """Record an event together with what the unit does; its line follows the commit."""
        at = self._clock.now()
        fields: dict[str, Any] = {
            "event": entry.event.value,
            "event_id": entry.event.number,
            "actor": entry.actor,
            "person": entry.person,
            "partner": entry.partner,
            "factor": entry.factor,
            "verdict": entry.verdict,
            "reason": entry.reason,
            "rules": list(entry.rules),
            "correlation": entry.correlation,
            "reference": entry.reference,
            "detail": {**entry.detail, **({"result": entry.result.value} if entry.result else {})},
        }
        personal = {"name": entry.name, "address": entry.address}
        row = {**fields, "at": at, "personal": personal if any(personal.values()) else None}
        _INSERT.run(unit.connection, row)
        line = as_line({"log": "audit", "at": at.isoformat(), **fields, **personal})
        unit.after_commit(lambda: self._sink(line))
        if self._watch is not None:
            unit.after_commit(partial(self._watch, entry))

    @staticmethod
    def search(
        connection: sa.Connection, wanted: Filter | None = None, *, limit: int = 100
    ) -> tuple[Recorded, ...]:
        """Return events, newest first; at most 1000 at once."""
        wanted, most = wanted or Filter(), max(1, min(limit, _LONGEST_PAGE))
        query = _PAGE.where(*wanted.conditions())
        if wanted.by_time_alone:
            # As part of the text: not knowing how short the page is, PostgreSQL plans each search anew.
            query = query.limit(sa.literal_column(str(most), sa.Integer))
        else:
            # Which index serves hangs on how rare the value is: here a plan for each is worth it.
            query = query.limit(most)
        rows = connection.execute(query)
        return tuple(_recorded(row) for row in rows.mappings())


def _recorded(row: sa.RowMapping) -> Recorded:
    facts = dict(row)
    personal = facts.pop("personal") or {}
    facts["rules"] = tuple(facts["rules"])
    return Recorded(**facts, name=personal.get("name", ""), address=personal.get("address", ""))
