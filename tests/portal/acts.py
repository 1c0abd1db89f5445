"""What a person does at /me, and what tests look at afterwards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape

import sqlalchemy as sa

from idp.core.ports import NewMethod
from idp.directory.people import PersonChanges
from idp.jobs import Outbox
from idp.jobs.outbox import Outcome
from idp.methods import Methods
from idp.store import Change, schema
from idp.store import change as changed
from tests.admin.conftest import PASSWORD, TEST, Browser, Console
from tests.passkeys import SoftKey

ORIGIN = "https://id.example"
OPTIONS = re.compile(r'data-options="([^"]*)"')
METHOD = re.compile(r'action="/me/methods/([^"]*)"')


def methods(console: Console, name: str = "ada") -> dict[str, str]:
    """Return a person's methods: factor by id."""
    with console.store.read() as connection:
        found = Methods(console.store, console.sealer, console.clock).of(connection, console.people[name].id)
    return {method.id: method.factor for method in found}


def sign_in_path(browser: Browser) -> str:
    return "/".join(browser.path.split("/")[:3])


def add(browser: Browser, factor: str) -> Browser:
    return browser.post("/me/add", {"factor": factor})


def add_passkey(browser: Browser, label: str = "My laptop") -> SoftKey:
    key, options = SoftKey(origin=ORIGIN), OPTIONS.search(add(browser, "passkey").text)
    assert options is not None, browser.text
    credential = key.make(unescape(options[1]))
    fields = {"factor": "passkey", "credential": credential, "label": label}
    browser.post(sign_in_path(browser) + "/enrol", fields)
    return key


def give(console: Console, new: NewMethod, name: str = "ada") -> str:
    with console.store.write() as unit:
        store = Methods(console.store, console.sealer, console.clock)
        return store.add(unit, console.people[name].id, new, allowed=True).id


def remove(browser: Browser, method: str) -> str:
    return browser.post(f"/me/methods/{method}", {"action": "remove"}).text


def rename(browser: Browser, method: str, label: str) -> str:
    return browser.post(f"/me/methods/{method}", {"action": "rename", "label": label}).text


def carriers(console: Console) -> None:
    """Set up carriers for mail and texts, and Ada's address."""
    rows = [
        {"type": "smtp", "settings": {"host": "127.0.0.1", "port": 9, "sender": "a@example.org"}},
        {"type": "http", "settings": {"url": "http://127.0.0.1:9/"}},
    ]
    with console.store.write() as unit:
        for position, row in enumerate(rows):
            more = {"name": str(position), "position": position, "prefixes": [], "sealed": b""}
            unit.execute(sa.insert(schema.carriers), row | more)
        made = Change(noun="carrier", key="0", before=None, after={})
        changed(unit, actor=TEST, at=console.clock.now(), change=made)
    desk = console.desk.people
    desk.change("ada", PersonChanges(attributes={"mail": ("ada@example.org",)}), actor=TEST)


def sent(console: Console) -> list[Mapping[str, str]]:
    outbox, taken = Outbox(console.store, console.sealer, console.clock), []
    while leased := outbox.lease(["mail", "text"]):
        taken.append(outbox.open(leased).payload)
        outbox.settle(leased, Outcome())
    return taken


NEW = "four words in a row"


def change(browser: Browser, current: str = PASSWORD, new: str = NEW) -> Browser:
    return browser.post("/me/password", {"current": current, "new": new})
