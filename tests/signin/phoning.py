"""What tests of the phone app do in the hallway: give a person a phone, ask it, answer."""

from __future__ import annotations

from dataclasses import dataclass

from idp.core.ids import new_id
from idp.core.model import Asked, Person
from idp.core.ports import NewMethod
from idp.factors.elsewhere import Said
from idp.factors.push import Phones
from idp.factors.push.phones import Phone, Question
from idp.signin.steps import Step
from tests.hallway import Browser, House
from tests.proofs import proof

SEED = b"phone app's own seed"


@dataclass
class InHand:
    """A phone of a person, held by a test."""

    house: House
    id: str

    @property
    def phones(self) -> Phones:
        return Phones.of(self.house.hall.tools)

    @property
    def phone(self) -> Phone:
        return self.phones.find(self.id)

    def look(self) -> Question | None:
        return self.phones.question(self.phone)

    def say(self, said: Said, number: str = "") -> Said:
        question = self.look()
        assert question is not None, "nothing is asked"
        return self.phones.answer(self.phone, question.request.id, said, number=number)

    def approve(self, step: Step) -> Said:
        return self.say(Said.APPROVED, number(step))


def give(house: House, person: Person, label: str = "Pixel") -> InHand:
    new = NewMethod(
        id=new_id(),
        factor="push",
        label=label,
        secret=SEED,
        counter=-1,
        data={"public": ""},
        proof=proof("push", person.id, house.clock.now()),
    )
    with house.ground.store.write() as unit:
        method = house.hall.methods.add(unit, person.id, new, allowed=True)
    return InHand(house, method.id)


def asked(step: Step) -> Asked:
    assert step.sign_in.asked is not None
    assert step.sign_in.asked.factor == "push"
    return step.sign_in.asked


def number(step: Step) -> str:
    return asked(step).challenge["number"]


def begin(house: House, browser: Browser, name: str = "ada") -> Step:
    """Come as far as the page that shows a number."""
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    return house.password(browser, step, name)


def go_on(house: House, browser: Browser, step: Step, **typed: str) -> Step:
    answer = {"factor": "push", "method": "", **typed}
    return browser.took(house.flow.prove(step.sign_in.id, browser.visit(), answer))


def enrol(house: House, browser: Browser, step: Step, **typed: str) -> Step:
    answer = {"factor": "push", **typed}
    return browser.took(house.flow.enrol(step.sign_in.id, browser.visit(), answer))
