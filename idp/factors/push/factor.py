"""The phone app as a factor: ask the person's phones, see what came of it, and set up new phones."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import ClassVar
from urllib.parse import urlsplit

import segno

from idp.channels.waking import Wakes
from idp.core.errors import Refused, Unchecked
from idp.core.ids import in_fours, new_id, readable
from idp.core.model import Asked, Enrolment, Kind, Method, Offer, Person, Proof, SignIn
from idp.core.ports import Clock, NewMethod, Pending
from idp.core.result import Result
from idp.factors import elsewhere
from idp.factors.codes import NOT_BOTH, WRONG, which
from idp.factors.elsewhere import Elsewhere, Request, Said
from idp.factors.named import Named
from idp.factors.proofs import proof_of
from idp.factors.push import setups
from idp.factors.push.setups import Setup, Setups
from idp.factors.tools import Tools
from idp.keys import Issuers, Sealer
from idp.methods import Methods
from idp.policy.model import FactorWorth
from idp.store import Store, Unit

LABEL = "Phone app"
PATH = "/authenticator/"
_PURPOSE = "enrolment"
LASTS = timedelta(minutes=2)
_MOST_PHONES = 5
_SEED = 20  # bytes: the 160 bits that RFC 4226 4 recommends

_WAITING = "Nothing has come from your phone yet. Open the app there and type the number."
_NOT_YET = "No phone has come with that code yet. Scan the picture with your phone first."
_NOT_SET_UP: Mapping[Said, str] = {
    Said.WRONG: "The phone got another number than the one shown here. Start over to get a new code.",
    Said.DENIED: "The phone said no. Start over to get a new code.",
    Said.FRAUD: "The phone said no. Start over to get a new code.",
    Said.NO_ANSWER: "Nobody answered on your phone in time. Send a new number.",
}
_NO: Mapping[Said, str] = {
    Said.WRONG: "The phone got another number than the one shown here. Send a new request and try again.",
    Said.DENIED: "The sign-in was turned down on your phone.",
    Said.FRAUD: "The sign-in was turned down on your phone.",
    Said.NO_ANSWER: "Nobody answered on your phone in time. Send a new request.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """The factor and its enrolment.

    Its forms have the field `code` for a code that the app shows, `again` for a new number while a
    phone is set up, or none: what counts is what the phone said. All phones of a person are one
    offer, and each is asked.
    """

    name: ClassVar[str] = "push"
    worth: ClassVar[FactorWorth] = FactorWorth(
        kinds=frozenset({Kind.HAVE}),
        amr=("pop", "swk", "otp"),
        no=NOT_BOTH,
        resets="phone",
        unsent=True,
    )

    store: Store
    clock: Clock
    methods: Methods
    issuers: Issuers
    sealer: Sealer
    setups: Setups
    wakes: Wakes
    elsewhere: Elsewhere
    named: Named

    @classmethod
    def of(cls, tools: Tools) -> Push:
        """Return the factor, built."""
        return cls(
            store=tools.store,
            clock=tools.clock,
            methods=tools.methods,
            issuers=tools.issuers,
            sealer=tools.sealer,
            setups=Setups(tools.sealer),
            wakes=Wakes(tools.outbox),
            elsewhere=tools.elsewhere(cls.name, LASTS),
            named=Named.of(tools, cls.name),
        )

    # Asking -----------------------------------------------------------------------------------
    def offer(self, person: Person | None, methods: Sequence[Method]) -> Sequence[Offer]:
        """Return one offer for all of a person's phones; while nobody is known, of their codes."""
        if person is None:
            return (Offer(factor=self.name, label=LABEL),)
        mine = [method.label for method in methods if method.factor == self.name]
        return (Offer(factor=self.name, label=LABEL, detail=", ".join(mine[:3])),) if mine else ()

    def start(self, sign_in: SignIn, offer: Offer) -> Asked:
        """Ask the person's phones; when they can't be asked now, the challenge says why (problem).

        Asked for anew there is a new number; what is only shown again stays as it is. Of nobody a code
        is wanted, and no phone is asked.
        """
        if not sign_in.person:
            return Asked(factor=self.name, challenge={"number": ""})
        asked, now = sign_in.asked, self.clock.now()
        again = asked is not None and asked.factor == self.name
        with self.store.read() as connection:
            latest = elsewhere.of(connection, sign_in.person)
        mine = latest is not None and (latest.factor, latest.sign_in) == (self.name, sign_in.id)
        if latest is None or again or not mine or not latest.open(now):
            try:
                latest = self._ask(sign_in)
            except Unchecked as refused:
                # Codes need nobody to be asked: whoever floods the phone must not take them away, too.
                return Asked(factor=self.name, challenge={"number": "", "problem": refused.public})
        return Asked(factor=self.name, challenge={"request": latest.id, "number": latest.number})

    def target(self, sign_in: SignIn, answer: Mapping[str, str]) -> str:
        """Return the person's key: a second phone gives no second set of tries."""
        return self.named.target(sign_in, answer)

    def prove(self, sign_in: SignIn, answer: Mapping[str, str]) -> Proof:
        """Take up what a phone said, or check a code of the app.

        Raises Refused when it was no, Unchecked while there is nothing to take up.
        """
        if answer.get("code") or not sign_in.person:
            return self._by_code(sign_in, answer)
        challenge = sign_in.asked.challenge if sign_in.asked else {}
        with self.store.write() as unit:
            request = self.elsewhere.take(
                unit, sign_in, sign_in.person, challenge.get("request", ""), waiting=_WAITING
            )
            if request.outcome is Said.APPROVED:
                method = self.methods.mine(
                    unit.connection, request.method, person=sign_in.person, factor=self.name
                )
                self.methods.used(unit, method.id)
        if request.outcome is not Said.APPROVED:
            raise elsewhere.no(request, _NO)
        return self._proof(sign_in.person, request.method, "pop", "swk")

    def outcome(self, sign_in: SignIn) -> Pending:
        """Say whether the form would get any further now (see `core.ports.OutOfBand`)."""
        draft, now = sign_in.enrolment, self.clock.now()
        draft = draft if draft and draft.factor == self.name else None
        with self.store.read() as connection:
            if draft is not None and "request" not in draft.draft:
                setup = self.setups.get(connection, draft.draft["device"], now=now)
                come = setup is not None and setup.connected
                return Pending.SETTLED if come else Pending.OVER if setup is None else Pending.WAITING
            place = draft.draft if draft else sign_in.asked.challenge if sign_in.asked else {}
            return self.elsewhere.pending(connection, sign_in, place)

    def _by_code(self, sign_in: SignIn, answer: Mapping[str, str]) -> Proof:
        with self.store.read() as connection:
            held = self.named.held(connection, sign_in, answer)
        step, method = which(held, answer.get("code", ""), self.clock.now())
        with self.store.write() as unit:
            # Compare-and-set: of two that bring the same code at once, one is refused.
            if not self.methods.advance(unit, method.id, step):
                raise Refused(WRONG, result=Result.CODE_USED)
        return self._proof(method.person, method.id, "otp")

    def _proof(self, person: str, method: str, *amr: str) -> Proof:
        return replace(proof_of(self, person=person, method=method, at=self.clock.now()), amr=amr)

    def _ask(self, sign_in: SignIn, *, person: str = "", device: str = "") -> Request:
        """Ask a person's phones, or only the one that is being set up. Raises Unchecked."""
        number = f"{secrets.randbelow(100):02}"
        request, _ = self.elsewhere.new(sign_in, person or sign_in.person, device=device, number=number)
        self.elsewhere.ask(request, partial(self._wake, request), setting_up=device != "")
        return request

    def _wake(self, request: Request, unit: Unit) -> Mapping[str, object]:
        if request.device:  # it is at hand, and open
            return {"phones": 0}
        phones = [one for one in self.methods.of(unit.connection, request.person) if one.factor == self.name]
        for phone in phones:
            self.wakes.send(unit, phone.id, expires_at=request.expires_at)
        return {"phones": len(phones)}

    # Setting up -------------------------------------------------------------------------------
    def propose(self, person: Person) -> Offer | None:
        """Return the one offer, where browsers keep keys: at https, and on this very machine."""
        parts = urlsplit(self.issuers.default().base_url)
        usable = parts.scheme == "https" or parts.hostname in {"localhost", "127.0.0.1"}
        return Offer(factor=self.name, label=LABEL) if usable else None

    def begin(self, sign_in: SignIn, person: Person) -> Enrolment:
        """Return a draft with a code that lets one phone in."""
        setup = Setup(id=new_id(), person=person.id, public="", label="", seed=secrets.token_bytes(_SEED))
        token = readable(setups.TOKEN_LENGTH)
        with self.store.write() as unit:
            mine = self.methods.of(unit.connection, person.id)
            if sum(method.factor == self.name for method in mine) >= _MOST_PHONES:
                raise Unchecked("You have five phones already. Remove one of them first.")
            self.setups.begin(unit, setup, token=token, now=self.clock.now())
        sealed = self.sealer.seal(token.encode(), purpose=_PURPOSE, context=person.id)
        draft = {"device": setup.id, "token": base64.b64encode(sealed).decode()}
        return Enrolment(factor=self.name, draft=draft)

    def show(self, person: Person, enrolment: Enrolment) -> Mapping[str, object]:
        """Return qr_svg (markup), setup_code and address; or number and phone, once one has come."""
        draft = enrolment.draft
        if "request" in draft:
            return {"number": draft["number"], "phone": draft["label"]}
        sealed = base64.b64decode(draft["token"])
        token = self.sealer.open(sealed, purpose=_PURPOSE, context=person.id).decode()
        home = self.issuers.default().base_url + PATH
        # Behind the '#': what is there is never sent to a server, and stands in no log.
        address = f"{home}#{token}"
        picture = segno.make_qr(address, error="m").svg_inline(scale=4, border=4, light="#fff", omitsize=True)
        return {"qr_svg": picture, "setup_code": in_fours(token), "address": address, "home": home}

    def confirm(
        self, sign_in: SignIn, person: Person, enrolment: Enrolment, answer: Mapping[str, str]
    ) -> NewMethod | Enrolment:
        """Have the phone that has come type a number, then take it.

        Raises Refused when it typed another, Unchecked while there is nothing to take up.
        """
        draft, now = enrolment.draft, self.clock.now()
        with self.store.read() as connection:
            setup = self.setups.get(connection, draft["device"], now=now)
        if setup is None or setup.person != person.id:
            raise Unchecked("That took too long. Start over to get a new code.")
        if not setup.connected:
            raise Unchecked(_NOT_YET)
        if "request" not in draft or "again" in answer:
            request = self._ask(sign_in, person=person.id, device=setup.id)
            asked = {"request": request.id, "number": request.number, "label": setup.label}
            return Enrolment(factor=self.name, draft={**draft, **asked})
        with self.store.write() as unit:
            request = self.elsewhere.take(unit, sign_in, person.id, draft["request"], waiting=_WAITING)
            if request.outcome in {Said.WRONG, Said.DENIED, Said.FRAUD}:
                # It may be another's phone, that came by a picture of the code: no second guess.
                self.setups.end(unit, setup.id)
        if request.outcome is not Said.APPROVED:
            raise elsewhere.no(request, _NOT_SET_UP)
        return NewMethod(
            id=setup.id,
            factor=self.name,
            label=setup.label,
            secret=setup.seed,
            counter=-1,
            data={"public": setup.public},
            proof=self._proof(person.id, "", "pop", "swk"),
        )
