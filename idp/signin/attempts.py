"""Check answers under the lockout's eye, and record how each went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from idp.audit import AuditLog, Entry, Event
from idp.core.errors import Busy, Denied, Refused
from idp.core.model import Method, SignIn, Visit
from idp.core.ports import Clock
from idp.directory.people import People
from idp.factors.password import target_of
from idp.sessions import Devices
from idp.signin.judge import Judged
from idp.signin.lockout import Counted, Lockout
from idp.store import Store, Unit

T = TypeVar("T")
# One text for unknown, locked, disabled and wrong alike; and for codes that are wrong, used or
# locked. It says what to do in each case without saying which it is.
PAUSED = {
    "password": (
        "That user name or password is not right. Check both and try again. "
        "After several wrong tries, sign-in pauses for 15 minutes."
    ),
    "code": (
        "That code is not right. Wait for the next code and try again. "
        "After several wrong tries, sign-in pauses for 15 minutes."
    ),
}


class TooMany(Refused):
    """There were too many wrong tries: this sign-in is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Counts each attempt before it is checked, and audits what came of it."""

    store: Store
    clock: Clock
    people: People
    lockout: Lockout
    devices: Devices
    audit: AuditLog

    def check(self, sign_in: SignIn, visit: Visit, factor: str, target: str, answer: Callable[[], T]) -> T:
        """Return what `answer` gives, unless there were too many attempts. Raises Refused.

        A locked target's answer is checked all the same: it costs the same time, and a right
        one is worth knowing of (somebody has the password).
        """
        counted = self.lockout.count(
            factor=factor,
            target=target,
            address=visit.network.address,
            familiar=self._familiar(sign_in, visit, factor, target),
        )
        try:
            result = answer()
        except Busy:
            # Nothing was checked, so nothing counts against anybody.
            self.lockout.take_back(counted)
            raise
        except Refused as refused:
            self._failed(sign_in, visit, factor, counted, "locked" if counted.locked else "wrong")
            raise self._no(factor, counted) from refused
        if counted.locked:
            self._failed(sign_in, visit, factor, counted, "locked, right answer")
            raise self._no(factor, counted)
        with self.store.write() as unit:
            self.lockout.succeeded(unit, counted)
            self._record(unit, sign_in, visit, factor, Event.CREDENTIAL_ACCEPTED, "")
        return result

    def registered(self, unit: Unit, sign_in: SignIn, visit: Visit, method: Method) -> None:
        """Record that a method was set up during a sign-in."""
        self._record(unit, sign_in, visit, method.factor, Event.METHOD_ADDED, "")

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
                    detail={"reference": denied.reference, "rule": denied.rule},
                    name=judged.person.name if judged.person else "",
                    address=judged.sign_in.network.address,
                ),
            )

    @staticmethod
    def _no(factor: str, counted: Counted) -> Refused:
        # Behind the first factor a lock may be told, and ends the sign-in. Before it, the page
        # must be the same for people who exist and people who don't.
        if factor != "password" and counted.locked:
            return TooMany(PAUSED["code"])
        return Refused(PAUSED["password" if factor == "password" else "code"])

    def _familiar(self, sign_in: SignIn, visit: Visit, factor: str, target: str) -> bool:
        """Say whether the answer is about the person who signed in on this browser before."""
        with self.store.read() as connection:
            known = self.devices.person_of(connection, visit.device, self.clock.now())
            if factor != "password":
                return known != "" and known == sign_in.person
            keys = self.people.login_keys(connection, known) if known else ()
        return target in {target_of(key) for key in keys}

    def _failed(self, sign_in: SignIn, visit: Visit, factor: str, counted: Counted, reason: str) -> None:
        event = Event.CREDENTIAL_REFUSED
        if counted.just_locked:
            event = Event.LOCKED
        if reason == "locked, right answer":
            event = Event.RIGHT_WHILE_LOCKED
        with self.store.write() as unit:
            self._record(unit, sign_in, visit, factor, event, reason)

    def _record(
        self, unit: Unit, sign_in: SignIn, visit: Visit, factor: str, event: Event, reason: str
    ) -> None:
        self.audit.record(
            unit,
            Entry(
                event=event,
                person=sign_in.person,
                partner=sign_in.request.partner,
                factor=factor,
                reason=reason,
                correlation=sign_in.correlation,
                address=visit.network.address,
            ),
        )
