"""Attempts at every factor are counted before they are checked; too many lock."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from idp.core.errors import Refused
from idp.policy.model import Deny, Register
from idp.signin.limits import Limits
from idp.signin.lockout import forget
from idp.signin.steps import Step
from idp.store import Store
from tests.clock import TestClock
from tests.hallway import Browser, House, build_house

WRONG = "wrong"


def begin(house: House, browser: Browser) -> Step:
    return browser.took(house.flow.begin(house.request(house.partner()), browser.visit()))


def refuse(house: House, browser: Browser, step: Step, name: str = "ada", word: str = WRONG) -> str:
    with pytest.raises(Refused) as caught:
        house.password(browser, step, name, word)
    return caught.value.public


def test_right_password_is_refused_while_locked_and_the_text_is_the_same(
    house: House, browser: Browser
) -> None:
    house.person()
    step = begin(house, browser)
    texts = {refuse(house, browser, step) for _ in range(10)}
    texts.add(refuse(house, browser, step, word="correct horse"))
    texts.add(refuse(house, browser, step, name="nobody"))
    assert len(texts) == 1
    events = [json.loads(line)["event"] for line in house.log.getvalue().splitlines()]
    assert "right-while-locked" in events
    house.clock.advance(minutes=15)
    step = begin(house, browser)
    assert house.password(browser, step).sign_in.person


def test_names_that_nobody_has_are_counted_alike(house: House, browser: Browser) -> None:
    step = begin(house, browser)
    for _ in range(12):
        refuse(house, browser, step, name="nobody")
    counted = house.flow.attempts.lockout
    with house.ground.store.read() as connection:
        target = house.flow.judge.factors.provers["password"].target(step.sign_in, {"username": "NOBODY"})
        assert counted.locked(connection, factor="password", target=target)


def test_case_72_the_count_is_one_for_all_spellings(house: House, browser: Browser) -> None:
    house.person("ada")
    step = begin(house, browser)
    for spelling in ("ada", "ADA", "Ada", " ada ", "ａｄａ") * 2:
        refuse(house, browser, step, name=spelling)
    refuse(house, browser, step, word="correct horse")


def test_case_52_codes_lock_and_end_the_sign_in(house: House, browser: Browser) -> None:
    house.person()
    step = house.password(browser, begin(house, browser))
    for _ in range(10):
        with pytest.raises(Refused):
            house.totp(browser, step, "000000")
    ended = house.totp(browser, step, house.code())
    assert isinstance(ended.decision.verdict, Deny)
    assert ended.reply is None
    # A new sign-in does not start counting anew, and neither does the right password.
    other = Browser()
    step = house.password(other, begin(house, other))
    ended = house.totp(other, step, house.code())
    assert isinstance(ended.decision.verdict, Deny)
    assert house.door.grants == []


def test_case_52_a_parallel_burst_counts_every_attempt(house: House, browser: Browser) -> None:
    lockout = house.flow.attempts.lockout
    results = []

    def attempt() -> None:
        results.append(
            lockout.count(
                factor="totp", first=False, target="person:x", address="203.0.113.1", familiar=False
            ).locked
        )

    threads = [threading.Thread(target=attempt) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(False) == 10


def test_a_right_answer_clears_only_its_own_count(house: House, browser: Browser) -> None:
    house.person()
    step = house.password(browser, begin(house, browser))
    for _ in range(9):
        with pytest.raises(Refused):
            house.totp(browser, step, "000000")
    fresh = Browser()
    step = house.password(fresh, begin(house, fresh))
    with pytest.raises(Refused):
        house.totp(fresh, step, "000000")
    assert isinstance(house.totp(fresh, step).decision.verdict, Deny), "the password cleared no codes"


def test_case_54_an_outsider_cannot_lock_the_owner_out_of_a_known_browser(
    house: House, browser: Browser
) -> None:
    house.person("ada")
    house.person("eve")
    house.sign_in(browser, house.partner(), "ada")
    assert browser.device
    # Eve has a browser of her own that is known, but to nobody as Ada's.
    eve = Browser(address="203.0.113.9")
    house.sign_in(eve, house.partner(), "eve")
    evil = Browser(device=eve.device, address="203.0.113.9")
    step = begin(house, evil)
    for _ in range(30):
        refuse(house, evil, step, "ada")
    home = Browser(device=browser.device)
    assert house.password(home, begin(house, home)).sign_in.person
    elsewhere = Browser()
    refuse(house, elsewhere, begin(house, elsewhere), word="correct horse")


def test_case_54_of_codes_too_only_the_persons_own_browsers_count_apart(
    house: House, browser: Browser
) -> None:
    """Whoever has an account here, and somebody's password, gets no tries of their own at the code."""
    house.person("ada")
    house.person("eve")
    house.sign_in(browser, house.partner(), "ada")
    eve = Browser(address="203.0.113.9")
    house.sign_in(eve, house.partner(), "eve")
    evil = Browser(device=eve.device, address="203.0.113.9")
    step = house.password(evil, begin(house, evil))
    for _ in range(10):
        with pytest.raises(Refused):
            house.totp(evil, step, "000000")
    house.clock.advance(seconds=30)
    elsewhere = Browser()
    ended = house.totp(elsewhere, house.password(elsewhere, begin(house, elsewhere)))
    assert isinstance(ended.decision.verdict, Deny)
    house.clock.advance(seconds=30)
    home = Browser(device=browser.device)
    assert house.totp(home, house.password(home, begin(house, home))).reply is not None


def test_one_address_cannot_try_everybody(store: Store, tmp_path: Path, clock: TestClock) -> None:
    house = build_house(store, tmp_path, clock, limits=Limits(address=20))
    house.person()
    browser = Browser(address="203.0.113.66")
    step = begin(house, browser)
    for number in range(21):
        refuse(house, browser, step, name=f"person{number}")
    refuse(house, browser, step, word="correct horse")
    other = Browser()
    assert house.password(other, begin(house, other)).sign_in.person


def test_enrolment_codes_are_counted_too(house: House, browser: Browser) -> None:
    house.person(totp=False)
    step = house.password(browser, begin(house, browser))
    assert isinstance(step.decision.verdict, Register)
    step = house.choose(browser, step, "totp")
    for _ in range(10):
        with pytest.raises(Refused):
            house.flow.enrol(step.sign_in.id, browser.visit(), {"factor": "totp", "code": "000000"})
    ended = house.flow.enrol(step.sign_in.id, browser.visit(), {"factor": "totp", "code": "000000"})
    assert isinstance(ended.decision.verdict, Deny)


def test_unlocking_forgets_every_place(house: House, browser: Browser) -> None:
    house.person()
    step = begin(house, browser)
    for _ in range(11):
        refuse(house, browser, step)
    target = house.flow.judge.factors.provers["password"].target(step.sign_in, {"username": "ada"})
    with house.ground.store.write() as unit:
        forget(unit, [("password", target)])
    assert house.password(browser, step).sign_in.person


def test_case_57_codes_and_passwords_are_in_no_log(house: House, browser: Browser) -> None:
    house.person()
    house.sign_in(browser, house.partner())
    code = house.code()
    with house.ground.store.read() as connection:
        rows = [repr(row) for row in house.ground.audit.search(connection, limit=100)]
    for secret in (code, "correct horse", browser.session, browser.browser, browser.device):
        assert secret not in house.log.getvalue()
        assert all(secret not in row for row in rows)
