"""What may be done to people: add, look at, disable, enable, unlock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import sqlalchemy as sa

from idp.audit import AuditLog, Entry, Event
from idp.core.errors import Refused
from idp.core.model import Actor, Kind, Method, Person, Strength
from idp.core.ports import Clock
from idp.desk.rights import need_owner
from idp.directory import phones
from idp.directory.hashing import PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import NewPerson, People, PersonChanges
from idp.factors import password, sms
from idp.factors.codes import target_of
from idp.methods import Methods
from idp.policy.demands import demanded
from idp.policy.model import Worths
from idp.policy.rules import Rules
from idp.signin import lockout
from idp.signin.farewell import Farewell
from idp.store import Store, Unit


class State(StrEnum):
    """Where a person stands with second factors, in words that administrators know from Azure MFA."""

    DISABLED = "disabled"  # one factor is enough
    ENABLED = "enabled"  # two are needed, and nothing is registered yet: that is done at the next sign-in
    ENFORCED = "enforced"  # two are needed, and something is registered


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSeen:
    """A person as the desk shows one: with methods, and whether too many wrong tries lock them out.

    strength is what every application demands of them, by the rules that are named (none: the default);
    state what that makes of them.
    """

    person: Person
    methods: tuple[Method, ...]
    locked: bool
    strength: Strength
    sources: tuple[str, ...]
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleDesk:
    """The desk's verbs for people; names are looked up as at sign-in. worths are the factors'."""

    store: Store
    clock: Clock
    people: People
    local: LocalSource
    hasher: PasswordHasher
    methods: Methods
    farewell: Farewell
    lockout: lockout.Lockout
    rules: Rules
    worths: Worths
    audit: AuditLog

    def add(self, new: NewPerson, *, password: str, actor: Actor) -> Person:
        """Add a local person with a password. Raises Refused.

        A mobile number is registered at once, as a phone that codes are texted to: who knows only
        the password can't set up another.
        """
        need_owner(actor)
        hashed = self.hasher.hash(password)
        with self.store.write(alone=True) as unit:
            person = self.people.add(unit, new)
            self.local.set_password(unit, person.source_key, hashed)
            self._record(unit, Event.PERSON_ADDED, person, actor)
            for number in new.attributes.get("mobile", ()):
                phone = sms.handed_out(person, phones.read(number), at=self.clock.now())
                self.methods.add(unit, person.id, phone, allowed=True)
                self._record(unit, Event.METHOD_ADDED, person, actor, factor=phone.factor)
                person = replace(person, may_enrol=False)
        return person

    def listing(self, *, actor: Actor, after: str = "", limit: int = 200) -> tuple[Person, ...]:
        """Return a page of people by user name, those after the given one."""
        need_owner(actor)
        with self.store.read() as connection:
            return self.people.listing(connection, after=after, limit=limit)

    def show(self, name: str, *, actor: Actor) -> PersonSeen:
        """Return one person and what there is to know. Raises Refused."""
        need_owner(actor)
        with self.store.read() as connection:
            person = found(self.people, connection, name)
            locked = any(
                self.lockout.locked(connection, factor=factor, target=target)
                for factor, target in tries(self.people, connection, person, self.worths)
            )
            strength, sources = demanded(self.rules.all(), person, now=self.clock.now())
            return PersonSeen(
                person=person,
                methods=self.methods.of(connection, person.id),
                locked=locked,
                strength=strength,
                sources=tuple(rule.name for rule in sources),
                state=_state(person, strength),
            )

    def change(self, name: str, changes: PersonChanges, *, actor: Actor) -> Person:
        """Change a person's display name, attributes, groups or roles. Raises Refused."""
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            person = self.people.change(unit, found(self.people, unit.connection, name), changes)
            self._record(unit, Event.PERSON_CHANGED, person, actor)
        return person

    def set_password(self, name: str, password: str, *, actor: Actor) -> Person:
        """Give a local person another password, and end their sessions. Raises Refused.

        What was proved with the old one counts no more, in sign-ins under way neither; wrong
        tries at it are forgotten.
        """
        need_owner(actor)
        hashed = self.hasher.hash(password)
        with self.store.write(alone=True) as unit:
            person = found(self.people, unit.connection, name)
            if person.source != self.local.name:
                raise Refused("That person's password is kept elsewhere, and must be changed there.")
            self.local.set_password(unit, person.source_key, hashed)
            self.people.forget_proofs(unit, person.id)
            self.farewell.end_all(unit, person.id, self.clock.now())
            lockout.forget(unit, typed(self.people, unit.connection, person))
            self._record(unit, Event.PASSWORD_CHANGED, person, actor)
        return person

    def disable(self, name: str, *, actor: Actor) -> Person:
        """Keep a person from signing in, and end their sessions. Raises Refused."""
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            person = found(self.people, unit.connection, name)
            self.people.set_enabled(unit, person.id, enabled=False)
            self.farewell.end_all(unit, person.id, self.clock.now())
            self._record(unit, Event.PERSON_DISABLED, person, actor)
        return person

    def enable(self, name: str, *, actor: Actor) -> Person:
        """Let a person sign in again. Raises Refused."""
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            person = found(self.people, unit.connection, name)
            self.people.set_enabled(unit, person.id, enabled=True)
            # Nor does a sign-in go on that waited through it.
            self.people.forget_proofs(unit, person.id)
            self._record(unit, Event.PERSON_ENABLED, person, actor)
        return person

    def unlock(self, name: str, *, actor: Actor) -> Person:
        """Forget a person's wrong tries at every factor. Raises Refused."""
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            person = found(self.people, unit.connection, name)
            lockout.forget(unit, tries(self.people, unit.connection, person, self.worths))
            self._record(unit, Event.UNLOCKED, person, actor)
        return person

    def _record(self, unit: Unit, event: Event, person: Person, actor: Actor, *, factor: str = "") -> None:
        by = f"{actor.kind}:{actor.id}"
        self.audit.record(
            unit, Entry(event=event, person=person.id, factor=factor, name=person.name, actor=by)
        )


def _state(person: Person, strength: Strength) -> State:
    if strength is Strength.ONE:
        return State.DISABLED
    return State.ENABLED if person.may_enrol else State.ENFORCED


def found(people: People, connection: sa.Connection, name: str) -> Person:
    """Return the person with this user name. Raises Refused when there is none."""
    person = people.find(connection, name)
    if person is None:
        raise Refused("There is no person with that user name.")
    return person


def typed(people: People, connection: sa.Connection, person: Person) -> list[tuple[str, str]]:
    """Return by which factors and targets wrong passwords of a person are counted."""
    return [("password", password.target_of(name)) for name in people.login_keys(connection, person.id)]


def tries(people: People, connection: sa.Connection, person: Person, worths: Worths) -> list[tuple[str, str]]:
    """Return by which factors and targets wrong tries of a person are counted, at every factor."""
    keys = (target_of(person.id), "enrol:" + person.id)
    mine = [(factor, key) for factor, worth in worths.items() if Kind.HAVE in worth.kinds for key in keys]
    return [*typed(people, connection, person), *mine]
