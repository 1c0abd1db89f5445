"""What people may do about their own password: change the one they know, set anew what they forgot."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from datetime import timedelta

from idp.audit import AuditLog, Entry, Event
from idp.channels.notices import FORGOTTEN, NEW_WORD, SHORT_ADVICE, Notices
from idp.core.errors import Busy, Refused
from idp.core.ids import fold
from idp.core.model import Actor, Person, Visit
from idp.core.ports import Clock
from idp.desk.people import typed
from idp.desk.rights import NotAllowed
from idp.desk.security_info import self_of
from idp.directory.hashing import LONGEST
from idp.directory.local import LocalSource
from idp.directory.people import People
from idp.methods import Methods
from idp.policy.model import Reset
from idp.sessions import Devices
from idp.signin import lockout
from idp.signin.farewell import Farewell
from idp.signin.lockout import Counted
from idp.signin.record import SignIns
from idp.signin.steps import Step
from idp.store import Store, Unit
from idp.store.counters import count_up, counts

_SHORTEST = 8  # characters (NIST SP 800-63B-4, 3.1.1.2, beside a second factor)
_FEWEST = 4  # different ones: below that it is a pattern
_MOST_RESETS, _WITHIN = 5, timedelta(hours=1)  # each is told by text, too, and texts cost money


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPassword:
    """The verbs that people have for their own password."""

    store: Store
    clock: Clock
    people: People
    local: LocalSource
    methods: Methods
    devices: Devices
    farewell: Farewell
    records: SignIns
    lockout: lockout.Lockout
    notices: Notices
    audit: AuditLog

    def mine(self, person: Person) -> bool:
        """Say whether a person's password is kept here."""
        return person.source == self.local.name

    def change(self, current: str, new: str, *, visit: Visit, actor: Actor) -> None:
        """Put a new password in the place of the current one, and end every session. Raises Refused, Busy.

        Wrong tries count as at sign-in: whoever finds a page open must not try passwords there.
        """
        with self.store.read() as connection:
            person = self_of(self.people, connection, actor)
            counted_as = typed(self.people, connection, person)
            known = self.devices.person_of(connection, visit.device, self.clock.now()) == person.id
        if not self.mine(person) or not counted_as:
            raise Refused("Your password is kept elsewhere, and must be changed there.")
        _check(new, current, person)
        counted = self.lockout.count(
            factor="password",
            first=True,
            target=min(counted_as)[1],
            address=visit.network.address,
            familiar=known,
        )
        proved = self._proved(person, current, counted, visit)
        hashed = self.local.hashed(new)
        with self.store.write(alone=True) as unit:
            person = self_of(self.people, unit.connection, actor)
            # Only over the very one that was shown: an administrator may have been faster.
            if not self.local.replace_password(unit, person.source_key, old=proved, new=hashed):
                raise Refused("Your password was changed meanwhile. Sign in again.")
            self._end(unit, person)
            self.lockout.succeeded(unit, counted)
            self.audit.record(unit, self._entry(Event.PASSWORD_CHANGED, person, visit.network.address))
            self.notices.tell(unit, person, NEW_WORD)

    def reset(self, step: Step, new: str, *, visit: Visit) -> None:
        """Put a new password in the place of one that was forgotten, and end every session.

        The right to it is the step's verdict; its sign-in is used up. Raises NotAllowed without it,
        Refused and Busy to try again, Finished for all but the first of several.
        """
        person = step.person
        if person is None or not isinstance(step.decision.verdict, Reset) or not self.mine(person):
            raise NotAllowed("You do not have the right to do this.", detail="not decided")
        _check(new, "", person)
        key, now = f"reset:{person.id}", self.clock.now()
        with self.store.read() as connection:
            if counts(connection, [key], now=now).get(key, 0) >= _MOST_RESETS:
                raise Refused("Your password was set anew several times within an hour. Wait a while.")
        hashed = self.local.hashed(new)
        self.records.claim(step.sign_in)
        with self.store.write(alone=True) as unit:
            count_up(unit, key, now=now, window=_WITHIN)
            # State may have stepped back: what counts is that nothing has changed here since it was judged.
            if not self._stands(unit, step, person):
                raise Refused("You were signed out meanwhile. Please sign in again.")
            self.local.set_password(unit, person.source_key, hashed)
            self._end(unit, person)
            self.audit.record(unit, self._reset(step, person, visit.network.address))
            self._tell(unit, person)

    def _stands(self, unit: Unit, step: Step, person: Person) -> bool:
        """Say whether the person is as they were when the step was judged, with the methods they showed."""
        current = self.people.get(unit.connection, person.id)
        if current is None or _standing(current) != _standing(person):
            return False
        shown = step.decision.counted
        return all(not proof.method or self.methods.there(unit.connection, proof.method) for proof in shown)

    def _end(self, unit: Unit, person: Person) -> None:
        """End all that stood on the former password, and forget the wrong tries at it."""
        self.people.forget_proofs(unit, person.id)
        self.farewell.end_all(unit, person.id, self.clock.now())
        lockout.forget(unit, typed(self.people, unit.connection, person))

    def _tell(self, unit: Unit, person: Person) -> None:
        """Tell the person by mail and by text: whoever did this has two of their ways to sign in."""
        self.notices.tell(unit, person, FORGOTTEN, advice=SHORT_ADVICE)
        for method in self.methods.of(unit.connection, person.id):
            if method.factor == "sms":
                number = self.methods.secret(unit.connection, method.id).decode()
                self.notices.tell_phone(unit, person, FORGOTTEN, what="", number=number)

    def _proved(self, person: Person, current: str, counted: Counted, visit: Visit) -> str:
        """Return the hash that the current password fits. Raises Refused, and Busy, which is no try."""
        try:
            proved = self.local.fitting(person.source_key, current)
        except Busy:
            self.lockout.take_back(counted)
            raise
        if proved is not None and not counted.locked:
            return proved
        with self.store.write(alone=True) as unit:
            event = Event.LOCKED if counted.just_locked else Event.CREDENTIAL_REFUSED
            self.audit.record(unit, self._entry(event, person, visit.network.address))
        raise Refused(
            "The current password is not right. After several wrong tries it is not looked at for 15 minutes."
        )

    @staticmethod
    def _entry(event: Event, person: Person, address: str) -> Entry:
        return Entry(
            event=event,
            person=person.id,
            factor="password",
            name=person.name,
            address=address,
            actor=f"person:{person.id}",
        )

    def _reset(self, step: Step, person: Person, address: str) -> Entry:
        return replace(
            self._entry(Event.PASSWORD_RESET, person, address),
            partner=step.partner.id,
            rules=step.decision.rules,
            correlation=step.sign_in.correlation,
            detail={"shown": [proof.factor for proof in step.decision.counted]},
        )


def _standing(person: Person) -> tuple[object, ...]:
    return person.source, person.source_key, person.enabled, person.proofs_from, person.blocked_until


def _check(new: str, current: str, person: Person) -> None:
    """Raise Refused when a password is too easy to guess."""
    letters = unicodedata.normalize("NFKC", new)
    if len(letters) < _SHORTEST:
        raise Refused("The new password needs at least 8 characters. A few words in a row do well.")
    if len(new.encode()) > LONGEST:
        raise Refused("A password has at least one character and at most 1024 bytes.")
    if len(set(letters)) < _FEWEST:
        raise Refused("The new password repeats itself too much. A few words in a row do well.")
    if fold(person.name) in fold(new):
        raise Refused("The new password must not contain your user name.")
    if new == current:
        raise Refused("The new password is the one that you have.")
