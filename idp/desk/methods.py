"""What may be done to people's sign-in methods: hand out, list, remove."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from idp.audit import AuditLog, Entry, Event
from idp.channels.notices import ADDED, REMOVED, Notices
from idp.core.errors import Refused
from idp.core.model import Actor, Method, Person
from idp.core.ports import Clock, NewMethod
from idp.desk.people import found
from idp.desk.rights import need_owner
from idp.directory import phones
from idp.directory.people import People
from idp.factors import access_pass, call, recovery, sms, totp
from idp.factors.access_pass import PassTerms
from idp.factors.recovery import Recovery
from idp.methods import Methods
from idp.sessions import Devices
from idp.signin.farewell import Farewell
from idp.store import Store, Unit

_TOLD = {Event.METHOD_ADDED: ADDED, Event.METHOD_REMOVED: REMOVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodDesk:
    """The desk's verbs for methods."""

    store: Store
    clock: Clock
    people: People
    methods: Methods
    farewell: Farewell
    devices: Devices
    notices: Notices
    audit: AuditLog

    def add_totp(self, name: str, *, seed: bytes, actor: Actor) -> Method:
        """Give a person an authenticator app or token with this seed. Raises Refused."""
        need_owner(actor)
        return self._add(name, lambda person: totp.handed_out(person, seed, at=self.clock.now()), actor)

    def add_sms(self, name: str, *, number: str, actor: Actor) -> Method:
        """Register a person's phone, which codes are texted to. Raises Refused."""
        need_owner(actor)
        phone = phones.read(number)
        return self._add(name, lambda person: sms.handed_out(person, phone, at=self.clock.now()), actor)

    def add_call(
        self, name: str, *, number: str, extension: str = "", place: str, pin: bool = False, actor: Actor
    ) -> tuple[Method, str]:
        """Register a phone that a person is called on; return it, and the PIN if one is made, this once.

        place is one of `factors.call.PLACES`: an office's is not the person's to change. Raises Refused.
        """
        need_owner(actor)
        made = call.new_pin() if pin else ""
        phone = phones.read_callable(number)
        line = call.Line(number=phone.number, extension=call.read_extension(extension), pin=made)
        at = self.clock.now()
        return self._add(name, lambda one: call.handed_out(one, line, place=place, at=at), actor), made

    def add_recovery(self, name: str, *, actor: Actor) -> tuple[Method, tuple[str, ...]]:
        """Give a person new recovery codes in place of the old ones; return them, this once.

        Raises Refused.
        """
        need_owner(actor)
        codes, now = recovery.new_codes(), self.clock.now()
        made = self._add(name, lambda one: recovery.handed_out(one, codes, at=now), actor, instead=True)
        return made, codes

    def add_pass(self, name: str, terms: PassTerms, *, actor: Actor) -> tuple[Method, str]:
        """Give a person a temporary access pass in place of an older one; return it, this once.

        Raises Refused: terms out of bounds, nobody of that name, a pass for oneself.
        """
        need_owner(actor)
        terms.check()
        code = access_pass.new_pass(terms.letters)

        def made(person: Person) -> NewMethod:
            if (actor.kind, actor.id) == ("person", person.id):
                # Whoever finds an administrator's screen unlocked must not get in for good.
                raise Refused("Nobody can make a pass for themselves.")
            return access_pass.handed_out(person, code, terms, at=self.clock.now())

        return self._add(name, made, actor, instead=True), code

    def _add(
        self, name: str, made: Callable[[Person], NewMethod], actor: Actor, *, instead: bool = False
    ) -> Method:
        """Store a method; with instead in the place of those of the same factor."""
        with self.store.write(alone=True) as unit:
            person = found(self.people, unit.connection, name)
            new = made(person)
            for old in self.methods.of(unit.connection, person.id) if instead else ():
                if old.factor == new.factor:
                    self.dropped(unit, person, old, actor)
            return self.added(unit, person, new, actor)

    def added(self, unit: Unit, person: Person, new: NewMethod, actor: Actor) -> Method:
        """Store a method in a unit of another verb's, put it on record, and tell the person."""
        need_owner(actor)
        method = self.methods.add(unit, person.id, new, allowed=True)
        self._record(unit, Event.METHOD_ADDED, person, method, actor)
        return method

    def dropped(self, unit: Unit, person: Person, method: Method, actor: Actor) -> None:
        """Remove a method in a unit of another verb's, put it on record, and tell the person."""
        need_owner(actor)
        self.methods.remove(unit, method.id)
        self._record(unit, Event.METHOD_REMOVED, person, method, actor)

    def codes_left(self, name: str, *, actor: Actor) -> Mapping[str, int]:
        """Return how many recovery codes a person has left, by the method's id. Raises Refused."""
        need_owner(actor)
        with self.store.read() as connection:
            mine = self.methods.of(connection, found(self.people, connection, name).id)
            lists = [method.id for method in mine if method.factor == Recovery.name]
            return {one: self.methods.codes_left(connection, one) for one in lists}

    def listing(self, name: str, *, actor: Actor) -> tuple[Method, ...]:
        """Return a person's methods, oldest first. Raises Refused."""
        need_owner(actor)
        with self.store.read() as connection:
            return self.methods.of(connection, found(self.people, connection, name).id)

    def remove(self, name: str, method_id: str, *, actor: Actor) -> bool:
        """Remove a method of a person, and end their sessions: it may be in somebody else's hands.

        Return whether it was the last, so that they set up a new one. Raises Refused when the
        person has no such method.
        """
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            person = found(self.people, unit.connection, name)
            mine = self.methods.of(unit.connection, person.id)
            method = next((one for one in mine if one.id == method_id), None)
            if method is None:
                raise Refused("That person has no method with that id.")
            self.methods.remove(unit, method.id)
            self.people.forget_proofs(unit, person.id)
            self.farewell.end_all(unit, person.id, self.clock.now())
            self._record(unit, Event.METHOD_REMOVED, person, method, actor)
            reopened = self.methods.reopen(unit, person.id)
            if reopened:
                self._record(unit, Event.ENROLMENT_REOPENED, person, method, actor)
        return reopened

    def reset(self, name: str, *, actor: Actor) -> int:
        """Remove everything that a person registered, so that they register again; return how much it was.

        Their sessions end, and no browser is known any more. Raises Refused.
        """
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            person = found(self.people, unit.connection, name)
            mine = self.methods.of(unit.connection, person.id)
            for method in mine:
                self.dropped(unit, person, method, actor)
            self.people.forget_proofs(unit, person.id)
            self.farewell.end_all(unit, person.id, self.clock.now())
            self.devices.forget(unit, person.id)
            if mine and self.methods.reopen(unit, person.id):
                self._record(unit, Event.ENROLMENT_REOPENED, person, mine[-1], actor)
        return len(mine)

    def _record(self, unit: Unit, event: Event, person: Person, method: Method, actor: Actor) -> None:
        entry = Entry(
            event=event,
            person=person.id,
            factor=method.factor,
            detail={"method": method.id},
            name=person.name,
            actor=f"{actor.kind}:{actor.id}",
        )
        self.audit.record(unit, entry)
        if event in _TOLD:
            self.notices.tell(unit, person, _TOLD[event], what=method.label)
