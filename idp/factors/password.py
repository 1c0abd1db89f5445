"""Prove who you are by user name and password."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from idp.core.errors import Refused
from idp.core.model import Asked, Kind, Method, Offer, Person, Proof, SignIn
from idp.core.ports import Clock
from idp.core.result import Result
from idp.directory.people import People, login_key
from idp.factors.proofs import proof_of
from idp.factors.tools import Tools
from idp.policy.model import FactorWorth
from idp.store import Store

# One text for unknown, locked, disabled and wrong alike. It says what to do in each case without
# saying which it is.
WRONG = (
    "That user name or password is not right. Check both and try again. "
    "After several wrong tries, sign-in pauses for 15 minutes."
)


class Password:
    """The password factor; its form has the fields `username` and `password`."""

    name = "password"
    worth = FactorWorth(kinds=frozenset({Kind.KNOW}), amr=("pwd",), first=True, no=WRONG)

    def __init__(self, *, store: Store, people: People, clock: Clock) -> None:
        self._store = store
        self._people = people
        self._clock = clock

    @classmethod
    def of(cls, tools: Tools) -> Password:
        """Return the factor, built."""
        return cls(store=tools.store, people=tools.people, clock=tools.clock)

    def offer(self, person: Person | None, methods: Sequence[Method]) -> Sequence[Offer]:
        """Return the one offer; it does not say whether the person has a password."""
        return (Offer(factor=self.name, label="Password"),)

    def start(self, sign_in: SignIn, offer: Offer) -> Asked:
        """Begin asking; nothing needs sending."""
        return Asked(factor=self.name)

    def target(self, sign_in: SignIn, answer: Mapping[str, str]) -> str:
        """Return the key of the typed user name, known or not."""
        return target_of(login_key(answer.get("username", "")))

    def prove(self, sign_in: SignIn, answer: Mapping[str, str]) -> Proof:
        """Check user name and password. Raises Refused, the same for every reason, and Busy.

        Unknown, disabled and wrong cost the same reads and the same hash. A sign-in that
        already has a person accepts no other.
        """
        with self._store.read() as connection:
            person = self._people.find(connection, answer.get("username", ""))
        right = self._people.check_password(person, answer.get("password", ""))
        # The page says one thing; the record says which.
        if person is None:
            raise Refused(WRONG, result=Result.PERSON_UNKNOWN)
        if not right:
            raise Refused(WRONG, result=Result.INVALID)
        if not person.enabled:
            raise Refused(WRONG, result=Result.PERSON_DISABLED)
        if sign_in.person not in ("", person.id):
            raise Refused(WRONG, result=Result.OTHER_PERSON)
        return proof_of(self, person=person.id, at=self._clock.now())


def target_of(login_key: str) -> str:
    """Return the key under which attempts on a folded user name are counted: bounded, not personal."""
    return "name:" + hashlib.sha256(login_key.encode()).hexdigest()
