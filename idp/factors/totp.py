"""Prove possession of an authenticator app or token by a time-based code (RFC 6238)."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from secrets import token_bytes
from urllib.parse import quote, urlencode

import segno

from idp.core.errors import Refused
from idp.core.model import Asked, Enrolment, Kind, Method, Offer, Person, Proof, SignIn
from idp.core.ports import Clock, NewMethod
from idp.core.result import Result
from idp.factors.codes import NOT_BOTH, WRONG, Shape, accepted, which
from idp.factors.named import Named
from idp.factors.proofs import no_proof, offers_of, proof_of
from idp.factors.tools import Tools
from idp.keys import Sealer
from idp.methods import Methods
from idp.policy.model import FactorWorth
from idp.store import Store

LABEL = "Authenticator app"
_SEED = 20  # bytes: the 160 bits that RFC 4226 4 recommends
_SHORTEST_SEED = 10  # bytes: tokens that only exist with 80 bits can be imported
_LONGEST_SEED = 128
_PURPOSE = "enrolment"


class Totp:
    """The factor and its enrolment; the form has the field `code`.

    issuer_name is what the app shows beside the account.
    """

    name = "totp"
    worth = FactorWorth(kinds=frozenset({Kind.HAVE}), amr=("otp",), no=NOT_BOTH, resets="phone", unsent=True)

    def __init__(
        self,
        *,
        store: Store,
        methods: Methods,
        sealer: Sealer,
        clock: Clock,
        issuer_name: str,
        named: Named,
    ) -> None:
        self._store = store
        self._methods = methods
        self._sealer = sealer
        self._clock = clock
        self._issuer_name = issuer_name
        self._named = named

    @classmethod
    def of(cls, tools: Tools) -> Totp:
        """Return the factor, built."""
        return cls(
            store=tools.store,
            methods=tools.methods,
            sealer=tools.sealer,
            clock=tools.clock,
            issuer_name=tools.service_name,
            named=Named.of(tools, cls.name),
        )

    # Asking -----------------------------------------------------------------------------------
    def offer(self, person: Person | None, methods: Sequence[Method]) -> Sequence[Offer]:
        """Return one offer per registered app or token; one for all while nobody is known."""
        if person is None:
            return (Offer(factor=self.name, label=LABEL),)
        return offers_of(method for method in methods if method.factor == self.name)

    def start(self, sign_in: SignIn, offer: Offer) -> Asked:
        """Begin asking; nothing needs sending."""
        return Asked(factor=self.name, method=offer.method)

    def target(self, sign_in: SignIn, answer: Mapping[str, str]) -> str:
        """Return the person's key: a second token gives no second set of tries."""
        return self._named.target(sign_in, answer)

    def prove(self, sign_in: SignIn, answer: Mapping[str, str]) -> Proof:
        """Check a code and use up its time step. Raises Refused, the same for wrong and used."""
        now = self._clock.now()
        with self._store.read() as connection:
            held = self._named.held(connection, sign_in, answer)
        step, method = which(held, answer.get("code", ""), now)
        with self._store.write() as unit:
            # Compare-and-set: of two that bring the same code at once, one is refused.
            if not self._methods.advance(unit, method.id, step):
                raise Refused(WRONG, result=Result.CODE_USED)
        return proof_of(self, person=method.person, method=method.id, at=now)

    # Setting up -------------------------------------------------------------------------------
    def propose(self, person: Person) -> Offer:
        """Return the one offer: any app on any device will do."""
        return Offer(factor=self.name, label=LABEL)

    def begin(self, sign_in: SignIn, person: Person) -> Enrolment:
        """Return a draft with a new seed, sealed for this person."""
        sealed = self._sealer.seal(new_seed(), purpose=_PURPOSE, context=person.id)
        return Enrolment(factor=self.name, draft={"seed": base64.b64encode(sealed).decode()})

    def show(self, person: Person, enrolment: Enrolment) -> Mapping[str, str]:
        """Return qr_svg (markup), manual_key (groups of four) and otpauth_uri."""
        seed = self._draft(person, enrolment)
        uri = otpauth_uri(seed, Shape(), issuer=self._issuer_name, account=person.name)
        return {"qr_svg": _qr(uri), "manual_key": _grouped(base32(seed)), "otpauth_uri": uri}

    def confirm(
        self, sign_in: SignIn, person: Person, enrolment: Enrolment, answer: Mapping[str, str]
    ) -> NewMethod:
        """Check one code of the new app; its time step is used up by it. Raises Refused."""
        seed = self._draft(person, enrolment)
        now = self._clock.now()
        step = accepted(seed, Shape(), answer.get("code", ""), now, after=-1)
        return NewMethod(
            factor=self.name,
            label=LABEL,
            secret=seed,
            counter=step,
            data=Shape().data(),
            proof=proof_of(self, person=person.id, at=now),
        )

    def _draft(self, person: Person, enrolment: Enrolment) -> bytes:
        sealed = base64.b64decode(enrolment.draft["seed"])
        return self._sealer.open(sealed, purpose=_PURPOSE, context=person.id)


def handed_out(person: Person, seed: bytes, *, at: datetime) -> NewMethod:
    """Return a method that an administrator gives a person: nobody has proved anything by it."""
    nothing = no_proof(Totp.name, person=person.id, at=at)
    return NewMethod(
        factor=Totp.name, label=LABEL, secret=seed, counter=-1, data=Shape().data(), proof=nothing
    )


def otpauth_uri(seed: bytes, shape: Shape, *, issuer: str, account: str) -> str:
    """Return the address that authenticator apps read from a QR code (Key Uri Format)."""
    # The colon separates issuer and account, and apps split even at an escaped one.
    issuer, account = issuer.replace(":", ""), account.replace(":", "")
    parameters = {
        "secret": base32(seed),
        "issuer": issuer,
        "algorithm": shape.algorithm.upper(),
        "digits": shape.digits,
        "period": shape.period,
    }
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    return f"otpauth://totp/{label}?{urlencode(parameters, quote_via=quote, safe='')}"


def base32(seed: bytes) -> str:
    """Return a seed in base32 without padding, as apps want it typed."""
    return base64.b32encode(seed).decode().rstrip("=")


def read_seed(text: str) -> bytes:
    """Return the seed written in base32, in any case, with or without padding and grouping.

    Raises Refused when it is not base32 or not of 80 to 1024 bits.
    """
    letters = "".join(text.split()).replace("-", "").rstrip("=").upper()
    try:
        seed = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except ValueError as error:
        raise Refused("The secret is not base32: only the letters A-Z and the digits 2-7.") from error
    if not _SHORTEST_SEED <= len(seed) <= _LONGEST_SEED:
        raise Refused("The secret must have 80 to 1024 bits: 16 to 205 base32 characters.")
    return seed


def new_seed() -> bytes:
    """Return a new random seed."""
    return token_bytes(_SEED)


def _qr(uri: str) -> str:
    # Always dark on light, also on a dark page: many scanners read nothing else.
    return segno.make_qr(uri, error="m").svg_inline(scale=4, border=4, light="#fff", omitsize=True)


def _grouped(text: str) -> str:
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
