"""The pages under /me: who gets in, what can be added, renamed and removed there, and who is told."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
import sqlalchemy as sa

from idp.core import codec
from idp.directory import phones
from idp.factors import recovery, sms
from idp.store import schema
from tests.admin.conftest import PASSWORD, TEST, Browser, Console
from tests.passkeys import SoftKey
from tests.portal.acts import (
    METHOD,
    NEW,
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
from tests.proofs import proof as shown


# Who gets in ------------------------------------------------------------------------------------
def test_it_asks_for_both_factors_and_shows_what_there_is(console: Console, ada: Browser) -> None:
    assert ada.path == "/me"
    assert "How you sign in" in ada.text
    assert "Authenticator app" in ada.text
    assert "Signed in" in ada.text
    assert len(METHOD.findall(ada.text)) == 1


def test_a_password_alone_gets_nobody_in(console: Console) -> None:
    browser = console.browser().sign_in("ada", "/me", code=False)
    assert browser.path.startswith("/signin/")
    assert browser.open("/me").path.startswith("/signin/")
    assert add(browser, "passkey").path.startswith("/signin/")
    assert set(methods(console).values()) == {"totp"}


def test_whoever_signed_in_a_while_ago_shows_it_again(console: Console, ada: Browser) -> None:
    console.clock.advance(minutes=16)
    assert ada.open("/me").path.startswith("/signin/")
    assert add(ada, "passkey").path.startswith("/signin/")
    (method,) = methods(console)
    assert ada.post(f"/me/methods/{method}", {"action": "remove"}).path.startswith("/signin/")
    assert list(methods(console)) == [method]


def test_case_65_other_sites_change_nothing(console: Console, ada: Browser) -> None:
    add_passkey(ada)
    for method in methods(console):
        for path in (f"/me/methods/{method}", "/me/not-me", "/me/add"):
            answer = ada.post(path, {"action": "remove"}, headers={"Sec-Fetch-Site": "cross-site"})
            assert answer.status == 400
    assert len(methods(console)) == 2
    assert ada.open("/me").path == "/me"


# Adding -----------------------------------------------------------------------------------------
def test_a_passkey_is_added_and_is_a_sign_in_from_then_on(console: Console, ada: Browser) -> None:
    key = add_passkey(ada)
    assert ada.path == "/me"
    assert "My laptop" in ada.text
    assert set(methods(console).values()) == {"totp", "passkey"}
    other = console.browser().open("/me")
    options = OPTIONS.search(other.text)
    assert options is not None
    given = {"factor": "passkey", "method": "", "credential": key.show(unescape(options[1]))}
    assert other.post(sign_in_path(other), given).path == "/me"


def test_a_second_passkey_knows_of_the_first(console: Console, ada: Browser) -> None:
    add_passkey(ada, "first")
    options = OPTIONS.search(add(ada, "passkey").text)
    assert options is not None
    assert len(json.loads(unescape(options[1]))["excludeCredentials"]) == 1


def test_giving_up_comes_back_and_adds_nothing(console: Console, ada: Browser) -> None:
    add(ada, "totp")
    assert ada.post(sign_in_path(ada) + "/cancel").path == "/me"
    assert len(methods(console)) == 1


def test_new_recovery_codes_end_the_old_ones(console: Console, ada: Browser) -> None:
    for _ in range(2):
        assert "Save your recovery codes" in add(ada, "recovery").text
        ada.post(sign_in_path(ada) + "/enrol", {"factor": "recovery", "saved": "yes"})
        assert ada.path == "/me"
        assert sorted(methods(console).values()) == ["recovery", "totp"]
    assert "Codes left: 10" in re.sub(r"\s+", " ", ada.text)


@pytest.mark.parametrize("factor", ["password", "pass", "sms", "", "x" * 5000, "passkey\x00"])
def test_what_cannot_be_added_is_not(console: Console, ada: Browser, factor: str) -> None:
    assert add(ada, factor).path == "/me"
    assert len(methods(console)) == 1


def test_row_61_a_draft_is_worth_nothing_when_the_wish_is_old(console: Console, ada: Browser) -> None:
    options = OPTIONS.search(add(ada, "passkey").text)
    assert options is not None
    draft = sign_in_path(ada)
    console.clock.advance(minutes=16)
    key = SoftKey(origin=ORIGIN)
    fields = {"factor": "passkey", "credential": key.make(unescape(options[1])), "label": ""}
    assert ada.post(draft + "/enrol", fields).status == 410
    assert len(methods(console)) == 1


# Changing ---------------------------------------------------------------------------------------
def test_a_method_is_renamed_and_removed(console: Console, ada: Browser) -> None:
    add_passkey(ada)
    passkey = next(one for one, factor in methods(console).items() if factor == "passkey")
    assert "Work laptop" in rename(ada, passkey, " Work  laptop ")
    assert "Type a name first" in rename(ada, passkey, " ")
    assert "It is removed" in remove(ada, passkey)
    assert set(methods(console).values()) == {"totp"}
    assert {"method-changed", "method-removed"} <= set(
        re.findall(r'"event": ?"([^"]+)"', console.log.getvalue())
    )


def test_the_last_one_stays(console: Console, ada: Browser) -> None:
    (app,) = methods(console)
    assert "your last way" in remove(ada, app)
    assert list(methods(console)) == [app]


def test_what_is_somebody_elses_stays_theirs(console: Console, ada: Browser) -> None:
    add_passkey(ada)
    (theirs,) = methods(console, "bob")
    for action in ({"action": "remove"}, {"action": "rename", "label": "mine"}):
        assert "no longer registered" in ada.post(f"/me/methods/{theirs}", action).text
    assert list(methods(console, "bob")) == [theirs]


def test_names_are_shown_as_they_are(console: Console, ada: Browser) -> None:
    add_passkey(ada, "<script>alert(1)</script>")
    assert "<script>alert" not in ada.text
    assert "&lt;script&gt;alert(1)" in ada.text


# What is asked first, and where not at all -------------------------------------------------------
def test_a_method_is_asked_for_first(console: Console, ada: Browser) -> None:
    add_passkey(ada)
    app = next(one for one, factor in methods(console).items() if factor == "totp")
    answer = ada.post(f"/me/methods/{app}", {"action": "prefer"}).text
    assert "It is asked for first from now on." in answer
    assert "Asked first" in answer
    other = console.browser().sign_in("ada", "/me", code=False)
    assert "Enter your code" in other.text
    assert "method-preferred" in console.log.getvalue()


def test_nobody_prefers_what_is_not_theirs_or_stands_in(console: Console, ada: Browser) -> None:
    (theirs,) = methods(console, "bob")
    codes = give(console, recovery.handed_out(console.people["ada"], ("X" * 12,), at=console.clock.now()))
    assert "no longer registered" in ada.post(f"/me/methods/{theirs}", {"action": "prefer"}).text
    assert "when nothing else is at hand" in ada.post(f"/me/methods/{codes}", {"action": "prefer"}).text
    with console.store.read() as connection:
        assert set(connection.execute(sa.select(schema.people.c.preferred)).scalars()) == {""}


def trust(console: Console, name: str) -> str:
    """Have the person's browser stand in for their app; return its id."""
    kept = [codec.plain(shown("totp", console.people[name].id, console.clock.now()))]
    mine = schema.devices.c.person == console.people[name].id
    with console.store.write() as unit:
        unit.execute(sa.update(schema.devices).where(mine).values(remembered=kept))
        return str(unit.execute(sa.select(schema.devices.c.id).where(mine)).scalar_one())


