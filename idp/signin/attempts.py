"""Check answers under the lockout's eye, and record how each went."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from idp.audit import AuditLog, Entry, Event
from idp.channels.notices import ADDED, STOOD_IN, Notices
from idp.core.errors import Denied, Refused, Unchecked
from idp.core.model import Enrolment, Kind, Method, Person, Proof, SignIn, Visit
from idp.core.ports import Clock
from idp.core.result import Result
from idp.directory.people import People
from idp.factors import elsewhere, floods
from idp.factors.codes import target_of as person_target
from idp.factors.password import target_of
from idp.methods.snoozes import snooze
from idp.policy.model import FactorWorth
from idp.sessions import Devices
from idp.signin.judge import Judged
from idp.signin.lockout import Counted, Lockout
from idp.signin.results import of_denial
from idp.store import Store, Unit
from idp.store.counters import count_up
from idp.store.once import once

T = TypeVar("T")
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_MOST_REGISTERED = 10


class TooMany(Refused):
    """There were too many wrong tries: this sign-in is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One answer to be checked. target is what it is counted under, typed the user name given.

    offered are the factors that could have been used.
    """

    sign_in: SignIn
    visit: Visit
    factor: str
    worth: FactorWorth
    target: str
    typed: str = ""
    offered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Counts each attempt before it is checked, and audits what came of it."""

    store: Store
    clock: Clock
    people: People
    lockout: Lockout
    devices: Devices
    notices: Notices
    audit: AuditLog

    def check(self, attempt: Attempt, answer: Callable[[], T]) -> T:
        """Return what `answer` gives, unless there were too many attempts. Raises Refused.

        A locked target's answer is checked all the same: it costs the same time, and a right
        one is worth knowing of (somebody has the password). An answer that leads to a further
        draft proves nothing: it neither counts nor clears what was counted.
        """
        counted = self.lockout.count(
            factor=attempt.factor,
            first=attempt.worth.first,
            target=attempt.target,
            address=attempt.visit.network.address,
            familiar=self._familiar(attempt),
        )
        try:
            result = answer()
        except Unchecked as refused:
            self.lockout.take_back(counted)
            self._unchecked(attempt, refused)
            raise
        except Refused as refused:
            self._failed(attempt, counted, why=refused.detail, result=refused.result)
            raise self._no(attempt, counted, refused.public) from refused
        drafted = isinstance(result, Enrolment)
        proof = result if isinstance(result, Proof) else None
        if counted.locked:
            self._failed(attempt, counted, right=not drafted, person=proof.person if proof else "")
            raise self._no(attempt, counted)
        if drafted:
            self.lockout.take_back(counted)
            return result
        person = proof.person if proof else attempt.sign_in.person
        with self.store.write() as unit:
            self.lockout.succeeded(unit, counted)
            self._record(
                unit,
                attempt,
                Event.CREDENTIAL_ACCEPTED,
                person=person,
                detail=_recorded(proof),
                result=Result.COMPLETED,
            )
            if proof and Kind.HAVE in proof.kinds:
                # It is the owner: what was asked on their phones is settled, and no flood.
                elsewhere.withdraw(unit, person, sign_in=attempt.sign_in.id, now=self.clock.now())
                floods.forget(unit, person=person)
            owner = self.people.get(unit.connection, person) if proof and attempt.worth.stand_in else None
            if owner is not None:
                self.notices.tell(unit, owner, STOOD_IN)
        return result

    def registered(self, unit: Unit, attempt: Attempt, person: Person, method: Method) -> None:
        """Record that a method was set up during a sign-in, and tell the person. Raises Refused.

        Only so many an hour: each is told by mail, and many would bury the one that matters.
        """
        lately = count_up(unit, f"registered:{person.id}", now=self.clock.now(), window=_HOUR)
        if lately > _MOST_REGISTERED:
            raise Refused("Many ways to sign in were set up within an hour. Wait a while.")
        detail = {"method": method.id}
        self._record(
            unit, attempt, Event.METHOD_ADDED, person=person.id, detail=detail, result=Result.REGISTERED
        )
        self.people.methods_seen(unit, person.id)
        self.notices.tell(unit, person, ADDED, what=method.label)

    def methods_right(self, judged: Judged, person: Person) -> None:
        """Record that a person looked at their methods, and finds them right."""
        with self.store.write() as unit:
            self.people.methods_seen(unit, person.id)
            self.audit.record(unit, _about(judged, person, Event.METHODS_CONFIRMED))

    def put_off(self, judged: Judged, person: Person, rule: str) -> None:
        """Record that a person put off what a rule's campaign asks for, which is counted."""
        with self.store.write() as unit:
            snooze(unit, person=person.id, rule=rule, now=self.clock.now())
            self.audit.record(unit, _about(judged, person, Event.CAMPAIGN_SNOOZED, rule))

    def withdraw(self, sign_in: SignIn, person: str) -> None:
        """Take what a sign-in asked from the person's phones: it goes another way, or nowhere."""
        with self.store.write() as unit:
            elsewhere.withdraw(unit, person, sign_in=sign_in.id, now=self.clock.now())

    def denied(self, judged: Judged, denied: Denied) -> None:
        """Record that a sign-in was denied, and by which rule."""
        with self.store.write() as unit:
            self.audit.record(
                unit,
                Entry(
                    event=Event.TOKEN_DENIED,
                    person=judged.person.id if judged.person else "",
                    partner=judged.partner.id,
                    verdict="deny",
                    reason=denied.reason.value,
                    rules=judged.decision.rules,
                    correlation=judged.sign_in.correlation,
                    reference=denied.reference,
                    result=of_denial(denied.reason),
                    detail={"rule": denied.rule},
                    name=judged.person.name if judged.person else "",
                    address=judged.sign_in.network.address,
                ),
            )

    def asked_again(self, judged: Judged, by: tuple[str, ...]) -> None:
        """Record that what the session had proved is asked for again, and by what."""
        with self.store.write() as unit:
            entry = _of_sign_in(judged.sign_in, Event.ASKED_AGAIN, Result.PROOF_EXPIRED)
            self.audit.record(unit, replace(entry, rules=judged.decision.rules, detail={"by": list(by)}))

    def expired(self, sign_in: SignIn) -> None:
        """Record that a sign-in was not gone on with in time, once."""
        key = f"expired:{sign_in.id}:{sign_in.started_at.timestamp()}"
        with self.store.write() as unit:
            # A page may be looked at as often as somebody likes.
            if once(unit, key, until=self.clock.now() + _DAY):
                self.audit.record(unit, _of_sign_in(sign_in, Event.SIGN_IN_EXPIRED, Result.IN_PROGRESS))

    @staticmethod
    def _no(attempt: Attempt, counted: Counted, public: str = "") -> Refused:
        # Behind the first factor a lock may be told, and ends the sign-in. Before it, the page
        # must be the same for people who exist and people who don't.
        if attempt.worth.first or not attempt.sign_in.person:
            return Refused(attempt.worth.no)
        return TooMany("There were too many wrong tries.") if counted.locked else Refused(public)

    def _familiar(self, attempt: Attempt) -> bool:
        """Say whether the answer is about the person who signed in on this browser before."""
        with self.store.read() as connection:
            known = self.devices.person_of(connection, attempt.visit.device, self.clock.now())
            if not known:
                return False
            names = {target_of(key) for key in self.people.login_keys(connection, known)}
        # By what is counted, not by whom the sign-in is about: any name can be typed into it.
        return attempt.target in {person_target(known), "enrol:" + known, *names}

    def _failed(
        self,
        attempt: Attempt,
        counted: Counted,
        *,
        right: bool = False,
        person: str = "",
        why: str = "",
        result: Result | None = None,
    ) -> None:
        found = self._found(attempt)
        event = Event.CREDENTIAL_REFUSED
        if counted.locked:
            event = Event.RIGHT_WHILE_LOCKED if right else event
            event = Event.LOCKED if counted.just_locked and not right else event
        with self.store.write() as unit:
            self._record(
                unit,
                attempt,
                event,
                person=person or (found.id if found else attempt.sign_in.person),
                name=found.name if found else "",
                reason="locked" if counted.locked else "wrong",
                detail={"why": why} if why else {},
                result=Result.TOO_MANY_TRIES if counted.locked else result or Result.INVALID,
            )

    def _unchecked(self, attempt: Attempt, refused: Unchecked) -> None:
        """Record an answer that was not looked at, where it can be said why; it is no try."""
        if refused.result is None:
            return
        found = self._found(attempt)
        with self.store.write() as unit:
            self._record(
                unit,
                attempt,
                Event.CREDENTIAL_UNCHECKED,
                person=found.id if found else attempt.sign_in.person,
                name=found.name if found else "",
                result=refused.result,
            )

    def _found(self, attempt: Attempt) -> Person | None:
        # Only names that somebody has are recorded: people type passwords there by mistake.
        with self.store.read() as connection:
            return self.people.find(connection, attempt.typed)

    def _record(
        self,
        unit: Unit,
        attempt: Attempt,
        event: Event,
        *,
        person: str,
        name: str = "",
        reason: str = "",
        detail: Mapping[str, object] | None = None,
        result: Result | None = None,
    ) -> None:
        entry = Entry(
            event=event,
            person=person,
            partner=attempt.sign_in.request.partner,
            factor=attempt.factor,
            reason=reason,
            correlation=attempt.sign_in.correlation,
            detail={**({"offered": list(attempt.offered)} if attempt.offered else {}), **(detail or {})},
            name=name,
            address=attempt.visit.network.address,
            result=result,
        )
        self.audit.record(unit, entry)


def _about(judged: Judged, person: Person, event: Event, *rules: str) -> Entry:
    return Entry(
        event=event,
        person=person.id,
        partner=judged.partner.id,
        rules=rules,
        correlation=judged.sign_in.correlation,
        name=person.name,
        address=judged.sign_in.network.address,
    )


def _of_sign_in(sign_in: SignIn, event: Event, result: Result) -> Entry:
    return Entry(
        event=event,
        person=sign_in.person,
        partner=sign_in.request.partner,
        correlation=sign_in.correlation,
        address=sign_in.network.address,
        result=result,
    )


def _recorded(proof: Proof | None) -> Mapping[str, object]:
    """Return what is kept of a proof: which method, and what its factor finds worth keeping."""
    if proof is None:
        return {}
    verified = {"user_verified": True} if proof.user_verified else {}
    return ({"method": proof.method} if proof.method else {}) | dict(proof.detail) | verified
