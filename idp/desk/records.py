"""What may be done with the audit record: search it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from idp.audit import AuditLog, Recorded
from idp.core.model import Actor
from idp.desk.people import found
from idp.desk.rights import need_owner
from idp.directory.people import People
from idp.partners.registry import Partners
from idp.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event, with the names that its ids have today ("" when there is none)."""

    recorded: Recorded
    person: str
    partner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDesk:
    """The desk's verbs for the record."""

    store: Store
    people: People
    partners: Partners
    audit: AuditLog

    def search(
        self,
        *,
        person: str = "",
        partner: str = "",
        since: datetime | None = None,
        limit: int = 100,
        actor: Actor,
    ) -> tuple[Told, ...]:
        """Return the newest events, of a person (user name) or partner (id or identifier).

        A partner that was removed is found by its id. Raises Refused when the person is unknown.
        """
        need_owner(actor)
        with self.store.read() as connection:
            recorded = self.audit.search(
                connection,
                person=found(self.people, connection, person).id if person else None,
                partner=self._partner_id(connection, partner) if partner else None,
                since=since,
                limit=limit,
            )
            return self._told(connection, recorded)

    def _partner_id(self, connection: sa.Connection, which: str) -> str:
        return next(
            (one.id for one in self.partners.listing(connection) if which in {one.id, one.identifier}),
            which,
        )

    def _told(self, connection: sa.Connection, recorded: Sequence[Recorded]) -> tuple[Told, ...]:
        partners = {one.id: one.name for one in self.partners.listing(connection)}
        people = {one: self.people.get(connection, one) for one in {event.person for event in recorded}}
        names = {one: person.name for one, person in people.items() if person}
        return tuple(
            Told(
                recorded=event,
                person=names.get(event.person, event.name),
                partner=partners.get(event.partner, ""),
            )
            for event in recorded
        )
