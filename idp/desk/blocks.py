"""What may be done about people who are attacked: block, unblock, look, and say what an alarm does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from idp.audit import AuditLog, Entry, Event
from idp.core.errors import Refused
from idp.core.model import Actor, Person
from idp.core.ports import Clock
from idp.desk.people import found
from idp.desk.rights import need_owner
from idp.directory import attributes, blocks
from idp.directory.blocks import LASTS, Blocked
from idp.directory.people import People
from idp.factors import floods
from idp.factors.alarm import AlarmSettings, AlarmSettingsStore
from idp.signin.farewell import Farewell
from idp.store import Store, Unit

_LONGEST_REASON = 200
_MOST_TOLD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockDesk:
    """The desk's verbs for blocks and alarms; names are looked up as at sign-in."""

    store: Store
    clock: Clock
    people: People
    settings: AlarmSettingsStore
    farewell: Farewell
    audit: AuditLog

    def block(self, name: str, *, reason: str, until: datetime | None = None, actor: Actor) -> Blocked:
        """Deny a person everything until then, 90 days if nothing is said, and end their sessions.

        Raises Refused.
        """
        need_owner(actor)
        why, now = _reason(reason), self.clock.now()
        until = until or now + LASTS
        if until <= now:
            raise Refused("A block ends in the future.")
        with self.store.write(alone=True) as unit:
            person = found(self.people, unit.connection, name)
            # Anew, should it be a shorter one than before.
            blocks.lift(unit, person.id, now=now)
            blocks.block(unit, person.id, reason=why, now=now, until=until)
            # When it has ended by itself, everything is shown anew.
            self.people.forget_proofs(unit, person.id)
            self.farewell.end_all(unit, person.id, now)
            self._record(unit, Event.PERSON_BLOCKED, person, actor, reason=why)
        return Blocked(person=person.id, name=person.name, reason=why, until=until)

    def unblock(self, name: str, *, reason: str, actor: Actor) -> Person:
        """Lift a person's block, and forget the requests that led to it. Raises Refused.

        A sign-in that waited through it does not go on.
        """
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            person = found(self.people, unit.connection, name)
            if not blocks.lift(unit, person.id, now=self.clock.now()):
                raise Refused("That person is not blocked.")
            self.people.forget_proofs(unit, person.id)
            floods.forget(unit, person=person.id)
            self._record(unit, Event.PERSON_UNBLOCKED, person, actor, reason=_reason(reason))
        return person

    def listing(self, *, actor: Actor, after: str = "", limit: int = 200) -> tuple[Blocked, ...]:
        """Return a page of people who are blocked by user name, those after the given one."""
        need_owner(actor)
        with self.store.read() as connection:
            return blocks.blocked(connection, now=self.clock.now(), after=after, limit=limit)

    def show(self, *, actor: Actor) -> AlarmSettings:
        """Return what an alarm does."""
        need_owner(actor)
        return self.settings.get()

    def set(
        self, *, block: bool | None = None, tell: Sequence[str] | None = None, actor: Actor
    ) -> AlarmSettings:
        """Change what is given, and return what an alarm then does. Raises Refused."""
        need_owner(actor)
        told = None if tell is None else tuple(dict.fromkeys(attributes.mail(one) for one in tell))
        if told is not None and len(told) > _MOST_TOLD:
            raise Refused("Name at most ten addresses; a list of theirs may have more.")
        with self.store.write(alone=True) as unit:
            after = self.settings.read(unit.connection)
            after = after if block is None else replace(after, block=block)
            after = after if told is None else replace(after, tell=told)
            self.settings.put(unit, after, actor=actor, at=self.clock.now())
            by = f"{actor.kind}:{actor.id}"
            self.audit.record(unit, Entry(event=Event.METHODS_CONFIGURED, factor="alarm", actor=by))
        return after

    def _record(self, unit: Unit, event: Event, person: Person, actor: Actor, *, reason: str) -> None:
        entry = Entry(
            event=event,
            person=person.id,
            reason=reason,
            name=person.name,
            actor=f"{actor.kind}:{actor.id}",
        )
        self.audit.record(unit, entry)


def _reason(text: str) -> str:
    reason = attributes.line(text, what="A reason")
    if len(reason) > _LONGEST_REASON:
        raise Refused("A reason has at most 200 characters.")
    return reason
