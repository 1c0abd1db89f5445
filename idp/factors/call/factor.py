"""The phone call factor: call a registered phone, see what came of it, and set up new phones."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import ClassVar

import sqlalchemy as sa

from idp.channels.calls import KIND, Calls
from idp.channels.carriers import Carriers
from idp.core import codec
from idp.core.errors import Refused, Unchecked
from idp.core.ids import same
from idp.core.model import Asked, Enrolment, Kind, Method, Offer, Person, Proof, SignIn
from idp.core.ports import Clock, NewMethod, Pending
from idp.core.result import Result
from idp.directory import phones
from idp.directory.phones import Phone
from idp.factors import elsewhere
from idp.factors.call.dialogue import Mode, Talk
from idp.factors.call.settings import CallSettings, CallSettingsStore
from idp.factors.codes import WRONG, read_code, target_of
from idp.factors.elsewhere import Elsewhere, Request, Said
from idp.factors.proofs import no_proof, proof_of
from idp.factors.tolls import CALLS, Allowance, Spending
from idp.factors.tools import Tools
from idp.keys import Sealer
from idp.methods import Methods
from idp.policy.model import FactorWorth
from idp.store import Store, Unit
from idp.store.counters import count_down
from idp.store.revisioned import Revisioned

LABEL = "Phone call"
LASTS = timedelta(minutes=2)
NEW = "new"  # the phone that is being set up
_PURPOSE = "enrolment"
_KEPT = "asked-elsewhere"
_DIGITS = 6
_PIN = re.compile(r"[0-9]{4,8}")
_EXTENSION = re.compile(r"[0-9]{1,8}")
_NO_PIN = "A PIN has 4 to 8 digits, and is not the same digit or a row like 1234."
_WAITING = "The call is still under way. Pick up, and do what you hear."
_NO: Mapping[Said, str] = {
    Said.DENIED: "The sign-in was turned down on your phone.",
    Said.FRAUD: "The sign-in was turned down on your phone.",
    Said.WRONG_PIN: "That was not your PIN. Have us call again.",
    Said.NO_DIGITS: "Nobody pressed the right key. Have us call again.",
    Said.NO_ANSWER: "Nobody picked up. Have us call again.",
    Said.BUSY: "The line was busy. Have us call again.",
    Said.HUNG_UP: "The call ended before the right key was pressed. Have us call again.",
    Said.VOICEMAIL: "A voice box picked up. Have us call again.",
    Said.UNREACHABLE: "The phone could not be reached. Have us call again, or use another way.",
}


# Which of a person's phones it is. Offices' are filled in for people, who can't change them.
PLACES = ("mobile", "alternate", "office")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A phone that can be called: the number in E.164, an extension and a PIN if there are any."""

    number: str = field(repr=False)
    extension: str = field(default="", repr=False)
    pin: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The factor and its enrolment.

    Its forms have the field `code` where codes are read out, or none: what counts is what was pressed;
    and `number`, `country`, `pin` and `again` while a phone is set up. Phones that get texts can be
    called, too.
    """

    name: ClassVar[str] = "call"
    worth: ClassVar[FactorWorth] = FactorWorth(kinds=frozenset({Kind.HAVE}), amr=("tel",), resets="phone")

    store: Store
    clock: Clock
    methods: Methods
    sealer: Sealer
    calls: Calls
    ready: Callable[[], bool]
    settings: Callable[[], CallSettings]
    allowance: Allowance
    elsewhere: Elsewhere
    language: Callable[[str], str]

    @classmethod
    def of(cls, tools: Tools) -> Call:
        """Return the factor, built."""
        settings = CallSettingsStore(tools.store).get
        return cls(
            store=tools.store,
            clock=tools.clock,
            methods=tools.methods,
            sealer=tools.sealer,
            calls=Calls(tools.outbox, tools.clock),
            ready=Revisioned(tools.store, partial(Carriers.takes, kind=KIND)).get,
            settings=settings,
            allowance=Allowance("calls", CALLS, sealer=tools.sealer, limits=lambda: settings().limits),
            elsewhere=tools.elsewhere(cls.name, LASTS),
            language=tools.language,
        )

    # Asking -----------------------------------------------------------------------------------
    def offer(self, person: Person | None, methods: Sequence[Method]) -> Sequence[Offer]:
        """Return one offer per phone."""
        pins = self._pins
        mine = [
            one
            for one in methods
            if (one.factor == self.name and (not pins or one.data["pin"] == "yes"))
            or (one.factor == "sms" and not pins)
        ]
        offers = (Offer(factor=self.name, method=one.id, label=LABEL, detail=one.label) for one in mine)
        return tuple(offers) if mine and self.ready() else ()

    def start(self, sign_in: SignIn, offer: Offer) -> Asked:
        """Call the phone. Raises Unchecked when a limit says no more, or a call is under way.

        Asked for anew it is called again; what is only shown again is not.
        """
        asked, mode = sign_in.asked, self.settings().mode
        again = asked is not None and (asked.factor, asked.method) == (self.name, offer.method)
        with self.store.read() as connection:
            latest = elsewhere.of(connection, sign_in.person)
            line = self._line(connection, sign_in.person, offer.method)
        under_way = latest is not None and latest.open(self.clock.now()) and latest.device == offer.method
        if latest is None or not under_way or latest.sign_in != sign_in.id:
            latest = self._call(sign_in, sign_in.person, line, offer.method, mode)
        elif again:
            raise Unchecked(_WAITING)
        challenge = {"request": latest.id, "mode": mode.value}
        return Asked(factor=self.name, method=offer.method, challenge=challenge)

    def target(self, sign_in: SignIn, answer: Mapping[str, str]) -> str:
        """Return the person's key: a second phone gives no second set of tries."""
        return target_of(sign_in.person)

    def prove(self, sign_in: SignIn, answer: Mapping[str, str]) -> Proof:
        """Take up what was pressed, or check the code that was read out.

        Raises Refused when it was no, Unchecked while there is nothing to take up.
        """
        challenge = sign_in.asked.challenge if sign_in.asked else {}
        with self.store.write() as unit:
            request = self._settled(unit, sign_in, sign_in.person, challenge.get("request", ""), answer)
            if request.outcome is Said.APPROVED:
                self._mine(unit.connection, sign_in.person, request.device)
                self.methods.used(unit, request.device)
        if request.outcome is not Said.APPROVED:
            raise elsewhere.no(request, _NO)
        return proof_of(self, person=sign_in.person, method=request.device, at=self.clock.now())

    def outcome(self, sign_in: SignIn) -> Pending:
        """Say whether the form would get any further now (see `core.ports.OutOfBand`)."""
        draft = sign_in.enrolment
        draft = draft if draft and draft.factor == self.name else None
        place = draft.draft if draft else sign_in.asked.challenge if sign_in.asked else {}
        if draft is not None and "request" not in draft.draft:
            return Pending.WAITING
        with self.store.read() as connection:
            return self.elsewhere.pending(connection, sign_in, place)

    def _settled(
        self, unit: Unit, sign_in: SignIn, person: str, request_id: str, answer: Mapping[str, str]
    ) -> Request:
        """Return the request with what came of it; a right code is what it waits for. Raises Refused."""
        request, now = elsewhere.one(unit.connection, request_id), self.clock.now()
        typed = answer.get("code", "")
        if request is not None and typed and request.sign_in == sign_in.id and request.open(now):
            talk = codec.build(Talk, request.talk)
            if talk.mode is not Mode.CODE or not same(self.kept(request), read_code(typed, digits=_DIGITS)):
                raise Refused(WRONG, result=Result.WRONG_CODE)
            ready = request.device != NEW
            # In this order everywhere, or two that wait for each other can be.
            if self.elsewhere.answered(unit, request, Said.APPROVED, by=request.device, ready=ready, now=now):
                count_down(unit, talk.spent)
        return self.elsewhere.take(unit, sign_in, person, request_id, waiting=_WAITING)

    # Calls ------------------------------------------------------------------------------------
    @property
    def _pins(self) -> bool:
        return self.settings().mode is Mode.PIN

    def _call(self, sign_in: SignIn, person: str, line: Line, device: str, mode: Mode) -> Request:
        # What is compared with what is pressed, or typed on the page.
        number = {Mode.CODE: _new_code(), Mode.PIN: line.pin if device == NEW else "", Mode.KEY: ""}[mode]
        request, secret = self.elsewhere.new(sign_in, person, device=device)
        request = replace(request, number=self._sealed(request, number) if number else "")
        language = self.language(sign_in.request.locale)
        resetting = sign_in.request.reset
        talk = Talk(mode=mode, language=language, setting_up=device == NEW, resetting=resetting)
        phone = phones.stored(line.number)

        def send(unit: Unit) -> Mapping[str, object]:
            spent = self._spend(unit, request, phone)
            elsewhere.turned(unit, request, codec.plain(replace(talk, spent=tuple(spent))))
            self.calls.place(
                unit,
                number=line.number,
                extension=line.extension,
                secret=secret,
                expires_at=request.expires_at,
                person=person,
            )
            return {"method": device, "to": phone.masked}

        self.elsewhere.ask(request, send, setting_up=device == NEW)
        return request

    def kept(self, request: Request) -> str:
        """Return the code or PIN that a request waits for, "" for none."""
        if not request.number:
            return ""
        sealed = base64.b64decode(request.number)
        return self.sealer.open(sealed, purpose=_KEPT, context=request.id).decode()

    def _sealed(self, request: Request, text: str) -> str:
        sealed = self.sealer.seal(text.encode(), purpose=_KEPT, context=request.id)
        return base64.b64encode(sealed).decode()

    def _spend(self, unit: Unit, request: Request, phone: Phone) -> list[str]:
        spending = Spending(
            sign_in=request.sign_in, person=request.person, phone=phone, address=request.address
        )
        return self.allowance.spend(unit, spending, now=request.asked_at)

    def _mine(self, connection: sa.Connection, person: str, method_id: str) -> Method:
        for method in self.methods.of(connection, person):
            if method.id == method_id and method.factor in {self.name, "sms"}:
                return method
        raise Refused("That sign-in method is no longer registered.")

    def _line(self, connection: sa.Connection, person: str, method_id: str) -> Line:
        method = self._mine(connection, person, method_id)
        return line_of(method, self.methods.secret(connection, method.id))

    # Setting up -------------------------------------------------------------------------------
    def propose(self, person: Person) -> Offer | None:
        """Return the one offer: any phone will do."""
        return Offer(factor=self.name, label=LABEL) if self.ready() else None

    def begin(self, sign_in: SignIn, person: Person) -> Enrolment:
        """Return a draft without a number yet."""
        return Enrolment(factor=self.name)

    def show(self, person: Person, enrolment: Enrolment) -> Mapping[str, object]:
        """Return countries (code to calling code) and pins, or number (masked) and mode of the call."""
        if "number" in enrolment.draft:
            phone = phones.stored(self._drafted(person, enrolment).number)
            return {"number": phone.masked, "mode": enrolment.draft["mode"]}
        allowed, calling = self.allowance.countries(), phones.calling_codes()
        shown = {one: calling[one] for one in calling if not allowed or one in allowed}
        return {"countries": shown, "pins": self._pins}

    def confirm(
        self, sign_in: SignIn, person: Person, enrolment: Enrolment, answer: Mapping[str, str]
    ) -> NewMethod | Enrolment:
        """Take the number and call it; then, with the next answer, take up what was pressed there.

        Raises Refused, and Unchecked for a number that can't be called or while nothing has come.
        """
        draft = enrolment.draft
        if "number" in answer:
            phone = phones.read_callable(answer["number"], region=answer.get("country", ""))
            pin = read_pin(answer.get("pin", "")) if self._pins else ""
            return self._called(sign_in, person, Line(number=phone.number, pin=pin))
        if "number" not in draft:
            raise Unchecked("Type the number of your phone first.")
        line = self._drafted(person, enrolment)
        if "again" in answer:
            return self._called(sign_in, person, line)
        with self.store.write() as unit:
            request = self._settled(unit, sign_in, person.id, draft["request"], answer)
        if request.outcome is not Said.APPROVED:
            raise elsewhere.no(request, _NO)
        proof = proof_of(self, person=person.id, at=self.clock.now())
        return _new(line, place="mobile", proof=proof)

    def _called(self, sign_in: SignIn, person: Person, line: Line) -> Enrolment:
        mode = self.settings().mode
        request = self._call(sign_in, person.id, line, NEW, mode)
        data = codec.dump(line).encode()
        sealed = base64.b64encode(self.sealer.seal(data, purpose=_PURPOSE, context=person.id)).decode()
        return Enrolment(
            factor=self.name, draft={"number": sealed, "request": request.id, "mode": mode.value}
        )

    def _drafted(self, person: Person, enrolment: Enrolment) -> Line:
        sealed = base64.b64decode(enrolment.draft["number"])
        return codec.load(Line, self.sealer.open(sealed, purpose=_PURPOSE, context=person.id).decode())


