"""What somebody does who forgot the password, and what tests look at afterwards."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import sqlalchemy as sa

from idp.core.ids import new_id
from idp.core.model import Kind, Proof
from idp.core.ports import NewMethod
from idp.factors.access_pass import PassTerms
from idp.factors.codes import hotp
from idp.jobs import Outbox
from idp.jobs.outbox import Outcome
from idp.store import schema
from tests.admin.conftest import PASSWORD, TEST, Browser, Console
from tests.passkeys import SoftKey
from tests.portal.acts import NEW, OPTIONS, give, methods, sign_in_path

PHONE = "+14255550123"
PHONE_APP = b"phone app's own seed"
_METHOD = re.compile(r'name="method" value="([^"]*)"')
_ASKED = re.compile(r'name="factor" value="([^"]*)"')


def codes(console: Console, name: str = "ada") -> list[str]:
    """Give a person recovery codes."""
    return list(console.desk.methods.add_recovery(name, actor=TEST)[1])


def phone(console: Console, name: str = "ada") -> str:
    """Register a phone for texts."""
    return console.desk.methods.add_sms(name, number=PHONE, actor=TEST).id


def phone_app(console: Console, name: str = "ada") -> None:
    """Register a phone with the app."""
    at, person = console.clock.now(), console.people[name].id
    shown = Proof(person=person, factor="push", kinds=frozenset({Kind.HAVE}), amr=("pop",), at=at)
    new = NewMethod(
        id=new_id(),
        factor="push",
        label="Pixel",
        secret=PHONE_APP,
        counter=-1,
        data={"public": ""},
        proof=shown,
    )
    give(console, new, name)


def age(console: Console) -> None:
    """Have every method be two days old: what was set up just now does not count for a new password."""
    with console.store.write() as unit:
        unit.execute(sa.update(schema.methods).values(created_at=console.clock.now() - timedelta(days=2)))


def access_pass(console: Console, name: str = "ada") -> str:
    return console.desk.methods.add_pass(name, PassTerms(), actor=TEST)[1]


def code_of(console: Console, seed: bytes) -> str:
    """Return the code that an app shows, after time for a new one."""
    console.clock.advance(seconds=30)
    step = int(console.clock.now().timestamp()) // 30
    return hotp(seed, step, digits=6, algorithm="sha1")


def app_code(console: Console, name: str = "ada") -> str:
    return code_of(console, name.encode().ljust(20, b"*"))


def phone_code(console: Console) -> str:
    return code_of(console, PHONE_APP)


def forgot(browser: Browser) -> Browser:
    """Press "Forgot your password?" on the page that asks for one."""
    found = re.search(r'href="(/reset\?[^"]*)"', browser.text)
    assert found is not None, browser.text
    return browser.open(unescape(found[1]))


def choose(browser: Browser, factor: str, method: str = "") -> Browser:
    return browser.post(sign_in_path(browser) + "/choose", {"factor": factor, "method": method})


def first(browser: Browser, factor: str, code: str, name: str = "ada") -> Browser:
    """Show a first way beside a user name."""
    age(browser.console)
    if factor != "totp":
        choose(browser, factor)
    typed = {"factor": factor, "method": "", "username": name, "code": code}
    return browser.post(sign_in_path(browser), typed)


def second(console: Console, browser: Browser, factor: str, code: str, name: str = "ada") -> Browser:
    """Show another way, chosen among those that are offered."""
    method = "" if factor in {"push", "passkey"} else method_of(console, factor, name)
    if asked(browser) != factor:
        choose(browser, factor, method)
    return browser.post(sign_in_path(browser), {"factor": factor, "method": method, "code": code})


def method_of(console: Console, factor: str, name: str = "ada") -> str:
    return next(one for one, kind in methods(console, name).items() if kind == factor)


def asked(browser: Browser) -> str:
    """Return the factor that the page asks for."""
    found = _ASKED.search(browser.text)
    return found[1] if found else ""


def show(browser: Browser, key: SoftKey, **changes: object) -> Browser:
    """Show the passkey that the page asks for."""
    age(browser.console)
    options = OPTIONS.search(browser.text)
    assert options is not None, browser.text
    given = {"factor": "passkey", "method": "", "credential": key.show(unescape(options[1]), **changes)}
    return browser.post(sign_in_path(browser), given)


def text_of(console: Console) -> str:
    """Return the one text that waits."""
    outbox, taken = Outbox(console.store, console.sealer, console.clock), []
    while leased := outbox.lease(["text"]):
        taken.append(outbox.open(leased).payload)
        outbox.settle(leased, Outcome())
    (text,) = taken
    return str(text["text"])


def type_new(browser: Browser, new: str = NEW) -> Browser:
    """Type the new password at the end."""
    return browser.post("/reset/" + browser.path.rpartition("/")[2], {"new": new})


def shown_both(console: Console, name: str = "ada", *, code: str = "") -> Browser:
    """Return a browser on which two ways were shown: the page for a new password is open.

    code is a recovery code, where the person has some.
    """
    code = code or codes(console, name)[0]
    browser = first(console.browser().open("/reset"), "totp", app_code(console, name), name)
    second(console, browser, "recovery", code, name)
    assert ends_well(browser)
    return browser


def ends_well(browser: Browser) -> bool:
    """Say whether the page for a new password is open."""
    return "Choose a new password" in browser.text


def password_is(console: Console, word: str, name: str = "ada") -> bool:
    """Say whether a password opens a sign-in, from a browser that was never seen before."""
    browser = console.browser().open("/me")
    given = {"factor": "password", "method": "", "username": name, "password": word}
    return "not right" not in browser.post(sign_in_path(browser), given).text


def untouched(console: Console, name: str = "ada") -> bool:
    return password_is(console, PASSWORD, name) and not password_is(console, NEW, name)
