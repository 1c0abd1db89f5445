"""What tests of passkeys do: give one, ask, answer; and two fixtures for their modules."""

from __future__ import annotations

from collections.abc import Mapping

from idp.audit import AuditLog, Filter
from idp.core.model import Person
from idp.factors.passkey import PasskeySettings, PasskeySettingsStore
from idp.signin.steps import Step
from tests.hallway import ACTOR, Browser, House
from tests.passkeys import SoftKey

WRONG = "That passkey was not accepted"


def give(house: House, person: Person, **fields: object) -> SoftKey:
    key = SoftKey(**fields)  # type: ignore[arg-type]
    passkey = house.flow.judge.factors.enrollers["passkey"]
    sign_in = begin(house, Browser()).sign_in
    draft = passkey.begin(sign_in, person)
    made = passkey.confirm(sign_in, person, draft, {"credential": key.make(draft.draft["options"])})
    with house.ground.store.write() as unit:
        house.hall.methods.add(unit, person.id, made, allowed=True)  # type: ignore[arg-type]
    return key


def begin(house: House, browser: Browser, **fields: object) -> Step:
    return browser.took(house.flow.begin(house.request(house.partner(), **fields), browser.visit()))


def options(step: Step) -> str:
    """Return the options that the page gives the browser, whether for the question or beside it."""
    asked = [step.sign_in.asked, *step.sign_in.beside]
    return next(one.challenge["options"] for one in asked if one and one.factor == "passkey")


def answer(house: House, browser: Browser, step: Step, credential: str) -> Step:
    given = {"factor": "passkey", "method": "", "credential": credential}
    return browser.took(house.flow.prove(step.sign_in.id, browser.visit(), given))


def show(house: House, browser: Browser, step: Step, key: SoftKey, **changes: object) -> Step:
    return answer(house, browser, step, key.show(options(step), **changes))


def enrol(house: House, browser: Browser, step: Step, **fields: str) -> Step:
    given = {"factor": "passkey", **fields}
    return browser.took(house.flow.enrol(step.sign_in.id, browser.visit(), given))


def put(house: House, settings: PasskeySettings) -> None:
    with house.ground.store.write() as unit:
        PasskeySettingsStore(house.ground.store).put(unit, settings, actor=ACTOR, at=house.clock.now())


def recorded(house: House, **wanted: str) -> list[Mapping[str, object]]:
    with house.ground.store.read() as connection:
        found = AuditLog.search(connection, Filter(**wanted))  # type: ignore[arg-type]
    return [dict(one.detail) for one in found]
