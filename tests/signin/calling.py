"""What tests of calls do in the hallway: set up a carrier, take the call, press keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from idp.channels.spoken import Ended, Heard, Spoken
from idp.core.model import Person
from idp.directory import phones
from idp.factors import call
from idp.factors.call import CallSettings, CallSettingsStore, Line
from idp.factors.call.pages import CallPages
from idp.jobs import Outbox
from idp.jobs.outbox import Outcome
from idp.signin.steps import Step
from idp.store import Change, change, schema
from tests.hallway import ACTOR, Browser, House

NUMBER = "+14255550123"
_SETTINGS = {"account": "AC" + "0" * 32, "caller": "+14255550100"}


@dataclass
class Ringing:
    """A call that a carrier was asked to make."""

    house: House
    to: str
    secret: str

    def pick_up(self) -> str:
        return self.press("")

    def press(self, keys: str) -> str:
        return " ".join(self.heard(Heard(keys=keys)).sentences)

    def heard(self, heard: Heard) -> Spoken:
        return self.pages.say(self.secret, heard)

    def end(self, ended: Ended) -> None:
        self.pages.end(self.secret, ended)

    @property
    def pages(self) -> CallPages:
        return CallPages.of(self.house.hall.tools)


def carrier(house: House) -> None:
    row = {
        "name": "voice",
        "type": "twilio-voice",
        "position": 9,
        "prefixes": [],
        "settings": _SETTINGS,
        "sealed": b"",
    }
    with house.ground.store.write() as unit:
        unit.execute(sa.insert(schema.carriers), row)
        made = Change(noun="carrier", key="voice", before=None, after={})
        change(unit, actor=ACTOR, at=house.clock.now(), change=made)


def put(house: House, settings: CallSettings) -> None:
    with house.ground.store.write() as unit:
        CallSettingsStore(house.ground.store).put(unit, settings, actor=ACTOR, at=house.clock.now())
    house.clock.advance(seconds=2)


def give(house: House, person: Person, number: str = NUMBER, *, extension: str = "", pin: str = "") -> str:
    line = Line(number=phones.read_callable(number).number, extension=extension, pin=pin)
    new = call.handed_out(person, line, place="mobile", at=house.clock.now())
    with house.ground.store.write() as unit:
        return house.hall.methods.add(unit, person.id, new, allowed=True).id


def ringing(house: House) -> list[Ringing]:
    """Take the calls that wait in the outbox."""
    outbox, taken = Outbox(house.ground.store, house.ground.sealer, house.clock), []
    while leased := outbox.lease(["call"]):
        payload: Mapping[str, str] = outbox.open(leased).payload
        taken.append(Ringing(house, payload["to"], payload["secret"]))
        outbox.settle(leased, Outcome())
    return taken


def rings(house: House) -> Ringing:
    (one,) = ringing(house)
    return one


def begin(house: House, browser: Browser, name: str = "ada") -> Step:
    step = browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))
    return house.password(browser, step, name)


def go_on(house: House, browser: Browser, step: Step, **typed: str) -> Step:
    asked = step.sign_in.asked
    answer = {"factor": "call", "method": asked.method if asked else "", **typed}
    return browser.took(house.flow.prove(step.sign_in.id, browser.visit(), answer))


def enrol(house: House, browser: Browser, step: Step, **typed: str) -> Step:
    answer = {"factor": "call", **typed}
    return browser.took(house.flow.enrol(step.sign_in.id, browser.visit(), answer))
