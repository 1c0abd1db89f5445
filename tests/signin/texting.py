"""Steps of a sign-in by text message, as the pages' forms send them."""

from __future__ import annotations

import json

from idp.signin.steps import Step
from tests.hallway import Browser, House


def begin(house: House, browser: Browser, **fields: object) -> Step:
    step = browser.took(house.flow.begin(house.request(house.partner(), **fields), browser.visit()))
    return house.password(browser, step)


def show(house: House, browser: Browser, step: Step) -> Step:
    return browser.took(house.flow.show(step.sign_in.id, browser.visit()))


def again(house: House, browser: Browser, step: Step) -> Step:
    """Press "Send another text"."""
    asked = step.sign_in.asked
    assert asked is not None
    return browser.took(house.flow.choose(step.sign_in.id, browser.visit(), "sms", asked.method))


def enrol(house: House, browser: Browser, step: Step, **answer: str) -> Step:
    return browser.took(house.flow.enrol(step.sign_in.id, browser.visit(), {"factor": "sms", **answer}))


def choosing(house: House, browser: Browser) -> Step:
    """Get to the page that asks for a phone's number."""
    step = begin(house, browser)
    return browser.took(house.flow.choose(step.sign_in.id, browser.visit(), "sms", ""))


def wrong(code: str) -> str:
    return str((int(code) + 1) % 1_000_000).zfill(6)


def events(house: House) -> list[dict[str, str]]:
    return [json.loads(line) for line in house.log.getvalue().splitlines()]
