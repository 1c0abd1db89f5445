"""What may be done with the audit record: search it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from idp.audit import AuditLog, Filter, Recorded
from idp.core.errors import Refused
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

    def search(self, wanted: Filter | None = None, *, limit: int = 100, actor: Actor) -> tuple[Told, ...]:
        """Return the newest events; the filter's person is a user name, its partner id or identifier.

        A partner that was removed is found by its id, a person that was too. Raises Refused when
        nobody has or had that name.
        """
        need_owner(actor)
        wanted = wanted or Filter()
        with self.store.read() as connection:
            named = replace(
                wanted,
                person=self._person_id(connection, wanted.person) if wanted.person else "",
                partner=self._partner_id(connection, wanted.partner) if wanted.partner else "",
            )
            return self._told(connection, self.audit.search(connection, named, limit=limit))

    def story(self, which: str, *, actor: Actor) -> tuple[Told, ...]:
        """Return all that one sign-in left, oldest first; which is a reference or a correlation id.

        Raises Refused when nothing has it.
        """
        need_owner(actor)
        with self.store.read() as connection:
            first = self.audit.search(connection, Filter(reference=which.strip().upper()), limit=1)
            correlation = first[0].correlation if first else which.strip()
            events = self.audit.search(connection, Filter(correlation=correlation)) if correlation else ()
            # What no sign-in was part of stands for itself.
            events = events or first
            if not events:
                raise Refused("Nothing on record has that reference.")
            return self._told(connection, tuple(reversed(events)))

    def _person_id(self, connection: sa.Connection, which: str) -> str:
        # As it is said of partners: whoever was removed is known by the id that the record kept.
        if self.audit.search(connection, Filter(person=which), limit=1):
            return which
        return found(self.people, connection, which).id

    def _partner_id(self, connection: sa.Connection, which: str) -> str:
        return next((one.id for one in self.partners.named(connection, which)), which)

    def _told(self, connection: sa.Connection, recorded: Sequence[Recorded]) -> tuple[Told, ...]:
        partners = self.partners.among(connection, {event.partner for event in recorded} - {""})
        names = self.people.names(connection, {event.person for event in recorded} - {""})
        return tuple(
            Told(
                recorded=event,
                person=names.get(event.person, event.name),
                partner=partners[event.partner].name if event.partner in partners else "",
            )
            for event in recorded
        )
