"""Which page a step of a sign-in is shown as, and what that page needs to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from idp.core.model import Enrolment, Offer, Person
from idp.policy.model import Ask, Confirm, Register, Reset
from idp.signin.consent import details
from idp.signin.flow import Flow
from idp.signin.steps import Step

_Page = tuple[str, Mapping[str, Any]]


def content(flow: Flow, step: Step, typed: Mapping[str, str]) -> _Page:
    """Return the template of a step and its own part of the context.

    typed is the form that was sent and not accepted, empty otherwise.
    """
    address, verdict = f"/signin/{step.sign_in.id}", step.decision.verdict
    if step.denied is not None:
        return "signin/denied.html", {
            "text": step.denied.public,
            "reference": step.denied.reference,
            # The partner is told, so that it can show its own way on.
            "action": address + "/cancel",
        }
    shown = _Content(flow=flow, step=step, address=address)
    match verdict:
        case Ask():
            return shown.asked(verdict, typed)
        case Register() if step.person:
            return shown.registering(verdict, step.person)
        case Reset():
            return "signin/new_password.html", {"action": f"/reset/{step.sign_in.id}"}
        case Confirm(what=what):
            return f"signin/confirm_{what}.html", shown.question(what)
    return "signin/finished.html", {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    flow: Flow
    step: Step
    address: str

    def asked(self, ask: Ask, typed: Mapping[str, str]) -> _Page:
        step, asked = self.step, self.step.sign_in.asked
        if asked is None:
            return "signin/choose.html", {"alternatives": ask.offers}
        others = [o for o in ask.offers if (o.factor, o.method) != (asked.factor, asked.method)]
        offer = next((o for o in ask.offers if o not in others), Offer(factor=asked.factor))
        beside = step.sign_in.beside
        context: dict[str, Any] = {
            "action": self.address,
            "factor": asked.factor,
            "method": asked.method,
            "method_label": offer.label,
            "method_detail": offer.detail,
            "challenge": asked.challenge,
            "beside": beside,
            "alternatives": [o for o in others if o.factor not in {one.factor for one in beside}],
            "remember_until": self._until(),
            "typed": None if step.person else typed.get("username", "")[:256] or step.sign_in.request.hint,
        }
        if asked.factor == "password":
            context |= {
                "username": step.person.name if step.person else context["typed"],
                "username_fixed": step.person is not None,
                "stay_offered": True,
                "forgot": "/reset?" + urlencode({"from": step.sign_in.id}),
                # What was wrong may be what was given beside it.
                "elsewhere": typed.get("factor", asked.factor) != asked.factor,
            }
        by_name = not (step.person or self.flow.judge.factors.worths[asked.factor].first)
        return "signin/forgotten.html" if by_name else f"factors/{asked.factor}/ask.html", context

    def _until(self) -> datetime | None:
        """Return until when this browser may stand in for what is asked, if it may."""
        decision, resetting = self.step.decision, self.step.sign_in.request.reset
        days = decision.remember if decision.opened and not resetting else 0
        return self.flow.judge.clock.now() + timedelta(days=days) if days else None

    def registering(self, asked: Register, person: Person) -> _Page:
        draft, later = self.step.sign_in.enrolment, self.address + "/later"
        if draft is None:
            proposed = self._proposed(person, asked.factors)
            context = {"alternatives": proposed, "later_action": later, "left": asked.left}
            return "signin/another.html", context
        return f"factors/{draft.factor}/setup.html", {
            "action": self.address + "/enrol",
            "file": self.address + "/recovery-codes.txt",
            "outcome": self.address + "/outcome",
            # Then it is not that a password would not do.
            "wished": bool(self.step.sign_in.request.register or asked.optional or asked.rule),
            **({"later": True, "cancel_action": later} if asked.optional else {}),
            **self._enrolling(person, draft, asked.factors),
        }

    def _enrolling(self, person: Person, draft: Enrolment, factors: Sequence[str]) -> Mapping[str, Any]:
        shown = dict(self.flow.judge.factors.enrollers[draft.factor].show(person, draft))
        if "qr_svg" in shown:
            shown["qr_svg"] = Markup(str(shown["qr_svg"]))  # noqa: S704 (made by us from our own URI)
        others = self._proposed(person, [factor for factor in factors if factor != draft.factor])
        return {"factor": draft.factor, "alternatives": others, **shown}

    def _proposed(self, person: Person, factors: Sequence[str]) -> Sequence[Offer]:
        enrollers = self.flow.judge.factors.enrollers
        return [offer for factor in factors if (offer := enrollers[factor].propose(person))]

    def question(self, what: str) -> Mapping[str, Any]:
        step = self.step
        return {
            "action": self.address + "/confirm",
            "details": details(step.sign_in.request, step.person, step.partner) if step.person else (),
            "left": self._codes_left() if what == "codes" else 0,
            "methods": self._methods() if what == "methods" else (),
        }

    def _codes_left(self) -> int:
        judge = self.flow.judge
        methods = [proof.method for proof in self.step.sign_in.proofs if proof.factor == "recovery"]
        with judge.store.read() as connection:
            return sum(judge.methods.codes_left(connection, method) for method in methods)

    def _methods(self) -> Sequence[Offer]:
        """Return the person's methods as they are shown when one is chosen."""
        judge, person = self.flow.judge, self.step.person
        with judge.store.read() as connection:
            methods = judge.methods.of(connection, person.id) if person else ()
        registered = {method.factor for method in methods}
        return [offer for offer in judge.offers(person, methods) if offer.factor in registered]