def _new_code() -> str:
    return str(secrets.randbelow(10**_DIGITS)).zfill(_DIGITS)


def handed_out(person: Person, line: Line, *, place: str, at: datetime) -> NewMethod:
    """Return a phone that an administrator registers for a person: nobody has proved anything by it."""
    return _new(line, place=place, proof=no_proof(Call.name, person=person.id, at=at))


def new_pin() -> str:
    """Return a PIN that is not tried first."""
    while True:
        with suppress(Unchecked):
            return read_pin(str(secrets.randbelow(10**_DIGITS)).zfill(_DIGITS))


def read_pin(text: str) -> str:
    """Return a PIN that was chosen. Raises Unchecked when it is none, or one that is tried first."""
    pin = text.strip()
    if not _PIN.fullmatch(pin):
        raise Unchecked(_NO_PIN)
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    if steps in ({0}, {1}, {9}):
        raise Unchecked(_NO_PIN)
    return pin


def read_extension(text: str) -> str:
    """Return an extension, "" for none. Raises Refused."""
    extension = text.strip()
    if extension and not _EXTENSION.fullmatch(extension):
        raise Refused("An extension has 1 to 8 digits.")
    return extension


def line_of(method: Method, secret: bytes) -> Line:
    """Return the phone that a method is, whether it is one for calls or for texts."""
    return read_line(secret) if method.factor == Call.name else Line(number=secret.decode())


def read_line(secret: bytes) -> Line:
    """Return the phone that a method for calls keeps as its secret."""
    return codec.load(Line, secret.decode())


def _new(line: Line, *, place: str, proof: Proof) -> NewMethod:
    phone = phones.stored(line.number)
    label = f"{phone.masked} ({line.extension})" if line.extension else phone.masked
    return NewMethod(
        factor=Call.name,
        label=label,
        secret=codec.dump(line).encode(),
        counter=-1,
        data={"place": place, "pin": "yes" if line.pin else "no"},
        proof=proof,
    )
