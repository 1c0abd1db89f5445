"""A password reset under attack: nothing is skipped, used twice or told, and nobody gets in by it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from idp.core.errors import Busy
from idp.directory.hashing import PasswordHasher
from idp.directory.local import LocalSource
from idp.store import schema
from tests.admin.conftest import TEST, Browser, Console
from tests.portal.acts import NEW, add_passkey, carriers, sent, sign_in_path
from tests.portal.forgetting import (
    app_code,
    asked,
    codes,
    ends_well,
    first,
    method_of,
    password_is,
    phone,
    second,
    show,
    shown_both,
    type_new,
    untouched,
)

WRONG = "That user name or code is not right"


# Skipping ---------------------------------------------------------------------------------------
def test_row_47_no_step_can_be_left_out(console: Console, ada: Browser) -> None:
    mine, browser = codes(console), console.browser().open("/reset")
    assert asked(type_new(browser)) == "totp", "at the beginning"
    first(browser, "totp", app_code(console))
    assert asked(type_new(browser)) == "recovery", "after one way"
    for path in ("enrol", "confirm", "choose"):
        given = {"factor": "totp", "what": "account", "answer": "yes", "saved": "yes"}
        assert asked(browser.post(f"/signin/{browser.path.split('/')[2]}/{path}", given)) == "recovery"
    assert untouched(console)
    second(console, browser, "recovery", mine[0])
    assert ends_well(browser)


def test_row_47_an_ordinary_sign_in_leads_to_no_new_password(console: Console, ada: Browser) -> None:
    browser = console.browser().open("/me")
    assert asked(type_new(browser)) == "password"
    browser.sign_in("ada", "/me", code=False)
    assert asked(type_new(browser)) == "totp"
    assert untouched(console)


def test_row_47_ids_of_nothing_and_of_other_browsers_open_nothing(console: Console) -> None:
    shown, other = shown_both(console), console.browser().open("/me")
    sign_in = shown.path.rpartition("/")[2]
    assert other.post(f"/reset/{sign_in}", {"new": NEW}).status == 403
    assert console.browser().post(f"/reset/{sign_in}", {"new": NEW}).status == 403
    assert other.post("/reset/nothing", {"new": NEW}).status == 410
    assert untouched(console)


def test_row_47_what_the_browsers_session_proved_counts_for_nothing(console: Console, ada: Browser) -> None:
    mine = codes(console)
    assert asked(ada.open("/reset")) == "totp"
    assert "ada" not in ada.text.partition("<main")[2]
    first(ada, "recovery", mine[0])
    assert asked(ada) == "totp", "the session's app is not shown here"
    assert ends_well(second(console, ada, "totp", app_code(console)))


def test_row_47_whose_reset_it_is_does_not_change_on_the_way(console: Console) -> None:
    codes(console)
    theirs, browser = codes(console, "bob"), console.browser().open("/reset")
    first(browser, "totp", app_code(console))
    method = method_of(console, "recovery", "bob")
    given = {"factor": "recovery", "method": method, "username": "bob", "code": theirs[0]}
    assert not ends_well(browser.post(sign_in_path(browser), given))
    mine = {**given, "method": method_of(console, "recovery")}
    assert not ends_well(browser.post(sign_in_path(browser), mine))


def test_row_47_a_passkey_that_asks_nobody_does_not_come_first(console: Console, ada: Browser) -> None:
    key = add_passkey(ada)
    key.verifies = False
    assert "was not accepted" in show(console.browser().open("/reset"), key).text


# Getting in by it -------------------------------------------------------------------------------
def test_row_44_two_ways_without_the_password_are_no_sign_in(console: Console) -> None:
    """Not even where a rule wants one factor: both are things that one has."""
    enough = [{"id": "r", "name": "One", "controls": {"strength": "one"}}]
    console.desk.policies.replace_all(enough, actor=TEST)
    browser = shown_both(console)
    for path in ("/applications", "/me"):
        assert asked(browser.open(path)) == "password"
    with console.store.read() as connection:
        assert connection.execute(sa.select(schema.sessions)).first() is None
        assert connection.execute(sa.select(schema.devices)).first() is None


def test_row_51_another_persons_session_is_left_alone(console: Console) -> None:
    mine = codes(console)
    browser = console.browser().sign_in("bob", "/me").open("/reset")
    first(browser, "totp", app_code(console))
    second(console, browser, "recovery", mine[0])
    assert "Your password is changed" in type_new(browser).text
    assert browser.open("/me").path == "/me"
    assert "bob" in browser.text


def test_row_43_a_sign_in_that_waits_with_the_old_password_goes_no_further(console: Console) -> None:
    thief = console.browser().sign_in("ada", "/me", code=False)
    parked = sign_in_path(thief)
    type_new(shown_both(console))
    assert asked(thief.open(parked)) == "password"


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example/", "../me", "x" * 9000, "\x00"])
def test_row_47_it_leads_nowhere_else(console: Console, wanted: str) -> None:
    browser = console.browser()
    browser.open("/reset?" + urlencode({"from": wanted}))
    assert browser.post(sign_in_path(browser) + "/cancel").path == "/"


def test_row_47_nor_to_a_sign_in_of_another_browser(console: Console) -> None:
    other = sign_in_path(console.browser().open("/me")).rpartition("/")[2]
    browser = console.browser().open(f"/reset?from={other}")
    assert browser.post(sign_in_path(browser) + "/cancel").path == "/"


def test_case_65_another_sites_form_sets_no_password(console: Console) -> None:
    browser = shown_both(console)
    path = "/reset/" + browser.path.rpartition("/")[2]
    assert browser.post(path, {"new": NEW}, headers={"Sec-Fetch-Site": "cross-site"}).status == 400
    assert untouched(console)


# Using it twice ---------------------------------------------------------------------------------
def test_row_47_it_works_once(console: Console) -> None:
    browser = shown_both(console)
    again = browser.path
    type_new(browser)
    browser.path = again
    assert type_new(browser, "another four words").status == 410
    assert password_is(console, NEW)


def test_row_47_nor_when_the_state_has_stepped_back(console: Console) -> None:
    browser = shown_both(console)
    key = "signin:" + browser.path.rpartition("/")[2]
    held, again = console.state.get(key), browser.path
    assert held is not None
    console.clock.advance(seconds=1)
    type_new(browser)
    console.state.put(key, held.value, timedelta(hours=1))
    browser.path = again
    assert asked(type_new(browser, "another four words")) == "totp"
    assert password_is(console, NEW)


def test_row_47_of_eight_at_once_one_sets_it(console: Console) -> None:
    browser = shown_both(console)
    cookie = browser.client.get_cookie("__Host-countersign-browser", domain="id.example")
    path = "/reset/" + browser.path.rpartition("/")[2]
    assert cookie is not None

    def send(number: int) -> str:
        one = console.browser()
        one.client.set_cookie(cookie.key, cookie.value, domain="id.example", secure=True)
        return one.post(path, {"new": f"{NEW} {number}"}).text

    with ThreadPoolExecutor(8) as pool:
        told = ["Your password is changed" in text for text in pool.map(send, range(8))]
    assert told.count(True) == 1
    assert password_is(console, f"{NEW} {told.index(True)}")


def test_row_47_the_first_of_two_tabs_ends_the_other(console: Console) -> None:
    tab, other = (shown_both(console, code=code) for code in codes(console)[:2])
    console.clock.advance(seconds=1)
    type_new(tab)
    assert asked(type_new(other, "another four words")) == "totp"
    assert password_is(console, NEW)


def test_case_55_56_codes_are_used_up(console: Console) -> None:
    mine, code = codes(console), app_code(console)
    first(console.browser().open("/reset"), "recovery", mine[0])
    assert WRONG in first(console.browser().open("/reset"), "recovery", mine[0]).text
    first(console.browser().open("/reset"), "totp", code)
    assert WRONG in first(console.browser().open("/reset"), "totp", code).text
    sign_in = console.browser().sign_in("ada", "/me", code=False)
    assert "not right" in second(console, sign_in, "totp", code).text


# Meanwhile --------------------------------------------------------------------------------------
def disabled(console: Console) -> None:
    console.desk.people.disable("ada", actor=TEST)


def moved(console: Console) -> None:
    with console.store.write() as unit:
        unit.execute(sa.update(schema.people).values(source="elsewhere"))


def blocked(console: Console) -> None:
    console.desk.blocks.block("ada", reason="a report", actor=TEST)


def without_the_app(console: Console) -> None:
    console.desk.methods.remove("ada", method_of(console, "totp"), actor=TEST)


def signed_out(console: Console) -> None:
    console.desk.sessions.end_all("ada", actor=TEST)


MEANWHILE = [disabled, moved, blocked, without_the_app, signed_out]


@pytest.mark.parametrize("happens", MEANWHILE)
def test_row_47_what_changes_before_the_end_ends_it(
    console: Console, happens: Callable[[Console], None]
) -> None:
    browser, before = shown_both(console), hash_of(console)
    console.clock.advance(seconds=1)
    happens(console)
    assert "Your password is changed" not in type_new(browser).text
    assert hash_of(console) == before


@pytest.mark.parametrize("happens", MEANWHILE)
def test_row_47_even_while_the_new_password_is_being_hashed(
    console: Console, happens: Callable[[Console], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, before, usual = shown_both(console), hash_of(console), LocalSource.hashed

    def late(self: LocalSource, password: str) -> str:
        console.clock.advance(seconds=1)
        happens(console)
        return usual(self, password)

    monkeypatch.setattr(LocalSource, "hashed", late)
    assert "Your password is changed" not in type_new(browser).text
    assert hash_of(console) == before


def hash_of(console: Console) -> str:
    with console.store.read() as connection:
        found = sa.select(schema.passwords.c.hash).where(
            schema.passwords.c.person == console.people["ada"].id
        )
        return str(connection.execute(found).scalar())


def test_row_47_an_administrators_password_is_not_written_over(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, usual = shown_both(console), LocalSource.hashed

    def late(self: LocalSource, password: str) -> str:
        monkeypatch.setattr(LocalSource, "hashed", usual)
        console.clock.advance(seconds=1)
        console.desk.people.set_password("ada", "administrators choice", actor=TEST)
        return usual(self, password)

    monkeypatch.setattr(LocalSource, "hashed", late)
    type_new(browser)
    assert password_is(console, "administrators choice")


def test_row_47_too_late_is_begun_again_with_nothing_shown(console: Console) -> None:
    browser = shown_both(console)
    sign_in = "/signin/" + browser.path.rpartition("/")[2]
    console.clock.advance(minutes=20)
    assert type_new(browser).status == 410
    assert asked(browser.post(sign_in + "/again")) == "totp"
    assert asked(type_new(browser)) == "totp"
    assert untouched(console)


def test_a_busy_server_uses_nothing_up(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = shown_both(console)
    with monkeypatch.context() as patched:
        patched.setattr(PasswordHasher, "hash", busy)
        assert type_new(browser).status == 503
    assert "Your password is changed" in type_new(browser).text


def busy(_self: PasswordHasher, _password: str) -> str:
    raise Busy("The service is busy.")


def test_row_58_only_so_many_an_hour_are_told_by_text(console: Console) -> None:
    carriers(console)
    phone(console)
    for _ in range(5):
        assert "Your password is changed" in type_new(shown_both(console)).text
    assert "several times within an hour" in unescape(type_new(shown_both(console)).text)
    assert sum("Forgot your password" in one["text"] for one in sent(console)) == 10
