"""Prove who you are by one of ten recovery codes, each of which works once."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from secrets import token_bytes

from idp.core.errors import Refused, Unchecked
from idp.core.ids import in_fours, readable
from idp.core.model import Asked, Enrolment, Kind, Method, Offer, Person, Proof, SignIn
from idp.core.ports import Clock, NewMethod
from idp.core.result import Result
from idp.factors.codes import NOT_BOTH, NOT_THAT_CODE, read_letters
from idp.factors.named import Named
from idp.factors.proofs import no_proof, offers_of, proof_of
from idp.factors.tools import Tools
from idp.keys import Sealer
from idp.methods import Methods
from idp.policy.model import FactorWorth
from idp.store import Store

LABEL = "Recovery codes"
CODES = 10
_LETTERS = 12  # 57 bits: nothing to guess, even without a limit on tries
_KEY = 32  # bytes
_PURPOSE = "enrolment"


class Recovery:
    """The factor and its enrolment; the form has the field `code`."""

    name = "recovery"
    # Something one has: a list that was handed out (NIST SP 800-63B, look-up secrets). Not something
    # one knows, or it would be a second factor beside an app without adding anything.
    worth = FactorWorth(
        kinds=frozenset({Kind.HAVE}),
        amr=("otp",),
        no=NOT_BOTH,
        stand_in=True,
        resets="recovery codes",
        unsent=True,
    )

    def __init__(self, *, store: Store, methods: Methods, sealer: Sealer, clock: Clock, named: Named) -> None:
        self._store = store
        self._methods = methods
        self._sealer = sealer
        self._clock = clock
        self._named = named

    @classmethod
    def of(cls, tools: Tools) -> Recovery:
        """Return the factor, built."""
        return cls(
            store=tools.store,
            methods=tools.methods,
            sealer=tools.sealer,
            clock=tools.clock,
            named=Named.of(tools, cls.name),
        )

    # Asking -----------------------------------------------------------------------------------
    def offer(self, person: Person | None, methods: Sequence[Method]) -> Sequence[Offer]:
        """Return one offer if the person has a list of codes, even a used-up one, or nobody is known yet."""
        if person is None:
            return (Offer(factor=self.name, label=LABEL),)
        return offers_of(method for method in methods if method.factor == self.name)

    def start(self, sign_in: SignIn, offer: Offer) -> Asked:
        """Begin asking; nothing needs sending."""
        return Asked(factor=self.name, method=offer.method)

    def target(self, sign_in: SignIn, answer: Mapping[str, str]) -> str:
        """Return the person's key."""
        return self._named.target(sign_in, answer)

    def prove(self, sign_in: SignIn, answer: Mapping[str, str]) -> Proof:
        """Check a code and use it up. Raises Refused, the same for wrong and used."""
        code = read_letters(answer.get("code", ""))
        with self._store.write() as unit:
            # There is one list: a new one ends the old.
            method, key = self._named.held(unit.connection, sign_in, answer)[0]
            if not self._methods.use_code(unit, method.id, code, key=key):
                known = self._methods.has_code(unit.connection, method.id, code, key=key)
                raise Refused(NOT_THAT_CODE, result=Result.CODE_USED if known else Result.WRONG_CODE)
            self._methods.used(unit, method.id)
        return proof_of(self, person=method.person, method=method.id, at=self._clock.now())

    # Setting up -------------------------------------------------------------------------------
    def propose(self, person: Person) -> Offer:
        """Return the one offer: codes can always be made; when they are due, policy says."""
        return Offer(factor=self.name, label=LABEL)

    def begin(self, sign_in: SignIn, person: Person) -> Enrolment:
        """Return a draft with new codes, sealed for this person."""
        codes = " ".join(new_codes()).encode()
        sealed = self._sealer.seal(codes, purpose=_PURPOSE, context=person.id)
        return Enrolment(factor=self.name, draft={"codes": base64.b64encode(sealed).decode()})

    def show(self, person: Person, enrolment: Enrolment) -> Mapping[str, object]:
        """Return codes: a list, each in groups of four as it is written down."""
        return {"codes": [in_fours(code) for code in self._draft(person, enrolment)]}

    def confirm(
        self, sign_in: SignIn, person: Person, enrolment: Enrolment, answer: Mapping[str, str]
    ) -> NewMethod:
        """Take the person's word that the codes are saved. Raises Unchecked without it."""
        if answer.get("saved") != "yes":
            raise Unchecked("Save the codes first, and then say so.")
        return handed_out(person, self._draft(person, enrolment), at=self._clock.now())

    def _draft(self, person: Person, enrolment: Enrolment) -> tuple[str, ...]:
        sealed = base64.b64decode(enrolment.draft["codes"])
        return tuple(self._sealer.open(sealed, purpose=_PURPOSE, context=person.id).decode().split())


def new_codes() -> tuple[str, ...]:
    """Return a new list of codes, without grouping."""
    return tuple(readable(_LETTERS) for _ in range(CODES))


def handed_out(person: Person, codes: tuple[str, ...], *, at: datetime) -> NewMethod:
    """Return a person's list of codes as a method: nobody has proved anything by it."""
    return NewMethod(
        factor=Recovery.name,
        label=LABEL,
        secret=token_bytes(_KEY),
        counter=-1,
        data={},
        proof=no_proof(Recovery.name, person=person.id, at=at),
        codes=codes,
    )
