"""Attacks on sessions, codes and people, over HTTP, by their numbers in the list of attacks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.walks.browser import Browser
from tests.walks.halfway import halfway
from tests.walks.server import Server, Someone

Visitor = Callable[..., Browser]
_WRONG_CODE = "That code is not right."
_WRONG_PASSWORD = "That user name or password is not right."
_TOO_MANY = "There were too many wrong tries."


@pytest.fixture
def inside_is_enough(server: Server, spare: str, tmp_path: Path) -> Iterator[None]:
    """Have one application ask for less inside a network."""
    rule = {
        "id": "inside",
        "conditions": {"partners": [spare], "networks": ["10.0.0.0/8", "127.0.0.0/8", "fe80::/10"]},
        "controls": {"strength": "one"},
    }
    (tmp_path / "rules.json").write_text(json.dumps([rule]))
    server.idp("policy", "set", str(tmp_path / "rules.json"))
    server.settle()
    yield
    (tmp_path / "rules.json").write_text("[]")
    server.idp("policy", "set", str(tmp_path / "rules.json"))


@pytest.mark.usefixtures("inside_is_enough")
def test_case_48_an_address_that_cannot_be_known_is_nowhere(
    server: Server, visitor: Visitor, spare: str
) -> None:
    person = server.someone()
    assert visitor("10.1.2.3").authorize(spare).password(person).issued
    for address in (
        "a",
        "",
        "127.0.0.1, 203.0.113.9",
        "fe80::1%eth0",
        "10.1.2.3, 203.0.113.9",  # what the client wrote itself stands on the left
        "10.1.2.3, unknown",
        "10.1.2.3,",
        "10.1.2.3:99999999:1",
        "010.1.2.3",
        "::ffff:203.0.113.9",
        ", ".join(["127.0.0.1"] * 40),
    ):
        outside = visitor(address).authorize(spare).password(person)
        assert (outside.issued, outside.heading) == (False, "Enter your code"), address


def test_case_49_a_planted_session_is_not_taken_up(browser: Browser, server: Server, wiki: str) -> None:
    planted = "p" * 43
    for name in ("session", "browser", "device"):
        browser.web.cookies.set(f"countersign-{name}", planted, domain="localhost.local", path="/")
    person = server.someone()
    assert browser.authorize(wiki).password(person).code(person).issued
    assert browser.cookie("session") not in ("", planted)
    assert browser.cookie("device") not in ("", planted)


def test_case_49_the_session_changes_with_every_gain(
    visitor: Visitor, browser: Browser, server: Server, wiki: str
) -> None:
    person = server.someone()
    browser.authorize(wiki).password(person).code(person)
    before = browser.cookie("session")
    assert browser.authorize(wiki, prompt="login").password(person).code(person).issued
    assert browser.cookie("session") not in ("", before)
    thief = visitor()
    thief.web.cookies.set("countersign-session", before, domain="localhost.local", path="/")
    assert not thief.authorize(wiki, prompt="none").issued


def test_case_49_a_prepared_sign_in_is_of_no_use_to_who_prepared_it(
    visitor: Visitor, server: Server, wiki: str
) -> None:
    attacker, victim, person = visitor(), visitor(), server.someone()
    prepared = attacker.authorize(wiki).address
    # As if a neighbouring site had planted the cookie and sent the person there.
    victim.web.cookies.update(attacker.web.cookies)
    assert victim.open(prepared).password(person).heading == "Enter your code"
    assert attacker.open(prepared).heading == "Enter your code"
    assert victim.code(person).issued
    assert attacker.open(prepared).status == 410
    assert not attacker.authorize(wiki, prompt="none").issued


def test_case_50_ids_are_long_and_say_nothing(
    visitor: Visitor, browser: Browser, server: Server, wiki: str
) -> None:
    person = server.someone()
    addresses = [visitor().authorize(wiki).address.rpartition("/")[2] for _ in range(8)]
    assert len(set(addresses)) == 8
    assert all(len(one) >= 32 for one in addresses)
    # Neither a common beginning nor an order in time.
    assert len({one[:6] for one in addresses}) == 8
    assert addresses != sorted(addresses)
    browser.authorize(wiki).password(person).code(person)
    session = browser.cookie("session")
    assert len(session) >= 22
    for forged in (session[:-1], session[:-1] + ("A" if session[-1] != "A" else "B"), "", "1", "x" * 4000):
        other = visitor()
        other.web.cookies.set("countersign-session", forged, domain="localhost.local", path="/")
        assert not other.authorize(wiki, prompt="none").issued


def test_case_51_the_next_person_on_a_browser_is_not_the_last(
    browser: Browser, server: Server, wiki: str
) -> None:
    first, second = server.someone(), server.someone()
    subjects = [_subject(browser.authorize(wiki).password(first).code(first))]
    former = browser.cookie("session")
    subjects.append(_subject(browser.authorize(wiki, prompt="login").password(second).code(second)))
    subjects.append(_subject(browser.authorize(wiki)))
    assert subjects[0] != subjects[1] == subjects[2]
    browser.web.cookies.set("countersign-session", former, domain="localhost.local", path="/")
    assert not browser.authorize(wiki, prompt="none").issued


def test_case_51_two_people_at_once_never_cross(visitor: Visitor, server: Server, wiki: str) -> None:
    people = [server.someone() for _ in range(4)]
    own = {
        person.name: _subject(visitor().authorize(wiki).password(person).code(person)) for person in people
    }

    def again(person: Someone) -> list[str]:
        browser = visitor()
        browser.authorize(wiki).password(person)
        signed_in = [_subject(browser.code(person))]
        return signed_in + [_subject(browser.authorize(wiki)) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        for person, seen in zip(people, pool.map(again, people), strict=True):
            assert set(seen) == {own[person.name]}
    assert len(set(own.values())) == 4


def test_case_52_wrong_codes_end_the_sign_in_and_a_new_one_does_not_help(
    visitor: Visitor, server: Server, wiki: str
) -> None:
    half = halfway(server, visitor(), wiki)
    wrong = half.person.wrong_code()
    for _ in range(10):
        assert half.browser.submit(code=wrong).problem.startswith(_WRONG_CODE)
    assert _TOO_MANY in half.browser.submit(code=wrong).text
    right = {"factor": "totp", "method": half.method, "code": half.person.code()}
    assert not half.browser.post(half.address, right).issued
    # Neither another sign-in, nor another browser, nor another network.
    for other in (half.browser, visitor()):
        assert other.authorize(wiki).password(half.person).heading == "Enter your code"
        assert not other.submit(code=right["code"]).issued
        assert _TOO_MANY in other.text
    server.idp("person", "unlock", half.person.name)
    unlocked = visitor().authorize(wiki).password(half.person)
    # The right one was looked at while locked, and is used up.
    assert unlocked.submit(code=right["code"]).problem.startswith(_WRONG_CODE)
    assert unlocked.code(half.person).issued


def test_case_52_a_burst_counts_in_full(visitor: Visitor, server: Server, wiki: str) -> None:
    half = halfway(server, visitor(), wiki)
    answer = {"factor": "totp", "method": half.method, "code": half.person.wrong_code()}
    twins = [visitor() for _ in range(24)]
    for twin in twins:
        twin.web.cookies.update(half.browser.web.cookies)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda twin: twin.post(half.address, answer), twins))
    log = [json.loads(line) for line in server.log().splitlines() if line.startswith('{"log":"audit"')]
    person = server.json("person", "show", half.person.name)["id"]
    tries = [one["event"] for one in log if one["person"] == person and one["factor"] == "totp"]
    assert tries.count("locked") == 1
    assert "credential-accepted" not in tries
    assert not half.browser.post(half.address, answer | {"code": half.person.code()}).issued


def test_case_54_a_stranger_does_not_lock_the_owner_out(visitor: Visitor, server: Server, wiki: str) -> None:
    person, stranger, own = server.someone(), visitor(), visitor()
    assert own.authorize(wiki).password(person).code(person).issued
    stranger.authorize(wiki)
    for _ in range(11):
        assert stranger.password(person, password="guess").problem.startswith(_WRONG_PASSWORD)
    # Locked for strangers, even with the right password.
    assert stranger.password(person).problem.startswith(_WRONG_PASSWORD)
    assert own.authorize(wiki, prompt="login").password(person).heading == "Enter your code"
    assert own.code(person).issued
    server.idp("person", "unlock", person.name)
    assert stranger.password(person).heading == "Enter your code"


def test_case_55_a_code_is_taken_once(visitor: Visitor, server: Server, wiki: str) -> None:
    first = halfway(server, visitor(), wiki)
    second = halfway(server, visitor(), wiki, first.person)
    code = first.person.code()
    assert first.browser.submit(code=code).issued
    full_width = code.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)})
    for again in (code, full_width, f" {code[:3]} {code[3:]} "):
        # The words are those for any wrong code.
        assert second.browser.submit(code=again).problem.startswith(_WRONG_CODE)
    assert second.browser.code(first.person).issued


def test_case_55_full_width_digits_are_digits(visitor: Visitor, server: Server, wiki: str) -> None:
    half = halfway(server, visitor(), wiki)
    code = half.person.code().translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)})
    assert half.browser.submit(code=code).issued


def test_case_55_of_parallel_sign_ins_with_one_code_one_is_let_in(
    visitor: Visitor, server: Server, wiki: str
) -> None:
    person = server.someone()
    halves = [halfway(server, visitor(), wiki, person) for _ in range(4)]
    code = person.code()
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda half: half.browser.submit(code=code), halves))
    assert [one.issued for one in done].count(True) == 1
    assert all(one.problem.startswith(_WRONG_CODE) for one in done if not one.issued)


def test_case_57_nothing_secret_is_written_down(visitor: Visitor, server: Server, wiki: str) -> None:
    half = halfway(server, visitor(), wiki)
    half.browser.submit(code="typed-by-mistake")
    assert "typed-by-mistake" not in half.browser.text
    code = half.person.code()
    assert code not in half.browser.open(half.address).text
    assert half.browser.submit(code=code).issued
    handle = half.browser.left.parameters["code"] if half.browser.left else ""
    stranger = visitor().authorize(wiki)
    stranger.submit(username="my-secret-as-name", password="guess-in-vain")
    assert "guess-in-vain" not in stranger.text
    written = server.log() + json.dumps(server.json("audit"))
    for secret in (
        half.person.password,
        half.person.seed.decode(),
        "typed-by-mistake",
        "guess-in-vain",
        "my-secret-as-name",
        handle,
        half.browser.cookie("session"),
        half.browser.cookie("browser"),
        half.browser.cookie("device"),
    ):
        assert secret
        assert secret not in written
    # Six digits alone may be part of a time or an id.
    assert not re.search(rf'"{code}"|[ =:]{code}\b(?!\+00)', written)


def test_case_61_a_set_up_belongs_to_its_sign_in(visitor: Visitor, server: Server, wiki: str) -> None:
    person = server.someone(app=False)
    mine, other = visitor(), visitor()
    seeds = []
    for browser in (mine, other):
        browser.authorize(wiki).password(person).choose("totp")
        assert browser.heading == "Set up an authenticator app"
        seeds.append(browser.shown_seed)
    assert seeds[0] != seeds[1]
    first, second = (Someone(person.name, person.password, seed) for seed in seeds)
    # The key of one sign-in is nothing in another,
    page, _ = mine.form()
    assert mine.submit(code=second.code()).problem.startswith(_WRONG_CODE)
    # and the page of one browser is nothing in another.
    assert other.post(page, {"factor": "totp", "code": first.code()}).status == 403
    assert mine.open(page.removesuffix("/enrol")).submit(code=first.code()).later().submit(saved="yes").issued


def test_case_61_the_first_set_up_closes_the_door_for_all_others(
    visitor: Visitor, server: Server, wiki: str
) -> None:
    person = server.someone(app=False)
    own, thief = visitor(), visitor()
    for browser in (own, thief):
        browser.authorize(wiki).password(person).choose("totp")
    page, _ = thief.form()
    theirs = Someone(person.name, person.password, thief.shown_seed)
    person.seed = own.shown_seed
    assert own.code(person).later().submit(saved="yes").issued
    # Who has the password only, and a draft from before, gets no second method in.
    assert not thief.post(page, {"factor": "totp", "method": "", "code": theirs.code()}).issued
    assert thief.open(page.removesuffix("/enrol")).heading == "Enter your code"
    assert not thief.submit(code=theirs.code()).issued
    assert {one["factor"] for one in server.json("method", "list", person.name)} == {"totp", "recovery"}


def test_case_61_a_password_alone_adds_nothing_to_who_has_an_app(
    browser: Browser, server: Server, wiki: str
) -> None:
    half = halfway(server, browser, wiki)
    for action in ("/choose", "/enrol"):
        browser.post(half.address + action, {"factor": "totp", "method": "", "code": half.person.code()})
        assert browser.open(half.address).heading == "Enter your code"
    assert len(server.json("method", "list", half.person.name)) == 1


def _subject(browser: Browser) -> str:
    """Redeem what the browser was sent away with; return whose it is."""
    return browser.claims()["sub"]
