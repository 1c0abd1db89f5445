"""The text message factor: send a code to a registered phone, check it, and set up new phones."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from idp.audit import AuditLog, Entry, Event
from idp.channels import Texts, texts
from idp.channels.carriers import Carriers
from idp.core.errors import Refused, Unchecked
from idp.core.ids import fingerprint, new_id
from idp.core.model import Asked, Enrolment, Kind, Method, Offer, Person, Proof, SignIn
from idp.core.ports import Clock, NewMethod
from idp.core.result import Result
from idp.directory import phones
from idp.directory.phones import Phone
from idp.factors.codes import WRONG, read_code, target_of
from idp.factors.floods import TooMany
from idp.factors.proofs import no_proof, proof_of
from idp.factors.sms.sent import DIGITS, SentCodes
from idp.factors.sms.words import Messages
from idp.factors.tolls import TEXTS, Allowance, Spending, TextLimitsStore
from idp.factors.tools import Tools
from idp.keys import Sealer
from idp.methods import Methods
from idp.policy.model import FactorWorth
from idp.store import Store, Unit
from idp.store.revisioned import Revisioned

LABEL = "Text message"
_PURPOSE = "enrolment"
_PAUSE = timedelta(seconds=30)  # between two texts to one phone: most arrive within it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Errand:
    """A text that is wanted: in a sign-in, for a person's method ("" while it is set up)."""

    sign_in: SignIn
    person: str
    phone: Phone
    method: str = ""

    @property
    def place(self) -> str:
        """Return where its code is kept: of this sign-in, browser, phone, and nothing else."""
        whose = self.method or "new " + self.phone.number
        return fingerprint(f"{self.sign_in.id} {self.sign_in.browser} {whose}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    """The factor and its enrolment; forms have the fields `code`, or `number` and `country`.

    ready says whether there is a carrier to hand texts to: without one nothing is offered.
    """

    name: ClassVar[str] = "sms"
    worth: ClassVar[FactorWorth] = FactorWorth(kinds=frozenset({Kind.HAVE}), amr=("sms",), resets="phone")

    store: Store
    methods: Methods
    sealer: Sealer
    clock: Clock
    texts: Texts
    ready: Callable[[], bool]
    messages: Messages
    allowance: Allowance
    codes: SentCodes
    audit: AuditLog

    @classmethod
    def of(cls, tools: Tools) -> Sms:
        """Return the factor, built."""
        store, sealer = tools.store, tools.sealer
        return cls(
            store=store,
            methods=tools.methods,
            sealer=sealer,
            clock=tools.clock,
            texts=Texts(tools.outbox, tools.clock),
            ready=Revisioned(store, partial(Carriers.takes, kind=texts.KIND)).get,
            messages=Messages.of(tools),
            allowance=Allowance("texts", TEXTS, sealer=sealer, limits=TextLimitsStore(store).get),
            codes=SentCodes(sealer),
            audit=tools.audit,
        )

    # Asking -----------------------------------------------------------------------------------
    def offer(self, person: Person | None, methods: Sequence[Method]) -> Sequence[Offer]:
        """Return one offer per registered phone."""
        mine = [method for method in methods if method.factor == self.name]
        return tuple(_offer(method) for method in mine) if mine and self.ready() else ()

    def start(self, sign_in: SignIn, offer: Offer) -> Asked:
        """Text a code to the phone. Raises Unchecked when a limit says no more, or not yet.

        Asked for anew it is sent again; what is only shown again is not.
        """
        phone = self._phone(sign_in.person, offer.method)
        errand = _Errand(sign_in=sign_in, person=sign_in.person, phone=phone, method=offer.method)
        asked = sign_in.asked
        again = asked is not None and (asked.factor, asked.method) == (self.name, offer.method)
        sends = self._send(errand, again=again)
        return Asked(factor=self.name, method=offer.method, challenge={"sends": str(sends)})

    def target(self, sign_in: SignIn, answer: Mapping[str, str]) -> str:
        """Return the person's key: a second phone gives no second set of tries."""
        return target_of(sign_in.person)

    def prove(self, sign_in: SignIn, answer: Mapping[str, str]) -> Proof:
        """Check a code and use it up. Raises Refused, the same for wrong, used and too old."""
        method = sign_in.asked.method if sign_in.asked else ""
        errand = _Errand(
            sign_in=sign_in, person=sign_in.person, phone=self._phone(sign_in.person, method), method=method
        )
        self._use(errand, answer)
        return self._proof(errand)

    # Setting up -------------------------------------------------------------------------------
    def propose(self, person: Person) -> Offer | None:
        """Return the one offer: any mobile phone will do."""
        return Offer(factor=self.name, label=LABEL) if self.ready() else None

    def begin(self, sign_in: SignIn, person: Person) -> Enrolment:
        """Return a draft without a number yet."""
        return Enrolment(factor=self.name)

    def show(self, person: Person, enrolment: Enrolment) -> Mapping[str, object]:
        """Return countries (code to calling code), or where the code went: number and sends."""
        if "number" in enrolment.draft:
            phone = self._drafted(person, enrolment)
            return {"number": phone.masked, "sends": enrolment.draft["sends"]}
        allowed = self.allowance.countries()
        calling = phones.calling_codes()
        return {"countries": {one: calling[one] for one in calling if not allowed or one in allowed}}

    def confirm(
        self, sign_in: SignIn, person: Person, enrolment: Enrolment, answer: Mapping[str, str]
    ) -> NewMethod | Enrolment:
        """Take the number and text a code there; then, with the next answer, check that code.

        Nothing is looked up about a number, so the answer is the same whoever else has it.
        Raises Refused, and Unchecked for a number or time that no text can go to.
        """
        if "number" in answer:
            phone = phones.read(answer["number"], region=answer.get("country", ""))
            return self._texted(_Errand(sign_in=sign_in, person=person.id, phone=phone), again=False)
        if "number" not in enrolment.draft:
            raise Unchecked("Type the number of your phone first.")
        errand = _Errand(sign_in=sign_in, person=person.id, phone=self._drafted(person, enrolment))
        if "again" in answer:
            return self._texted(errand, again=True)
        self._use(errand, answer)
        return _new(errand.phone, self._proof(errand))

    def _texted(self, errand: _Errand, *, again: bool) -> Enrolment:
        sends = self._send(errand, again=again)
        number = errand.phone.number.encode()
        sealed = self.sealer.seal(number, purpose=_PURPOSE, context=errand.person)
        draft = {"number": base64.b64encode(sealed).decode(), "sends": str(sends)}
        return Enrolment(factor=self.name, draft=draft)

    def _drafted(self, person: Person, enrolment: Enrolment) -> Phone:
        sealed = base64.b64decode(enrolment.draft["number"])
        return phones.stored(self.sealer.open(sealed, purpose=_PURPOSE, context=person.id).decode())

    def _phone(self, person: str, method_id: str) -> Phone:
        with self.store.read() as connection:
            self.methods.mine(connection, method_id, person=person, factor=self.name)
            return phones.stored(self.methods.secret(connection, method_id).decode())

    # Codes ------------------------------------------------------------------------------------
    def _send(self, errand: _Errand, *, again: bool) -> int:
        """Send the errand's code, unless that was done just now; return how often it was sent."""
        try:
            with self.store.write() as unit:
                return self._sent(unit, errand, again=again)
        except TooMany as refused:
            with self.store.write() as unit:
                self._record(
                    unit, Event.CODE_WITHHELD, errand, reason=refused.over, result=Result.CANNOT_TEXT
                )
            raise

    def _sent(self, unit: Unit, errand: _Errand, *, again: bool) -> int:
        now, sign_in = self.clock.now(), errand.sign_in
        code = self.codes.current(unit, errand.place, now=now, until=sign_in.expires_at)
        if code.sent_at is not None and now - code.sent_at < _PAUSE:
            if again:
                raise Unchecked("The last text is still on its way. Wait half a minute before you ask again.")
            return code.sends
        spending = Spending(
            sign_in=sign_in.id,
            person=errand.person,
            phone=errand.phone,
            address=sign_in.network.address,
        )
        spent = self.allowance.spend(unit, spending, now=now)
        self.codes.sent(unit, errand.place, now=now, spent=[*code.spent, *spent])
        self.texts.send(
            unit,
            number=errand.phone.number,
            text=self.messages.text(code.code, sign_in),
            key=new_id(),
            expires_at=code.expires_at,
            person=errand.person,
        )
        self._record(unit, Event.CODE_SENT, errand)
        return code.sends + 1

    def _use(self, errand: _Errand, answer: Mapping[str, str]) -> None:
        typed = read_code(answer.get("code", ""), digits=DIGITS)
        with self.store.write() as unit:
            used = self.codes.use(unit, errand.place, typed, now=self.clock.now())
            if used is not Result.COMPLETED:
                raise Refused(WRONG, result=used)
            self.methods.used(unit, errand.method)

    def _proof(self, errand: _Errand) -> Proof:
        return proof_of(self, person=errand.person, method=errand.method, at=self.clock.now())

    def _record(
        self,
        unit: Unit,
        event: Event,
        errand: _Errand,
        *,
        reason: str = "",
        result: Result | None = None,
    ) -> None:
        entry = Entry(
            event=event,
            person=errand.person,
            partner=errand.sign_in.request.partner,
            factor=self.name,
            reason=reason,
            correlation=errand.sign_in.correlation,
            detail={"method": errand.method, "to": errand.phone.masked},
            address=errand.sign_in.network.address,
            result=result,
        )
        self.audit.record(unit, entry)


def handed_out(person: Person, phone: Phone, *, at: datetime) -> NewMethod:
    """Return a phone that an administrator registers for a person: nobody has proved anything by it."""
    return _new(phone, no_proof("sms", person=person.id, at=at))


def _new(phone: Phone, proof: Proof) -> NewMethod:
    return NewMethod(
        factor="sms", label=phone.masked, secret=phone.number.encode(), counter=-1, data={}, proof=proof
    )


def _offer(method: Method) -> Offer:
    return Offer(factor=method.factor, method=method.id, label=LABEL, detail=method.label)
