"""Open sessions: what administrators see and end of somebody's, and people of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from idp.audit import AuditLog, Entry, Event
from idp.core.errors import Refused
from idp.core.model import Actor, Person, Visit
from idp.core.ports import Clock
from idp.desk.endings import SignedOut, signed_out
from idp.desk.people import found
from idp.desk.rights import need_owner
from idp.desk.security_info import self_of
from idp.directory.people import People
from idp.partners.own import DOOR as OUR_OWN
from idp.partners.registry import Partners
from idp.sessions import Devices, Opened, Sessions, opened
from idp.signin.farewell import Ended, Farewell
from idp.store import Store, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSeen:
    """An open session, with the names of the applications that were opened in it.

    here: it is the one of the browser that asks.
    """

    opened: Opened
    applications: tuple[str, ...]
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDesk:
    """The desk's verbs for people's sessions; names are looked up as at sign-in."""

    store: Store
    clock: Clock
    people: People
    partners: Partners
    farewell: Farewell
    devices: Devices
    audit: AuditLog

    def listing(self, name: str, *, actor: Actor) -> tuple[SessionSeen, ...]:
        """Return a person's open sessions, the newest first. Raises Refused."""
        need_owner(actor)
        with self.store.read() as connection:
            person = found(self.people, connection, name)
            mine = opened(connection, person.id, self.clock.now())
            return _seen(connection, self.partners, mine)

    def end(self, name: str, session: str, *, actor: Actor) -> tuple[Person, SignedOut]:
        """End one of a person's sessions, with its tokens, and tell its applications. Raises Refused."""
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            person, now = found(self.people, unit.connection, name), self.clock.now()
            if session not in {one.id for one in opened(unit.connection, person.id, now)}:
                raise Refused("That session is not open any more.")
            ended = self.farewell.end(unit, (session,), now, offline=True)
            return person, self._recorded(unit, person, ended, actor)

    def end_all(self, name: str, *, actor: Actor) -> tuple[Person, SignedOut]:
        """End a person's sessions and tokens, and forget their browsers.

        A sign-in that is under way does not go on. Raises Refused.
        """
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            person = found(self.people, unit.connection, name)
            self.people.forget_proofs(unit, person.id)
            ended = self.farewell.end_all(unit, person.id, self.clock.now())
            self.devices.forget(unit, person.id)
            return person, self._recorded(unit, person, ended, actor)

    def ask_again(self, name: str, *, actor: Actor) -> tuple[Person, int]:
        """Have no browser of a person stand in for a second factor; return how many did. Raises Refused."""
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            person = found(self.people, unit.connection, name)
            browsers = self.devices.ask_again(unit, person.id)
            by = f"{actor.kind}:{actor.id}"
            entry = Entry(event=Event.BROWSERS_FORGOTTEN, person=person.id, name=person.name, actor=by)
            self.audit.record(unit, entry)
        return person, browsers

    def _recorded(self, unit: Unit, person: Person, ended: Ended, actor: Actor) -> SignedOut:
        self.audit.record(
            unit, ended.entry(person=person.id, name=person.name, actor=f"{actor.kind}:{actor.id}")
        )
        return signed_out(unit.connection, self.partners, ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSessions:
    """The verbs that people have for their own sessions; the actor has shown enough to be here."""

    store: Store
    clock: Clock
    people: People
    sessions: Sessions
    partners: Partners
    farewell: Farewell
    audit: AuditLog

    def show(self, *, visit: Visit, actor: Actor) -> tuple[SessionSeen, ...]:
        """Return the person's open sessions: this browser's first, then the newest. Raises NotAllowed."""
        with self.store.read() as connection:
            person = self_of(self.people, connection, actor)
            here = self._here(connection, visit)
            mine = opened(connection, person.id, self.clock.now())
            ordered = sorted(mine, key=lambda one: one.id != here)
            return _seen(connection, self.partners, ordered, here=here)

    def end(self, session: str, *, visit: Visit, actor: Actor) -> SignedOut:
        """End one of the person's other sessions, with its tokens, and tell its applications.

        Raises Refused. This browser's own ends by a sign-out, which takes the browser past them.
        """
        return self._end(visit, actor, lambda one: one == session)

    def end_others(self, *, visit: Visit, actor: Actor) -> SignedOut:
        """End all of the person's sessions but this browser's. Raises Refused."""
        return self._end(visit, actor, lambda _: True)

    def _end(self, visit: Visit, actor: Actor, wanted: Callable[[str], bool]) -> SignedOut:
        now = self.clock.now()
        with self.store.write(alone=True) as unit:
            person = self_of(self.people, unit.connection, actor)
            here = self._here(unit.connection, visit)
            mine = [one.id for one in opened(unit.connection, person.id, now)]
            others = [one for one in mine if one != here and wanted(one)]
            if not others:
                # One that never was, that is over and that is somebody else's alike: nobody learns which.
                raise Refused("That session is not open any more.")
            ended = self.farewell.end(unit, others, now, offline=True)
            entry = ended.entry(
                person=person.id,
                name=person.name,
                actor=f"{actor.kind}:{actor.id}",
                correlation=visit.correlation,
                address=visit.network.address,
            )
            self.audit.record(unit, entry)
            return signed_out(unit.connection, self.partners, ended)

    def _here(self, connection: sa.Connection, visit: Visit) -> str:
        session = self.sessions.live(connection, visit.session, self.clock.now())
        return session.id if session else ""


def _seen(
    connection: sa.Connection, partners: Partners, sessions: Sequence[Opened], *, here: str = ""
) -> tuple[SessionSeen, ...]:
    parts = {part.partner for one in sessions for part in one.parts if part.door != OUR_OWN}
    names = {partner.id: partner.name for partner in partners.among(connection, parts).values()}
    return tuple(
        SessionSeen(
            opened=one,
            applications=tuple(names[part.partner] for part in one.parts if part.partner in names),
            here=one.id == here,
        )
        for one in sessions
    )
