"""Sign-ins that come to each of the record's results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import pyotp
import pytest

from idp.audit import AuditLog, Filter, Recorded, Result
from idp.channels.spoken import Ended, Heard
from idp.core.errors import BadMessage, Busy, Refused, Unchecked
from idp.core.model import Person, Strength, SubjectForm
from idp.directory import blocks
from idp.factors.call import CallSettings, Mode
from idp.factors.elsewhere import Said
from idp.policy.model import Conditions, Controls, Rule
from idp.signin.steps import Step
from tests.hallway import ACTOR, Browser, House
from tests.signin import calling, phoning, texting
from tests.signin.test_stand_ins import CODE, give_codes


@dataclass
class Case:
    """A house with Ada, and what most scenarios do in it; each sign-in has the correlation "c"."""

    house: House
    browser: Browser

    def ada(self, *, totp: bool = True) -> Person:
        return self.house.person(totp=totp)

    def begin(self, *, name: str = "ada", **fields: object) -> Step:
        """Come as far as the password."""
        partner = fields.pop("partner", None) or self.house.partner()
        request = self.house.request(partner, **fields)  # type: ignore[arg-type]
        visit = replace(self.browser.visit(), correlation="c")
        step = self.browser.took(self.house.flow.begin(request, visit))
        return self.house.password(self.browser, step, name)

    def rule(self, **fields: object) -> None:
        rule = Rule(id="r", name="the rule", **fields)  # type: ignore[arg-type]
        with self.house.ground.store.write() as unit:
            self.house.flow.judge.rules.replace_all(unit, [rule], actor=ACTOR, at=self.house.clock.now())
        self.house.clock.advance(seconds=2)

    def code(self, step: Step, code: str) -> None:
        with suppress(Refused):
            self.house.prove(self.browser, step, code)

    def recorded(self) -> list[Recorded]:
        with self.house.ground.store.read() as connection:
            return list(reversed(AuditLog.search(connection, Filter(), limit=1000)))

    def phone(self) -> tuple[phoning.InHand, Step]:
        phone = phoning.give(self.house, self.ada(totp=False))
        return phone, self.begin()

    def pushed(self, said: Said) -> None:
        phone, step = self.phone()
        number = phoning.number(step)
        other = f"{(int(number) + 1) % 100:02}"
        phone.say(Said.APPROVED if said is Said.WRONG else said, other)
        with suppress(Refused):
            phoning.go_on(self.house, self.browser, step)

    def called(self, act: Callable[[calling.Ringing], object], **settings: object) -> None:
        calling.carrier(self.house)
        calling.put(self.house, CallSettings(**settings))  # type: ignore[arg-type]
        calling.give(self.house, self.ada(totp=False), pin="2580" if settings else "")
        step = self.begin()
        act(calling.rings(self.house))
        with suppress(Refused):
            calling.go_on(self.house, self.browser, step)


def completed(case: Case) -> None:
    case.ada()
    case.house.totp(case.browser, case.begin())


def by_session(case: Case) -> None:
    completed(case)
    case.house.clock.advance(minutes=1)
    case.house.flow.begin(case.house.request(case.house.partner()), case.browser.visit())


def remembered(case: Case) -> None:
    case.ada()
    case.rule(controls=Controls(remember_days=7))
    step = case.begin()
    method = step.sign_in.asked.method if step.sign_in.asked else ""
    answer = {"factor": "totp", "method": method, "code": case.house.code(), "remember": "1"}
    case.browser.took(case.house.flow.prove(step.sign_in.id, case.browser.visit(), answer))
    case.browser = Browser(device=case.browser.device)
    assert case.begin().reply is not None


def registered(case: Case) -> None:
    case.ada(totp=False)
    step = case.house.choose(case.browser, case.begin(), "totp")
    assert step.sign_in.enrolment is not None
    assert step.person is not None
    shown = case.house.flow.judge.factors.enrollers["totp"].show(step.person, step.sign_in.enrolment)
    seed = str(shown["manual_key"]).replace(" ", "")
    answer = {"factor": "totp", "code": _totp(seed, case)}
    case.house.flow.enrol(step.sign_in.id, case.browser.visit(), answer)


def _totp(seed: str, case: Case) -> str:
    return pyotp.TOTP(seed).at(case.house.clock.now())


def not_needed(case: Case) -> None:
    case.ada()
    case.rule(conditions=Conditions(networks=("198.51.100.0/24",)), controls=Controls(strength=Strength.ONE))
    assert case.begin().reply is not None


def proof_expired(case: Case) -> None:
    completed(case)
    case.house.clock.advance(hours=1)
    asked = case.house.request(case.house.partner(), max_age=60)
    case.house.flow.begin(asked, case.browser.visit())


def in_progress(case: Case) -> None:
    case.ada()
    step = case.begin()
    case.house.clock.advance(minutes=15)
    for _ in range(2):
        with pytest.raises(BadMessage):
            case.house.flow.show(step.sign_in.id, case.browser.visit())


def duplicate(case: Case) -> None:
    phone, step = case.phone()
    phone.say(Said.DENIED)
    for _ in range(2):
        with suppress(Refused):
            phoning.go_on(case.house, case.browser, step)


def too_many(case: Case) -> None:
    case.ada()
    step = case.begin()
    for _ in range(11):
        case.code(step, "000000")


def invalid(case: Case) -> None:
    case.ada()
    with pytest.raises(Refused):
        case.house.password(case.browser, _started(case), word="guess")


def _started(case: Case) -> Step:
    request = case.house.request(case.house.partner())
    visit = replace(case.browser.visit(), correlation="c")
    return case.browser.took(case.house.flow.begin(request, visit))


def wrong_code(case: Case) -> None:
    case.ada()
    case.code(case.begin(), "000000")


def code_used(case: Case) -> None:
    give_codes(case.house, case.ada(), CODE)
    for _ in range(2):
        case.browser = Browser()
        step = case.begin()
        method = method_of(step, "recovery")
        case.code(case.house.choose(case.browser, step, "recovery", method), CODE)


def method_of(step: Step, factor: str) -> str:
    offers = step.decision.verdict.offers  # type: ignore[union-attr]
    return next(offer.method for offer in offers if offer.factor == factor)


def code_expired(case: Case) -> None:
    case.ada()
    step, code = case.begin(), case.house.code()
    case.house.clock.advance(minutes=5)
    case.code(step, code)


def wrong_pin(case: Case) -> None:
    def act(call: calling.Ringing) -> None:
        call.pick_up()
        for pin in ("1111", "2222", "3333"):
            call.press(pin)

    case.called(act, mode=Mode.PIN)


def no_digits(case: Case) -> None:
    case.called(lambda call: [call.press("") for _ in range(4)])


def cannot_text(case: Case) -> None:
    case.house.carrier()
    case.house.give_phone(case.ada(totp=False))
    step = case.begin()
    for _ in range(6):
        case.house.clock.advance(seconds=31)
        with suppress(Unchecked):
            texting.again(case.house, case.browser, step)


def cannot_push(case: Case) -> None:
    _, step = case.phone()
    for _ in range(6):
        with suppress(Refused):
            case.house.choose(case.browser, step, "push")


def cannot_call(case: Case) -> None:
    calling.carrier(case.house)
    line = calling.give(case.house, case.ada(totp=False))
    step = case.begin()
    for _ in range(6):
        for call in calling.ringing(case.house):
            call.end(Ended.BUSY)
        with suppress(Refused):
            case.house.choose(case.browser, step, "call", line)


def invalid_phone(case: Case) -> None:
    case.house.carrier()
    case.ada(totp=False)
    step = case.house.choose(case.browser, case.begin(), "sms")
    with pytest.raises(Unchecked):
        texting.enrol(case.house, case.browser, step, number="12", country="US")


def no_method(case: Case) -> None:
    case.ada()
    case.rule(controls=Controls(methods=("passkey",)))
    assert case.begin().denied is not None


def person_unknown(case: Case) -> None:
    with pytest.raises(Refused):
        case.house.password(case.browser, _started(case), name="nobody")


def person_blocked(case: Case) -> None:
    person, now = case.ada(), case.house.clock.now()
    with case.house.ground.store.write() as unit:
        blocks.block(unit, person.id, reason="stolen", now=now, until=now + timedelta(days=1))
    case.begin()


def person_disabled(case: Case) -> None:
    person = case.ada()
    with case.house.ground.store.write() as unit:
        case.house.hall.people.set_enabled(unit, person.id, enabled=False)
    with pytest.raises(Refused):
        case.begin()


def other_person(case: Case) -> None:
    case.ada()
    case.begin(expected_person="i-somebody-else")


def rule(case: Case) -> None:
    case.ada()
    case.rule(conditions=Conditions(people=("ada",)), controls=Controls(deny=True))
    case.begin()


def not_enough(case: Case) -> None:
    case.ada()
    case.begin(strength=Strength.PHISHING_RESISTANT)


def page_needed(case: Case) -> None:
    request = case.house.request(case.house.partner(), silent=True)
    case.house.flow.begin(request, replace(case.browser.visit(), correlation="c"))


def cancelled(case: Case) -> None:
    case.ada()
    case.house.flow.give_up(case.begin().sign_in.id, case.browser.visit())


def misconfiguration(case: Case) -> None:
    case.ada()
    step = case.begin(subject=SubjectForm.ATTRIBUTE, subject_attribute="employeeNumber")
    case.house.totp(case.browser, step)


def service_error(case: Case) -> None:
    case.ada()
    step, lane = _started(case), case.house.hall.local._hasher._lane
    while lane._places.acquire(blocking=False):
        pass  # as many people as may wait for their password's turn
    with pytest.raises(Busy):
        case.house.password(case.browser, step)


REACHED: Mapping[Result, Callable[[Case], object]] = {
    Result.COMPLETED: completed,
    Result.BY_SESSION: by_session,
    Result.REMEMBERED: remembered,
    Result.REGISTERED: registered,
    Result.NOT_NEEDED: not_needed,
    Result.PROOF_EXPIRED: proof_expired,
    Result.IN_PROGRESS: in_progress,
    Result.DUPLICATE: duplicate,
    Result.TOO_MANY_TRIES: too_many,
    Result.INVALID: invalid,
    Result.WRONG_CODE: wrong_code,
    Result.CODE_USED: code_used,
    Result.CODE_EXPIRED: code_expired,
    Result.WRONG_PIN: wrong_pin,
    Result.WRONG_NUMBER: lambda case: case.pushed(Said.WRONG),
    Result.DECLINED: lambda case: case.pushed(Said.DENIED),
    Result.FRAUD: lambda case: case.pushed(Said.FRAUD),
    Result.NO_ANSWER: lambda case: case.called(lambda call: call.end(Ended.NO_ANSWER)),
    Result.HUNG_UP: lambda case: case.called(lambda call: call.end(Ended.HUNG_UP)),
    Result.NO_DIGITS: no_digits,
    Result.VOICEMAIL: lambda case: case.called(lambda call: call.heard(Heard(machine=True))),
    Result.BUSY: lambda case: case.called(lambda call: call.end(Ended.BUSY)),
    Result.UNREACHABLE: lambda case: case.called(lambda call: call.end(Ended.UNREACHABLE)),
    Result.CANNOT_TEXT: cannot_text,
    Result.CANNOT_PUSH: cannot_push,
    Result.CANNOT_CALL: cannot_call,
    Result.INVALID_PHONE: invalid_phone,
    Result.NO_METHOD: no_method,
    Result.PERSON_UNKNOWN: person_unknown,
    Result.PERSON_BLOCKED: person_blocked,
    Result.PERSON_DISABLED: person_disabled,
    Result.OTHER_PERSON: other_person,
    Result.RULE: rule,
    Result.NOT_ENOUGH: not_enough,
    Result.PAGE_NEEDED: page_needed,
    Result.CANCELLED: cancelled,
    Result.MISCONFIGURATION: misconfiguration,
    Result.SERVICE_ERROR: service_error,
}
