"""The pages under /me when others are at work: races, floods, and what a thief would like to hide."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from idp.directory import phones
from idp.directory.hashing import PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import People
from idp.factors import sms
from idp.methods import Methods
from idp.store import Unit
from tests.admin.conftest import PASSWORD, TEST, Browser, Console
from tests.passkeys import SoftKey
from tests.portal.acts import (
    OPTIONS,
    ORIGIN,
    add,
    add_passkey,
    carriers,
    change,
    give,
    methods,
    remove,
    rename,
    sent,
    sign_in_path,
)


# What goes on at the same time ------------------------------------------------------------------
def test_this_was_not_me_ends_what_is_under_way(console: Console, ada: Browser) -> None:
    thief = console.browser().open("/me")
    given = {"factor": "password", "method": "", "username": "ada", "password": PASSWORD}
    thief.post(sign_in_path(thief), given)
    assert "Enter your code" in thief.text
    parked = sign_in_path(thief)
    console.clock.advance(seconds=1)
    ada.post("/me/not-me")
    console.clock.advance(minutes=1)
    assert "Sign in" in thief.open(parked).text
    assert "Enter your code" not in thief.text


def test_a_method_that_is_being_set_up_meanwhile_is_not_kept(
    console: Console, ada: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = OPTIONS.search(add(ada, "passkey").text)
    assert options is not None
    credential = SoftKey(origin=ORIGIN).make(unescape(options[1]))
    usual, other = Methods.add, console.browser().sign_in("ada", "/me")

    def add_late(self: Methods, unit: Unit, *given: Any, **more: Any) -> object:
        monkeypatch.setattr(Methods, "add", usual)
        local = LocalSource(console.store, PasswordHasher(), console.clock)
        people = People(console.store, console.clock, [local])
        console.clock.advance(seconds=1)
        people.forget_proofs(unit, console.people["ada"].id)
        return usual(self, unit, *given, **more)

    monkeypatch.setattr(Methods, "add", add_late)
    fields = {"factor": "passkey", "credential": credential, "label": ""}
    assert "signed out meanwhile" in ada.post(sign_in_path(ada) + "/enrol", fields).text
    assert set(methods(console).values()) == {"totp"}
    assert other.open("/me").path == "/me", "what was refused left nothing behind"


def test_a_draft_sent_twice_makes_one_method(console: Console, ada: Browser) -> None:
    options = OPTIONS.search(add(ada, "passkey").text)
    assert options is not None
    fields = {"factor": "passkey", "credential": SoftKey(origin=ORIGIN).make(unescape(options[1]))}
    draft = sign_in_path(ada)
    for _ in range(2):
        ada.post(draft + "/enrol", fields)
    assert sorted(methods(console).values()) == ["passkey", "totp"]


def test_a_passkey_is_registered_once(console: Console, ada: Browser) -> None:
    key = add_passkey(ada)
    options = OPTIONS.search(add(ada, "passkey").text)
    assert options is not None
    key.count += 1
    fields = {"factor": "passkey", "credential": key.make(unescape(options[1])), "label": "again"}
    assert "was not accepted" in ada.post(sign_in_path(ada) + "/enrol", fields).text


def test_only_so_many_are_set_up_in_an_hour(console: Console, ada: Browser) -> None:
    carriers(console)
    for _ in range(12):
        console.clock.advance(seconds=30)
        add(ada, "recovery")
        ada.post(sign_in_path(ada) + "/enrol", {"factor": "recovery", "saved": "yes"})
        if "within an hour" in ada.text:
            break
    assert "within an hour" in ada.text
    assert len(sent(console)) == 10


def test_of_two_that_change_the_password_one_does(
    console: Console, ada: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = LocalSource.hashed

    def hashed_late(self: LocalSource, password: str) -> str:
        monkeypatch.setattr(LocalSource, "hashed", usual)
        console.desk.people.set_password("ada", "administrators choice", actor=TEST)
        return usual(self, password)

    monkeypatch.setattr(LocalSource, "hashed", hashed_late)
    assert "changed meanwhile" in change(ada).text
    form = console.browser().open("/me")
    given = {"factor": "password", "method": "", "username": "ada", "password": "administrators choice"}
    assert "Enter your code" in form.post(sign_in_path(form), given).text


def test_case_54_wrong_tries_here_leave_the_owners_browser_alone(console: Console, ada: Browser) -> None:
    thief = console.browser()
    cookie = ada.client.get_cookie("__Host-countersign-session", domain="id.example")
    assert cookie is not None
    thief.client.set_cookie("__Host-countersign-session", cookie.value, domain="id.example", secure=True)
    for _ in range(11):
        change(thief, current="guess word")
    assert "not right" in thief.text
    assert "Your password is changed" in change(ada).text


def test_what_happened_is_not_washed_away(console: Console, ada: Browser) -> None:
    (app,) = methods(console)
    for _ in range(30):
        rename(ada, app, "another")
    stranger = console.browser().open("/me")
    page = sign_in_path(stranger)
    for _ in range(30):
        stranger.post(page, {"factor": "password", "method": "", "username": "ada", "password": "x"})
    assert "Signed in" in ada.open("/me").text
    assert ada.text.count("Too many wrong tries") <= 5


def test_what_cannot_be_asked_for_does_not_count_as_the_last_way(console: Console, ada: Browser) -> None:
    phone = phones.stored("+14255550123")
    give(console, sms.handed_out(console.people["ada"], phone, at=console.clock.now()))
    app = next(one for one, factor in methods(console).items() if factor == "totp")
    assert "your last way" in remove(ada, app), "there is no carrier for texts"
    carriers(console)
    remove(ada, app)
    assert list(methods(console).values()) == ["sms"]
    assert ada.path.startswith("/signin/"), "what was shown by it counts no more"


def test_names_are_letters_that_can_be_seen(console: Console, ada: Browser) -> None:
    add_passkey(ada, "a\u202eb\x1b[31mc\x00d")
    passkey = next(one for one, factor in methods(console).items() if factor == "passkey")
    with console.store.read() as connection:
        store = Methods(console.store, console.sealer, console.clock)
        labels = {one.id: one.label for one in store.of(connection, console.people["ada"].id)}
    assert labels[passkey].isprintable()
    rename(ada, passkey, "x\u202ey")
    with console.store.read() as connection:
        labels = {one.id: one.label for one in store.of(connection, console.people["ada"].id)}
    assert labels[passkey] == "x y"


def test_a_recovery_code_that_was_used_is_told(console: Console, ada: Browser) -> None:
    carriers(console)
    add(ada, "recovery")
    code = re.findall(r"<code[^>]*>([0-9A-Z-]{14})</code>", ada.text)[0]
    ada.post(sign_in_path(ada) + "/enrol", {"factor": "recovery", "saved": "yes"})
    sent(console)
    other = console.browser().sign_in("ada", "/me", code=False)
    lists = next(one for one, factor in methods(console).items() if factor == "recovery")
    other.post(sign_in_path(other) + "/choose", {"factor": "recovery", "method": lists})
    other.post(sign_in_path(other), {"factor": "recovery", "method": lists, "code": code})
    assert "You used a recovery code" in other.text
    assert "recovery code or a temporary pass was used" in sent(console)[0]["text"]


def test_a_sign_in_that_waited_through_a_disabling_goes_no_further(console: Console, ada: Browser) -> None:
    thief = console.browser().open("/me")
    given = {"factor": "password", "method": "", "username": "ada", "password": PASSWORD}
    thief.post(sign_in_path(thief), given)
    parked = sign_in_path(thief)
    console.clock.advance(seconds=1)
    console.desk.people.disable("ada", actor=TEST)
    assert "switched off" in thief.open(parked).text
    console.clock.advance(seconds=1)
    console.desk.people.enable("ada", actor=TEST)
    assert "Enter your code" not in thief.open(parked).text
