"""Everything that is known of one person: hand it out, erase it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from idp.audit import AuditLog, Entry, Event
from idp.core.codec import plain
from idp.core.model import Actor, Person
from idp.core.ports import Clock
from idp.desk.people import found, tries
from idp.desk.rights import need_owner
from idp.directory.people import People
from idp.policy.model import Worths
from idp.signin import lockout
from idp.signin.farewell import Farewell
from idp.store import Store, Unit, schema

_WHOSE: sa.BindParameter[str] = sa.bindparam("whose")
# Every table with a column for it: one that is added later is not forgotten.
_OWN = tuple(
    table for table in schema.metadata.sorted_tables if "person" in table.c and table.name != "audit"
)
# These hang on rows of those.
_BEHIND = tuple(
    sa.delete(table).where(
        table.c[column].in_(sa.select(owner.c.id).where(owner.c.person == _WHOSE).scalar_subquery())
    )
    for table, column, owner in (
        (schema.method_codes, "method", schema.methods),
        (schema.push_subscriptions, "device", schema.methods),
        (schema.families, "grant", schema.grants),
        (schema.tokens, "grant", schema.grants),
    )
)
# What opens something, even as a hash, is nobody's to read.
_SECRET = frozenset({"secret", "sealed", "hash", "handle", "browser", "token", "number"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDesk:
    """The desk's verbs for a person's data as a whole."""

    store: Store
    clock: Clock
    people: People
    farewell: Farewell
    worths: Worths
    audit: AuditLog

    def export(self, name: str, *, actor: Actor) -> Mapping[str, Any]:
        """Return all rows about a person by table, without secrets. Raises Refused."""
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            person = found(self.people, unit.connection, name)
            self._record(unit, Event.PERSON_EXPORTED, person, actor, name=person.name)
            rows = {"people": _rows(unit.connection, schema.people, schema.people.c.id, person.id)}
            for table in (*_OWN, schema.audit):
                rows[table.name] = _rows(unit.connection, table, table.c.person, person.id)
        return rows

    def erase(self, name: str, *, actor: Actor) -> Person:
        """Erase a person for good, and end their sessions. Raises Refused.

        The record keeps what happened, under an id that leads to nobody.
        """
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            person = found(self.people, unit.connection, name)
            self.farewell.end_all(unit, person.id, self.clock.now())
            lockout.forget(unit, tries(self.people, unit.connection, person, self.worths))
            for behind in _BEHIND:
                unit.execute(behind, {"whose": person.id})
            for table in _OWN:
                unit.execute(sa.delete(table).where(table.c.person == _WHOSE), {"whose": person.id})
            unit.execute(sa.delete(schema.people).where(schema.people.c.id == _WHOSE), {"whose": person.id})
            unit.execute(
                sa.update(schema.audit).where(schema.audit.c.person == _WHOSE).values(personal=None),
                {"whose": person.id},
            )
            self._record(unit, Event.PERSON_ERASED, person, actor)
        return person

    def _record(self, unit: Unit, event: Event, person: Person, actor: Actor, *, name: str = "") -> None:
        entry = Entry(event=event, person=person.id, name=name, actor=f"{actor.kind}:{actor.id}")
        self.audit.record(unit, entry)


def _rows(
    connection: sa.Connection, table: sa.Table, column: sa.ColumnElement[Any], person: str
) -> list[Mapping[str, Any]]:
    shown = [one for one in table.c if one.name not in _SECRET and not isinstance(one.type, sa.LargeBinary)]
    found_rows = connection.execute(sa.select(*shown).where(column == person)).mappings()
    return [plain(dict(row)) for row in found_rows]
