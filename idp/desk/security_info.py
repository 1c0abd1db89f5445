"""What people may do about how they sign in: look, rename, remove, and say that it was not them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from idp.audit import AuditLog, Entry, Event, Filter, Recorded
from idp.channels.notices import ENDED, REMOVED, Notices
from idp.core.errors import Refused
from idp.core.model import Actor, Kind, Method, Offer, Person, Visit
from idp.core.ports import Clock
from idp.desk.endings import SignedOut, signed_out
from idp.desk.rights import NotAllowed
from idp.directory.people import People
from idp.factors.alarm import Alarm
from idp.methods import Methods, label_of
from idp.partners.registry import Partners
from idp.policy.model import Worths
from idp.sessions import Devices, Trusted
from idp.signin.farewell import Farewell
from idp.store import Store, Unit

# What the person did, as it was; and some of the tries, of which a stranger can make many.
_OWN = (
    Event.TOKEN_ISSUED,
    Event.METHOD_ADDED,
    Event.METHOD_REMOVED,
    Event.PASSWORD_CHANGED,
    Event.PASSWORD_RESET,
    Event.BROWSER_TRUSTED,
    Event.SIGN_IN_DISOWNED,
    Event.FRAUD_REPORTED,
    Event.PERSON_BLOCKED,
)
_TRIES = (Event.TOKEN_DENIED, Event.LOCKED, Event.RIGHT_WHILE_LOCKED)
_MOST_OWN, _MOST_TRIES = 20, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An event as the person sees it: partner is the application's name today."""

    recorded: Recorded
    partner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityInfo:
    """What a person sees: methods, recovery codes that are left by method, what happened lately.

    preferred is the id of the method that is asked for first, trusted the browsers that stand in for one.
    """

    methods: tuple[Method, ...]
    codes_left: Mapping[str, int]
    recent: tuple[Seen, ...]
    preferred: str = ""
    trusted: tuple[Trusted, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityDesk:
    """The verbs that people have for themselves; the actor is the person, who has shown enough to be here."""

    store: Store
    clock: Clock
    people: People
    methods: Methods
    partners: Partners
    devices: Devices
    farewell: Farewell
    worths: Worths
    offers: Callable[[Person, tuple[Method, ...]], Sequence[Offer]]
    notices: Notices
    alarm: Alarm
    audit: AuditLog

    def show(self, *, actor: Actor) -> SecurityInfo:
        """Return everything that the person sees of their own. Raises NotAllowed."""
        with self.store.read() as connection:
            person = self._self(connection, actor)
            methods = self.methods.of(connection, person.id)
            lists = [method.id for method in methods if method.factor == "recovery"]
            return SecurityInfo(
                methods=methods,
                codes_left={one: self.methods.codes_left(connection, one) for one in lists},
                recent=self._recent(connection, person),
                preferred=person.preferred.partition(":")[2],
                trusted=self.devices.trusted(connection, person.id, self.clock.now()),
            )

    def rename(self, method_id: str, label: str, *, actor: Actor) -> None:
        """Give a method of one's own another name. Raises Refused."""
        text = label_of(label)
        if not text:
            raise Refused("Type a name first.")
        with self.store.write(alone=True) as unit:
            person = self._self(unit.connection, actor)
            method = self._mine(unit, person, method_id)
            if method.factor in {"sms", "call"} or self.worths[method.factor].stand_in:
                raise Refused("That one has no name of its own.")
            self.methods.rename(unit, method.id, text)
            self._record(unit, Event.METHOD_CHANGED, person, actor, method=method)

    def prefer(self, method_id: str, *, actor: Actor) -> None:
        """Have a method of one's own asked for first. Raises Refused."""
        with self.store.write(alone=True) as unit:
            person = self._self(unit.connection, actor)
            method = self._mine(unit, person, method_id)
            if self.worths[method.factor].stand_in:
                raise Refused("That one is for when nothing else is at hand.")
            self.people.prefer(unit, person.id, f"{method.factor}:{method.id}")
            self._record(unit, Event.METHOD_PREFERRED, person, actor, method=method)

    def ask_again(self, device: str, *, actor: Actor) -> None:
        """Have a browser that was trusted stand in for nothing any more. Raises Refused."""
        with self.store.write(alone=True) as unit:
            person = self._self(unit.connection, actor)
            if not device or not self.devices.ask_again(unit, person.id, device):
                raise Refused("That browser is not trusted any more.")
            self._record(unit, Event.BROWSERS_FORGOTTEN, person, actor)

    def remove(self, method_id: str, *, actor: Actor) -> None:
        """Remove a method of one's own, unless it is the last. Raises Refused."""
        with self.store.write(alone=True) as unit:
            person = self._self(unit.connection, actor)
            method = self._mine(unit, person, method_id)
            if method.data.get("place") == "office":
                raise Refused(
                    "That is your office’s phone. Whoever helps you with your account can change it."
                )
            if self._lasting(unit, person) == [method.id]:
                raise Refused("This is your last way to confirm a sign-in. Add another one first.")
            if method.factor == "sms":
                number = self.methods.secret(unit.connection, method.id).decode()
                self.notices.tell_phone(unit, person, REMOVED, what=method.label, number=number)
            self.methods.remove(unit, method.id)
            self._record(unit, Event.METHOD_REMOVED, person, actor, method=method)
            self.notices.tell(unit, person, REMOVED, what=method.label)

    def not_me(self, *, visit: Visit, actor: Actor) -> SignedOut:
        """End every session and token of the person, and forget the browsers they were known on.

        Applications are told where they can be, and whoever an alarm names. Return what to say of it.
        """
        with self.store.write(alone=True) as unit:
            person = self._self(unit.connection, actor)
            self.people.forget_proofs(unit, person.id)  # nor does a sign-in go on that is under way
            ended = self.farewell.end_all(unit, person.id, self.clock.now())
            self.devices.forget(unit, person.id)
            self._record(unit, Event.SIGN_IN_DISOWNED, person, actor, detail=ended.detail, visit=visit)
            self.notices.tell(unit, person, ENDED)
            said = signed_out(unit.connection, self.partners, ended)
            self.alarm.disowned(unit, person, address=visit.network.address, left=said.left)
            return said

    # One's own --------------------------------------------------------------------------------
    def _self(self, connection: sa.Connection, actor: Actor) -> Person:
        return self_of(self.people, connection, actor)

    def _mine(self, unit: Unit, person: Person, method_id: str) -> Method:
        for method in self.methods.of(unit.connection, person.id):
            if method.id == method_id:
                return method
        raise Refused("That sign-in method is no longer registered.")

    def _lasting(self, unit: Unit, person: Person) -> Sequence[str]:
        """Return the methods that are the person's for good, and could be asked for now."""
        mine = self.methods.of(unit.connection, person.id)
        asked = {offer.factor for offer in self.offers(person, mine)}
        return [
            method.id
            for method in mine
            if (worth := self.worths.get(method.factor)) is not None
            and method.factor in asked
            and Kind.HAVE in worth.kinds
            and not worth.stand_in
        ]

    def _recent(self, connection: sa.Connection, person: Person) -> tuple[Seen, ...]:
        own = self.audit.search(connection, Filter(person=person.id, events=_OWN), limit=_MOST_OWN)
        tries = self.audit.search(connection, Filter(person=person.id, events=_TRIES), limit=_MOST_TRIES)
        events = sorted((*own, *tries), key=lambda event: (event.at, event.id), reverse=True)
        partners = self.partners.among(connection, {event.partner for event in events} - {""})
        return tuple(
            Seen(recorded=one, partner=partners[one.partner].name if one.partner in partners else "")
            for one in events
        )

    def _record(
        self,
        unit: Unit,
        event: Event,
        person: Person,
        actor: Actor,
        *,
        method: Method | None = None,
        detail: Mapping[str, object] | None = None,
        visit: Visit | None = None,
    ) -> None:
        entry = Entry(
            event=event,
            person=person.id,
            factor=method.factor if method else "",
            detail={"method": method.id} if method else detail or {},
            name=person.name,
            actor=f"{actor.kind}:{actor.id}",
            correlation=visit.correlation if visit else "",
            address=visit.network.address if visit else "",
        )
        self.audit.record(unit, entry)


def self_of(people: People, connection: sa.Connection, actor: Actor) -> Person:
    """Return the person that an actor is. Raises NotAllowed."""
    person = people.get(connection, actor.id) if actor.kind == "person" else None
    if person is None or not person.enabled:
        raise NotAllowed("You do not have the right to do this.", detail=f"{actor.kind}:{actor.id}")
    return person
