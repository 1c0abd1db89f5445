"""What may be done to people's consents: list, take back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa

from idp.audit import AuditLog, Entry, Event
from idp.core.errors import Refused
from idp.core.model import Actor, Person
from idp.desk import partners as partner_desk
from idp.desk import people as people_desk
from idp.desk.rights import need_owner
from idp.directory.people import People
from idp.partners.registry import Partners
from idp.sessions import Consents, Grants
from idp.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What a person lets one application have, and since when."""

    partner: str
    identifier: str
    name: str
    scopes: tuple[str, ...]
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentDesk:
    """The desk's verbs for consents."""

    store: Store
    people: People
    partners: Partners
    consents: Consents
    grants: Grants
    audit: AuditLog

    def listing(self, name: str, *, actor: Actor) -> tuple[Agreed, ...]:
        """Return what a person agreed to, by application. Raises Refused."""
        need_owner(actor)
        with self.store.read() as connection:
            person = people_desk.found(self.people, connection, name)
            return self._agreed(connection, person)

    def withdraw(self, name: str, which: str, *, actor: Actor) -> Person:
        """Take back what a person agreed to at an application: its tokens are worth nothing then.

        which is the application's id or client id. Raises Refused.
        """
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            person = people_desk.found(self.people, unit.connection, name)
            partner = partner_desk.found(self.partners, unit.connection, which)
            if not self.consents.withdraw(unit, person=person.id, partner=partner.id):
                raise Refused("That person has agreed to nothing there.")
            # For good: agreeing again must not bring old tokens back to life.
            self.grants.revoke_between(unit, person=person.id, partner=partner.id)
            entry = Entry(
                event=Event.CONSENT_WITHDRAWN,
                person=person.id,
                partner=partner.id,
                name=person.name,
                actor=f"{actor.kind}:{actor.id}",
            )
            self.audit.record(unit, entry)
        return person

    def _agreed(self, connection: sa.Connection, person: Person) -> tuple[Agreed, ...]:
        consents = self.consents.of(connection, person.id)
        known = self.partners.among(connection, {one.partner for one in consents})
        agreed = []
        for partner, there in groupby(consents, lambda one: one.partner):
            given = list(there)
            if partner in known:
                agreed.append(
                    Agreed(
                        partner=partner,
                        identifier=known[partner].identifier,
                        name=known[partner].name,
                        scopes=tuple(one.scope for one in given),
                        since=min(one.given_at for one in given),
                    )
                )
        return tuple(agreed)