def test_a_browser_that_stands_in_is_shown_and_asked_again(console: Console, ada: Browser) -> None:
    console.browser().sign_in("bob", "/me")
    mine, theirs = trust(console, "ada"), trust(console, "bob")
    assert "Browsers that don’t ask" in ada.open("/me").text
    assert f"/me/browsers/{mine}" in ada.text
    assert f"/me/browsers/{theirs}" not in ada.text
    for other in (theirs, "nothing", "x" * 5000):
        assert "not trusted any more" in ada.post(f"/me/browsers/{other}").text
    assert "That browser is asked again" in ada.post(f"/me/browsers/{mine}").text
    assert "Browsers that don’t ask" not in ada.open("/me").text
    assert "Browsers that don’t ask" in console.browser().sign_in("bob", "/me").text
    assert console.log.getvalue().count("browsers-forgotten") == 1


def test_case_65_other_sites_have_no_browser_asked_again(console: Console, ada: Browser) -> None:
    mine = trust(console, "ada")
    answer = ada.post(f"/me/browsers/{mine}", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 400
    assert "Browsers that don’t ask" in ada.open("/me").text


# Telling ----------------------------------------------------------------------------------------
def test_every_change_is_told_by_mail(console: Console, ada: Browser) -> None:
    carriers(console)
    add_passkey(ada)
    (added,) = sent(console)
    assert added["to"] == "ada@example.org"
    assert "was added: “My laptop”." in added["text"]
    assert ORIGIN + "/me" in added["text"]
    passkey = next(one for one, factor in methods(console).items() if factor == "passkey")
    remove(ada, passkey)
    assert "was removed: “My laptop”." in sent(console)[0]["text"]


def test_a_phone_that_is_removed_is_told_too(console: Console, ada: Browser) -> None:
    carriers(console)
    phone = phones.stored("+14255550123")
    method = give(console, sms.handed_out(console.people["ada"], phone, at=console.clock.now()))
    assert "no name of its own" in rename(ada, method, "x")
    remove(ada, method)
    told = {one["to"]: one["text"] for one in sent(console)}
    assert set(told) == {"ada@example.org", "+14255550123"}
    assert "was removed" in told["+14255550123"]


# It was not me ----------------------------------------------------------------------------------
def test_this_was_not_me_ends_every_session(console: Console, ada: Browser) -> None:
    carriers(console)
    other = console.browser().sign_in("ada", "/me")
    ended = ada.post("/me/not-me")
    assert "You are signed out everywhere" in ended.text
    for browser in (ada, other):
        assert browser.open("/me").path.startswith("/signin/")
    assert "sign-in-disowned" in console.log.getvalue()
    assert "signed out everywhere" in sent(console)[0]["text"]
    with console.store.read() as connection:
        assert connection.execute(sa.select(schema.devices)).first() is None


def test_it_is_only_about_the_person(console: Console, ada: Browser) -> None:
    bob = console.browser().sign_in("bob", "/me")
    ada.post("/me/not-me")
    assert bob.open("/me").path == "/me"


# The password -----------------------------------------------------------------------------------
def test_a_password_is_changed_and_ends_every_session(console: Console, ada: Browser) -> None:
    carriers(console)
    other = console.browser().sign_in("ada", "/me")
    assert "Your password is changed" in change(ada).text
    for browser in (ada, other):
        assert browser.open("/me").path.startswith("/signin/")
    assert "is not right" in console.browser().sign_in("ada", "/me", code=False).text
    assert "was changed" in sent(console)[0]["text"]
    assert "password-changed" in console.log.getvalue()
    assert NEW not in console.log.getvalue()
    form = console.browser().open("/me")
    given = {"factor": "password", "method": "", "username": "ada", "password": NEW}
    assert "Enter your code" in form.post(sign_in_path(form), given).text


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("short", "at least 8"),
        ("aaaabbbb", "repeats itself"),
        ("my name is ADA", "your user name"),
        (PASSWORD, "the one that you have"),
        ("x1y2" * 300, "1024 bytes"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused(
    console: Console, ada: Browser, new: str, why: str
) -> None:
    assert why in unescape(change(ada, new=new).text)
    assert ada.open("/me").path == "/me"


def test_case_53_the_current_password_is_not_guessed_here(console: Console, ada: Browser) -> None:
    for _ in range(10):
        assert "current password is not right" in change(ada, current="guess word").text
    assert "current password is not right" in change(ada).text, "the right one, now"
    assert '"locked"' in console.log.getvalue()
    console.clock.advance(minutes=16)
    ada.sign_in("ada", "/me")
    assert "Your password is changed" in change(ada).text


def test_who_only_has_the_session_changes_no_password(console: Console, ada: Browser) -> None:
    console.clock.advance(minutes=16)
    assert change(ada).path.startswith("/signin/")
    assert console.browser().sign_in("ada", "/me").path == "/me"


def test_an_offices_phone_is_not_the_persons_to_change(console: Console, ada: Browser) -> None:
    desk = console.desk.methods
    office = desk.add_call("ada", number="+14255550123", extension="42", place="office", actor=TEST)[0]
    own = desk.add_call("ada", number="+14255550124", place="alternate", actor=TEST)[0]
    ada.open("/me")
    assert "filled in for you" in ada.text
    assert f"/me/methods/{office.id}" not in ada.text
    assert "your office" in remove(ada, office.id)
    assert "no name of its own" in rename(ada, own.id, "Home")
    assert "It is removed" in remove(ada, own.id)
    assert office.id in methods(console)
