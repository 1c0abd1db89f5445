"""The console in this process, with an owner and somebody who is none, and their browsers."""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from html import unescape
from io import StringIO
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app.desk import Desk, build_desk
from idp.app.ground import make_ground
from idp.app.web import build_app
from idp.audit import AuditLog, to_stream
from idp.core.model import Actor, Kind, Person, Proof, Role
from idp.core.ports import NewMethod
from idp.directory.hashing import Cost, PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import NewPerson, People
from idp.factors.codes import hotp
from idp.keys import Issuers, KeyRing, MasterKey, Sealer
from idp.methods import Methods
from idp.net import HttpClient, Reach
from idp.partners.own import ensure_own
from idp.state import SqliteState
from idp.store import Store, open_store
from idp.web.settings import WebSettings
from tests import backends
from tests.clock import TestClock
from tests.desk.site import Site, served

BASE = "https://id.example"
PASSWORD = "correct horse"
TEST = Actor(kind="system", id="test")
_MASTER = MasterKey(b"k" * 32)
_CHEAP = Cost(memory=8, passes=1)
_FORM = re.compile(r'<form [^>]*method="post" action="(/signin/[^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


@dataclass
class Console:
    """The application, and what tests look at beside its pages."""

    app: Flask
    store: Store
    clock: TestClock
    state: SqliteState
    sealer: Sealer
    log: StringIO
    desk: Desk
    people: dict[str, Person] = field(default_factory=dict)

    def add(self, name: str, *, roles: tuple[Role, ...] = ()) -> Person:
        """Add a person with password and app."""
        source = LocalSource(self.store, PasswordHasher(_CHEAP), self.clock)
        people = People(self.store, self.clock, [source])
        with self.store.write() as unit:
            person = people.add(unit, NewPerson(name=name, roles=roles))
            source.set_password(unit, person.source_key, PasswordHasher(_CHEAP).hash(PASSWORD))
            proof = Proof(
                person=person.id,
                factor="totp",
                kinds=frozenset({Kind.HAVE}),
                amr=("otp",),
                at=self.clock.now(),
            )
            new = NewMethod(
                factor="totp",
                label="App",
                secret=name.encode().ljust(20, b"*"),
                counter=-1,
                data={},
                proof=proof,
            )
            Methods(self.store, self.sealer, self.clock).add(unit, person.id, new, allowed=True)
        self.people[name] = person
        return person

    def browser(self) -> Browser:
        """Return a browser without cookies."""
        return Browser(self, self.app.test_client())


@dataclass
class Browser:
    """A browser that follows redirects within the service."""

    console: Console
    client: FlaskClient
    text: str = ""
    status: int = 0
    path: str = ""

    def open(self, path: str, **headers: str) -> Browser:
        return self._took(self.client.get(path, base_url=BASE, headers=headers))

    def post(self, path: str, data: object = None, *, headers: dict[str, str] | None = None) -> Browser:
        sent = self.client.post(
            path, base_url=BASE, data=data, headers=headers or {"Sec-Fetch-Site": "same-origin"}
        )
        return self._took(sent)

    def sign_in(self, name: str, path: str = "/admin/applications", *, code: bool = True) -> Browser:
        """Walk the hallway to a page."""
        self.open(path)
        self._answer(username=name, password=PASSWORD)
        if code:
            self.console.clock.advance(seconds=30)
            step = int(self.console.clock.now().timestamp()) // 30
            self._answer(code=hotp(name.encode().ljust(20, b"*"), step, digits=6, algorithm="sha1"))
        return self

    def _answer(self, **typed: str) -> None:
        form = _FORM.search(self.text)
        assert form is not None, self.text
        hidden = {name: unescape(value) for name, value in _HIDDEN.findall(form[2])}
        self.post(form[1], hidden | typed)

    def _took(self, response: TestResponse) -> Browser:
        while response.status_code in {302, 303}:
            there = response.headers["Location"].removeprefix(BASE)
            assert there.startswith("/"), there
            response = self.client.get(there, base_url=BASE)
        assert response.request is not None
        self.text, self.status, self.path = response.text, response.status_code, response.request.path
        return self


@pytest.fixture
def database(backend: str, tmp_path: Path) -> str:
    """Give the URL of a database with issuer, keys (which take long to make) and our own pages."""
    return backends.copy(backend, _prepared(backend), tmp_path)


@cache
def _prepared(backend: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="countersign-console-"))
    atexit.register(partial(shutil.rmtree, folder, ignore_errors=True))
    clock, store = TestClock(), open_store(backends.blank(backend, folder))
    with store.write() as unit:
        issuer = Issuers(store).ensure(unit, BASE, clock.now())
        KeyRing(store, Sealer(_MASTER), clock).ensure(unit, actor=TEST, key_set=issuer.key_set)
        ensure_own(unit, issuer=issuer, actor=TEST, at=clock.now())
    store.dispose()
    return folder


@pytest.fixture
def console(store: Store, clock: TestClock, tmp_path: Path) -> Console:
    """Give the service with an owner, ada, and a person without rights, bob."""
    log, state = StringIO(), SqliteState(tmp_path / "state.db", clock)
    sealer = Sealer(_MASTER)
    ground = make_ground(
        clock=clock,
        store=store,
        state=state,
        sealer=sealer,
        audit=AuditLog(clock, to_stream(log)),
        http=HttpClient(Reach(loopback=True)),
    )
    app = build_app(ground, WebSettings.of(base_url=BASE), cost=_CHEAP)
    desk = build_desk(store=store, clock=clock, sealer=sealer, audit=ground.audit, http=ground.http)
    console = Console(app, store, clock, state, sealer, log, desk)
    console.add("ada", roles=(Role.OWNER,))
    console.add("bob")
    return console


@pytest.fixture
def owner(console: Console) -> Browser:
    """Give a browser with the owner signed in at the console."""
    return console.browser().sign_in("ada")


@pytest.fixture
def site() -> Iterator[Site]:
    """Give an application's web server with metadata."""
    with served() as site:
        yield site
