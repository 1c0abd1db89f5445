"""Who knows nothing but a user name learns nothing by a reset, sets nothing off, and has no more tries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from idp.store import Store, schema
from tests.admin.conftest import TEST, Browser, Console
from tests.passkeys import SoftKey
from tests.portal.acts import NEW, add_passkey, carriers, sent, sign_in_path
from tests.portal.forgetting import (
    app_code,
    asked,
    choose,
    codes,
    first,
    phone,
    phone_app,
    phone_code,
    second,
    show,
    type_new,
)

_OWN = re.compile(r' nonce="[^"]*"| autofocus')
WRONG = "That user name or code is not right"


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    run: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        # Whether the configuration has changed is asked once a second, whoever comes by.
        if "max(changes.revision)" not in statement:
            run.append(statement)

    sa.event.listen(store.engine, "before_cursor_execute", note)
    yield run
    sa.event.remove(store.engine, "before_cursor_execute", note)


def own_code(console: Console, factor: str, name: str, mine: list[str]) -> str:
    return {"totp": lambda: app_code(console, name), "push": lambda: phone_code(console)}.get(
        factor, lambda: mine[0]
    )()


@pytest.mark.parametrize("factor", ["totp", "push", "recovery"])
def test_row_63_the_same_statements_and_the_same_page_for_everybody(console: Console, factor: str) -> None:
    """Wrong, unknown, locked, without such a way; disabled or kept elsewhere, even with the right code."""
    given: dict[str, list[str]] = {}
    for name in ("off", "away", "locked", "bare"):
        console.add(name)
    for name in ("ada", "off", "away", "locked"):
        given[name] = codes(console, name)
        phone_app(console, name)
    console.desk.methods.reset("bare", actor=TEST)
    console.desk.people.disable("off", actor=TEST)
    with console.store.write() as unit:
        moved = sa.update(schema.people).where(schema.people.c.name == "away")
        unit.execute(moved.values(source="elsewhere"))
    wrong = "BCDF-GHJK-LMNP" if factor == "recovery" else "000000"
    for _ in range(11):
        first(console.browser().open("/reset"), factor, wrong, "locked")
    told, browser = set(), console.browser().open("/reset")
    if factor != "totp":
        choose(browser, factor)
    tries = dict.fromkeys(("ada", "nobody", "bare", "locked", ""), wrong)
    for name in ("off", "away"):
        tries[name] = own_code(console, factor, name, given[name])
    tries |= {"bob": "not a code"}
    for name, code in tries.items():
        with statements(console.store) as run:
            typed = {"factor": factor, "method": "", "username": name, "code": code}
            page = browser.post(sign_in_path(browser), typed).text
        assert WRONG in page
        shown = _OWN.sub("", page.replace(f'value="{name}"', 'value=""'))
        # What does not look like a code is read no further, whoever is named.
        told.add((tuple(run) if code != "not a code" else "", shown))
    assert len({run for run, _ in told if run}) == 1
    assert len({page for _, page in told}) == 1


def test_row_63_whoever_has_the_code_of_a_locked_person_is_told_the_same(console: Console) -> None:
    browser = console.browser().open("/reset")
    for _ in range(10):
        first(browser, "totp", "000000")
    assert WRONG in first(browser, "totp", app_code(console)).text
    assert '"right-while-locked"' in console.log.getvalue()


def test_row_58_62_a_name_alone_sets_nothing_off(console: Console) -> None:
    """No text, no call, no phone that is asked: neither by typing it nor by choosing another way."""
    carriers(console)
    phone(console)
    phone_app(console)
    sent(console)
    browser = console.browser().open("/reset")
    for factor in ("push", "sms", "call", "totp", "recovery"):
        choose(browser, factor)
        for typed in ({}, {"code": ""}, {"code": "000000"}, {"again": "1"}):
            browser.post(sign_in_path(browser), {"factor": factor, "method": "", "username": "ada", **typed})
    outcome = browser.client.get(sign_in_path(browser) + "/outcome", base_url="https://id.example").json
    assert outcome is not None
    assert outcome["state"] == "over"
    assert sent(console) == []
    with console.store.read() as connection:
        assert connection.execute(sa.select(schema.asked_elsewhere)).first() is None


def test_row_63_the_page_before_is_the_same_whatever_was_chosen(console: Console) -> None:
    phone_app(console)
    browser = console.browser().open("/reset")
    choose(browser, "push")
    assert "Code from the phone app" in browser.text
    assert "Check your phone" not in browser.text


# Trying codes -----------------------------------------------------------------------------------
def test_row_53_tries_here_are_tries_there(console: Console) -> None:
    stranger = console.browser().open("/reset")
    for _ in range(10):
        first(stranger, "totp", "000000")
    sign_in = console.browser().sign_in("ada", "/me", code=False)
    assert "too many wrong tries" in second(console, sign_in, "totp", app_code(console)).text


@pytest.mark.parametrize("factor", ["totp", "recovery"])
def test_row_53_and_tries_there_are_tries_here(console: Console, factor: str) -> None:
    mine = codes(console)
    for number in range(10):
        if number % 9 == 0:
            sign_in = console.browser().sign_in("ada", "/me", code=False)
        second(console, sign_in, factor, "000000" if factor == "totp" else "BCDF-GHJK-LMNP")
    code = app_code(console) if factor == "totp" else mine[0]
    assert WRONG in first(console.browser().open("/reset"), factor, code).text


def test_row_53_the_second_way_is_counted_too(console: Console) -> None:
    mine = codes(console)
    for number in range(11):
        if number % 10 == 0:
            browser = first(console.browser().open("/reset"), "totp", app_code(console))
        second(console, browser, "recovery", "BCDF-GHJK-LMNP")
    assert "There were too many wrong tries" in browser.text
    assert "can set a new password for you" in browser.text
    assert not type_new(browser).text.count("Your password is changed")
    assert mine


def test_row_54_the_owners_browser_counts_apart(console: Console, ada: Browser) -> None:
    stranger, mine = console.browser().open("/reset"), codes(console)
    for _ in range(11):
        first(stranger, "totp", "000000")
    owner = first(ada.open("/reset"), "totp", app_code(console))
    assert asked(owner) == "recovery"
    second(console, owner, "recovery", mine[0])
    assert "Your password is changed" in type_new(owner, NEW).text


def test_row_52_an_address_that_tries_many_names_is_held_up(console: Console) -> None:
    browser, mine = console.browser().open("/reset"), codes(console)
    for number in range(101):
        first(browser, "totp", "000000", f"name{number}")
    choose(browser, "recovery")
    assert WRONG in first(browser, "recovery", mine[0]).text


def test_row_63_a_passkey_of_nobodys_gives_nothing_away(console: Console, ada: Browser) -> None:
    key = add_passkey(ada)
    console.desk.people.disable("ada", actor=TEST)
    refused = show(console.browser().open("/reset"), key)
    stranger = SoftKey(origin=key.origin, handle=b"nobody")
    also = show(console.browser().open("/reset"), stranger)
    for page in (refused, also):
        assert "was not accepted" in page.text
        assert not re.search(r"\bada\b", page.text.partition("<main")[2])
