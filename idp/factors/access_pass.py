"""Prove who you are by a temporary access pass that an administrator handed out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_bytes

from idp.core.errors import Refused
from idp.core.ids import readable
from idp.core.model import Asked, Kind, Method, Offer, Person, Proof, SignIn
from idp.core.ports import Clock, NewMethod
from idp.core.result import Result
from idp.factors.codes import NOT_THAT_CODE, read_letters, target_of
from idp.factors.proofs import no_proof, offers_of, proof_of
from idp.factors.tools import Tools
from idp.methods import Methods
from idp.policy.model import FactorWorth
from idp.store import Store, Unit

LABEL = "Temporary access pass"
# Microsoft's bounds (Temporary Access Pass); 8 letters are 38 bits, and tries are limited.
SHORTEST = timedelta(minutes=10)
USUAL = timedelta(hours=1)
LONGEST = timedelta(days=30)
FEWEST_LETTERS = 8
MOST_LETTERS = 48
# What a pass that works once opens, so that there is time to set up a method of one's own.
AFTER_ONCE = timedelta(minutes=10)
_KEY = 32  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PassTerms:
    """How long a pass works from when on (None: at once), whether once only, and how long it is."""

    lifetime: timedelta = USUAL
    starts_at: datetime | None = None
    once: bool = False
    letters: int = FEWEST_LETTERS

    def check(self) -> None:
        """Raise Refused when the terms are outside of the bounds."""
        if not SHORTEST <= self.lifetime <= LONGEST:
            raise Refused("A pass lasts from 10 minutes to 30 days.")
        if not FEWEST_LETTERS <= self.letters <= MOST_LETTERS:
            raise Refused("A pass has 8 to 48 characters.")


class AccessPass:
    """The factor; its form has the field `code`."""

    name = "pass"
    # Handed over by an administrator. Not enough by itself, as it is at Microsoft: a call to the
    # help desk alone must not make anybody somebody else.
    worth = FactorWorth(kinds=frozenset({Kind.HAVE}), amr=("otp",), stand_in=True)

    def __init__(self, *, store: Store, methods: Methods, clock: Clock) -> None:
        self._store = store
        self._methods = methods
        self._clock = clock

    @classmethod
    def of(cls, tools: Tools) -> AccessPass:
        """Return the factor, built."""
        return cls(store=tools.store, methods=tools.methods, clock=tools.clock)

    def offer(self, person: Person | None, methods: Sequence[Method]) -> Sequence[Offer]:
        """Return the offer of a pass whose time has come."""
        passes = (method for method in methods if method.factor == self.name)
        return offers_of(each for each in passes if self._begun(each) and not _used_up(each))

    def start(self, sign_in: SignIn, offer: Offer) -> Asked:
        """Begin asking; nothing needs sending."""
        return Asked(factor=self.name, method=offer.method)

    def target(self, sign_in: SignIn, answer: Mapping[str, str]) -> str:
        """Return the person's key: a new pass gives no new set of tries."""
        return target_of(sign_in.person)

    def prove(self, sign_in: SignIn, answer: Mapping[str, str]) -> Proof:
        """Check a pass, and use it up if it works once. Raises Refused, the same for wrong and used."""
        asked = sign_in.asked.method if sign_in.asked else ""
        code = read_letters(answer.get("code", ""))
        now = self._clock.now()
        with self._store.write() as unit:
            method = self._methods.mine(unit.connection, asked, person=sign_in.person, factor=self.name)
            if not self._begun(method) or not self._accepted(unit, method, code):
                known = self._methods.has_code(unit.connection, method.id, code)
                raise Refused(NOT_THAT_CODE, result=Result.CODE_USED if known else Result.WRONG_CODE)
            self._methods.used(unit, method.id)
            if _once(method):
                self._methods.end_by(unit, method.id, now + AFTER_ONCE)
        return proof_of(self, person=sign_in.person, method=asked, at=now)

    def _accepted(self, unit: Unit, method: Method, code: str) -> bool:
        if _once(method):
            return self._methods.use_code(unit, method.id, code)
        return self._methods.has_code(unit.connection, method.id, code)

    def _begun(self, method: Method) -> bool:
        return datetime.fromisoformat(method.data["starts_at"]) <= self._clock.now()


def _once(method: Method) -> bool:
    return "once" in method.data


def _used_up(method: Method) -> bool:
    return _once(method) and method.last_used_at is not None


def new_pass(letters: int) -> str:
    """Return a new pass, without grouping."""
    return readable(letters)


def handed_out(person: Person, code: str, terms: PassTerms, *, at: datetime) -> NewMethod:
    """Return a pass as a method: nobody has proved anything by it."""
    starts_at = max(terms.starts_at or at, at)
    once = {"once": "yes"} if terms.once else {}
    return NewMethod(
        factor=AccessPass.name,
        label=LABEL,
        secret=token_bytes(_KEY),
        counter=-1,
        data={"starts_at": starts_at.isoformat(), **once},
        proof=no_proof(AccessPass.name, person=person.id, at=at),
        codes=(code,),
        ends_at=starts_at + terms.lifetime,
    )
