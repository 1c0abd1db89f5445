"""Over HTTP, nothing is issued with one factor, whatever is tried between the two."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.walks.browser import Browser
from tests.walks.halfway import Halfway, halfway
from tests.walks.server import Server

Visitor = Callable[[], Browser]
_ACTIONS = ("", "/choose", "/enrol", "/confirm", "/again")


@pytest.fixture
def half(server: Server, browser: Browser, wiki: str) -> Halfway:
    return halfway(server, browser, wiki)


def test_case_44_the_sign_in_s_own_address_gives_nothing(half: Halfway) -> None:
    for _ in range(2):
        half.browser.open(half.address)
        half.nothing_happened()
    half.ends_well()


def test_case_44_asking_again_in_a_second_tab_begins_at_the_password(half: Halfway) -> None:
    half.browser.authorize(half.client)
    assert half.browser.heading == "Sign in"
    half.browser.authorize(half.client, prompt="none")
    assert half.browser.left is not None
    assert half.browser.left.parameters["error"] == "login_required"
    half.ends_well()


def test_case_44_the_second_tab_has_a_sign_in_of_its_own(half: Halfway) -> None:
    half.browser.authorize(half.client)
    other = half.browser.address
    assert other != half.address
    # The first tab's person does not fill the second tab's first step.
    half.browser.post(other, {"factor": "totp", "method": half.method, "code": half.person.code()})
    assert not half.browser.issued
    assert half.browser.open(other).heading == "Sign in"
    half.ends_well()


@pytest.mark.parametrize("action", _ACTIONS)
def test_case_45_an_empty_form_changes_nothing(half: Halfway, action: str) -> None:
    half.browser.post(half.address + action, {})
    half.ends_well()


def test_case_45_a_form_without_the_code_is_told_what_a_code_is(half: Halfway) -> None:
    half.browser.post(half.address, {"factor": "totp", "method": half.method})
    assert "digits only" in half.browser.problem
    half.ends_well()


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("", {"factor": "password", "method": "", "username": "NAME", "password": "PASSWORD"}),
        ("", {"factor": "totp", "method": "", "code": "CODE"}),
        ("", {"factor": "password", "method": "METHOD", "code": "CODE"}),
        ("", {"factor": "none", "method": "METHOD", "code": "CODE"}),
        ("/enrol", {"factor": "totp", "method": "METHOD", "code": "CODE"}),
        ("/enrol", {"factor": "password", "code": "CODE"}),
        ("/confirm", {"what": "account", "answer": "yes"}),
        ("/confirm", {"what": "consent", "answer": "yes"}),
        ("/confirm", {"what": "", "answer": "other"}),
        ("/again", {"factor": "totp", "method": "METHOD", "code": "CODE"}),
    ],
    ids=str,
)
def test_case_45_a_form_of_another_stage_changes_nothing(
    half: Halfway, action: str, fields: dict[str, str]
) -> None:
    known = {"NAME": half.person.name, "PASSWORD": half.person.password, "METHOD": half.method}
    sent = {name: known.get(text, text) for name, text in fields.items()}
    if "CODE" in sent.values():
        sent["code"] = half.person.code()
    half.browser.post(half.address + action, sent)
    half.ends_well()


def test_case_45_the_first_answer_sent_again_changes_nothing(half: Halfway) -> None:
    answer = {"factor": "password", "method": "", "username": half.person.name}
    for _ in range(3):
        half.browser.post(half.address, answer | {"password": half.person.password})
        half.nothing_happened()
    half.ends_well()


def test_case_45_the_last_answer_sent_again_gives_no_second_code(half: Halfway) -> None:
    answer = {"factor": "totp", "method": half.method, "code": half.person.code()}
    assert half.browser.post(half.address, answer).issued
    half.browser.post(half.address, answer)
    assert (half.browser.issued, half.browser.status) == (False, 410)
    assert half.browser.heading == "This page was already used"


def test_case_39_the_address_opens_nothing_in_another_browser(half: Halfway, visitor: Visitor) -> None:
    thief = visitor()
    answer = {"factor": "totp", "method": half.method, "code": half.person.code()}
    for knock in (
        lambda: thief.open(half.address),
        lambda: thief.post(half.address, answer),
        lambda: thief.post(half.address + "/again", {}),
        lambda: thief.post(half.address + "/cancel", {}),
        # Nor with a browser cookie of its own.
        lambda: thief.authorize(half.client).post(half.address, answer),
    ):
        knock()
        assert (thief.issued, thief.status) == (False, 403)
        assert "another browser" in thief.text
    half.ends_well()


def test_case_39_another_person_s_sign_in_takes_no_answer_of_mine(
    half: Halfway, visitor: Visitor, server: Server, wiki: str
) -> None:
    mine = halfway(server, visitor(), wiki)
    code = mine.person.code()
    for browser, method in [
        (mine.browser, mine.method),
        (mine.browser, half.method),
        (half.browser, mine.method),
    ]:
        browser.post(half.address, {"factor": "totp", "method": method, "code": code})
        assert not browser.issued
    half.ends_well()
    # None of it used the code up.
    assert mine.browser.open(mine.address).submit(code=code).issued


def test_case_46_switching_the_way_keeps_two_ways_required(half: Halfway, visitor: Visitor) -> None:
    other = halfway(half.server, visitor(), half.client)
    for factor, method in [
        ("password", ""),
        ("totp", ""),
        ("totp", other.method),
        ("totp", half.method),
        ("sms", half.method),
        ("", ""),
    ]:
        half.browser.post(half.address + "/choose", {"factor": factor, "method": method})
        half.nothing_happened()
    half.browser.post(half.address + "/choose", {"factor": "password", "method": ""})
    half.browser.post(
        half.address,
        {"factor": "password", "username": half.person.name, "password": half.person.password},
    )
    half.ends_well()


def test_case_46_with_two_apps_each_counts_for_itself(server: Server, browser: Browser, wiki: str) -> None:
    person = server.someone()
    server.idp("method", "add", person.name, "totp")
    half = halfway(server, browser, wiki, person)
    methods = [one["id"] for one in server.json("method", "list", person.name)]
    other = next(method for method in methods if method != half.method)
    # The code of one app under the name of the other.
    code = person.code() if half.method == methods[0] else person.wrong_code()
    browser.post(half.address + "/choose", {"factor": "totp", "method": other})
    assert browser.form()[1]["method"] == other
    browser.post(half.address, {"factor": "totp", "method": half.method, "code": code})
    assert not browser.issued
    browser.post(half.address + "/choose", {"factor": "totp", "method": methods[0]})
    assert browser.code(person).issued


def test_case_46_another_language_changes_nothing(half: Halfway) -> None:
    half.browser.open(half.address + "?lang=ar")
    assert 'dir="rtl"' in half.browser.text
    half.browser.open(half.address + "?lang=en")
    half.ends_well()


def test_case_46_cancel_tells_the_application_no(half: Halfway) -> None:
    half.browser.post(half.address + "/cancel", {})
    assert half.browser.left is not None
    assert half.browser.left.parameters["error"] == "access_denied"
    assert half.browser.post(half.address, {"code": half.person.code()}).status == 410


def test_of_many_right_answers_at_once_one_is_let_in(half: Halfway) -> None:
    answer = {"factor": "totp", "method": half.method, "code": half.person.code()}
    with ThreadPoolExecutor(8) as pool:
        twins = [_twin(half.browser) for _ in range(8)]
        done = list(pool.map(lambda twin: twin.post(half.address, answer), twins))
    assert [twin.issued for twin in done].count(True) == 1
    others = [twin for twin in done if not twin.issued]
    assert {twin.heading for twin in others} <= {"This page was already used", "Enter your code"}


def test_of_first_and_second_answers_at_once_none_skips_a_step(
    server: Server, browser: Browser, wiki: str
) -> None:
    person = server.someone()
    browser.authorize(wiki)
    address, _ = browser.form()
    first = {"factor": "password", "method": "", "username": person.name, "password": person.password}
    method = server.json("method", "list", person.name)[0]["id"]
    second = {"factor": "totp", "method": method, "code": person.code()}
    with ThreadPoolExecutor(8) as pool:
        twins = [_twin(browser) for _ in range(8)]
        answers = [first, second] * 4
        done = list(pool.map(lambda twin, answer: twin.post(address, answer), twins, answers))
    # A code that came after a password is a right one; without it nothing is issued.
    assert [twin.issued for twin in done].count(True) <= 1
    assert all(
        twin.issued or twin.heading in ("Sign in", "Enter your code", "This page was already used")
        for twin in done
    )
    issued = next((twin for twin in done if twin.issued), None)
    if issued is None:
        assert browser.open(address).heading == "Enter your code"


def test_case_22_a_partner_switched_off_in_the_middle_gets_nothing(
    server: Server, browser: Browser, spare: str
) -> None:
    half = halfway(server, browser, spare)
    server.idp("partner", "disable", spare)
    time.sleep(2)  # which is the promise
    answer = {"factor": "totp", "method": half.method, "code": half.person.code()}
    browser.post(half.address, answer)
    assert (browser.left, browser.status) == (None, 400)
    assert "may not use this sign-in service" in browser.text
    # Every worker knows: each new connection may reach either.
    asked = f"/oidc/authorize?client_id={spare}&redirect_uri=https://wiki.example/callback"
    assert {server.get(asked)[0] for _ in range(16)} == {400}
    server.idp("partner", "enable", spare)
    server.settle()
    # And the answer that was not taken did not use the code up.
    assert browser.post(half.address, answer).issued


def test_a_person_switched_off_in_the_middle_gets_nothing(half: Halfway) -> None:
    half.server.idp("person", "disable", half.person.name)
    half.browser.post(half.address, {"factor": "totp", "method": half.method, "code": half.person.code()})
    assert not half.browser.issued
    assert "Your account is switched off." in half.browser.text


def test_a_method_removed_in_the_middle_is_worth_nothing(half: Halfway) -> None:
    half.server.idp("method", "remove", half.person.name, half.method)
    half.browser.post(half.address, {"factor": "totp", "method": half.method, "code": half.person.code()})
    assert not half.browser.issued
    assert half.browser.cookie("session") == ""


@pytest.fixture
def restartable(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "var", IDP_TRUSTED_PROXIES="127.0.0.1", IDP_WORKERS="1")
    running.client("wiki")
    running.start()
    yield running
    assert running.stop() == 0


def test_a_restart_in_the_middle_loses_nothing_and_gives_nothing(restartable: Server) -> None:
    # One factor before the restart and one after it; and a session from before.
    with Browser(restartable.base) as browser, Browser(restartable.base) as signed_in:
        half = halfway(restartable, browser, "wiki")
        person = restartable.someone()
        assert signed_in.authorize("wiki").password(person).code(person).issued
        assert restartable.stop() == 0
        restartable.start()
        half.nothing_happened()
        browser.post(
            half.address, {"factor": "totp", "method": half.method, "code": half.person.wrong_code()}
        )
        half.ends_well()
        assert signed_in.authorize("wiki", prompt="none").issued


def _twin(browser: Browser) -> Browser:
    """Return a browser with the same cookies: another window of the same one."""
    twin = Browser(browser.base, browser.web.headers["X-Forwarded-For"])  # type: ignore[arg-type]
    twin.web.cookies.update(browser.web.cookies)
    return twin
