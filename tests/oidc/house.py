"""The real rooms behind the OpenID Connect addresses, with a browser that may be signed in."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app.desk import Desk, build_desk
from idp.app.ground import Ground, make_ground
from idp.app.web import build_app
from idp.audit import AuditLog, to_stream
from idp.core import codec
from idp.core.model import AccessPolicy, Actor, Partner, Person
from idp.core.ports import NewMethod
from idp.directory.hashing import Cost, PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import NewPerson, People
from idp.factors.codes import hotp
from idp.keys import Issuers, KeyRing, KeyState, MasterKey, Sealer
from idp.methods import Methods
from idp.net import HttpClient
from idp.oidc.idtokens import IdTokens
from idp.partners.oidc import oidc_settings, register, register_api
from idp.partners.registry import Partners
from idp.sessions import Sessions
from idp.store import Store, open_store, schema
from idp.store.upgrade import upgrade
from idp.web.settings import WebSettings
from tests import backends
from tests.clock import TestClock
from tests.proofs import proof

BASE = "https://id.example"
CALLBACK = "https://wiki.example/cb"
GOODBYE = "https://wiki.example/bye"
SECRET = "a-secret-that-is-long-enough"
VERIFIER = "v" * 43
CHALLENGE = "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"
PASSWORD = "correct horse battery staple"
SEED = b"twenty bytes of seed"
FORM = re.compile(r'<form method="post" action="(/signin/[^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
TEST = Actor(kind="system", id="test")
COOKIE = "__Host-countersign-session"


def prepare(folder: Path) -> Path:
    """Make data with schema, issuer, keys and two clients; return its folder, to be copied for each test."""
    empty, furnished = folder / "empty", folder / "furnished"
    empty.mkdir()
    backends.create(backends.CHOSEN, empty)
    clock, store = TestClock(), _open(empty)
    upgrade(store)
    sealer = Sealer(MasterKey.load_or_create(empty / "master.key"))
    issuers, ring = Issuers(store), KeyRing(store, sealer, clock)
    with store.write() as unit:
        key_set = issuers.ensure(unit, BASE, clock.now()).key_set
        for alg in ("RS256", "ES256"):
            ring.make(unit, actor=TEST, key_set=key_set, alg=alg, state=KeyState.ACTIVE)
    store.dispose()
    house = build(empty, furnished)
    house.add_client("wiki")
    house.add_client("app", secret="", redirect_uris=["http://127.0.0.1/cb", "com.example.app:/cb"])
    house.store.dispose()
    return furnished


def _open(folder: Path) -> Store:
    return backends.hasten(open_store(backends.database_url(backends.CHOSEN, folder)))


@dataclass
class House:
    """Everything that a test may want to touch."""

    ground: Ground
    clock: TestClock
    store: Store
    people: People
    partners: Partners
    issuers: Issuers
    ring: KeyRing
    sessions: Sessions
    id_tokens: IdTokens
    hasher: PasswordHasher
    local: LocalSource
    methods: Methods
    app: Flask
    registered: dict[str, Partner]

    # People and partners ----------------------------------------------------------------------
    def add_person(self, name: str = "ada") -> Person:
        with self.store.write() as unit:
            return self.people.add(
                unit,
                NewPerson(
                    name=name,
                    display_name="Ada Lovelace",
                    attributes={"mail": ("ada@example.com",)},
                    groups=("staff",),
                ),
            )

    def add_client(self, client_id: str = "wiki", *, secret: str = SECRET, **settings: Any) -> Partner:
        settings.setdefault("redirect_uris", [CALLBACK])
        settings.setdefault("post_logout_redirect_uris", [GOODBYE])
        partner = Partner(
            id=f"id-of-{client_id}",
            door="oidc",
            identifier=client_id,
            name=client_id.title(),
            issuer=self.issuers.default().id,
            release=("uid", "mail", "displayName", "groups"),
            settings=codec.plain(register(secret=secret, **settings)),
        )
        return self.save(partner)

    def add_api(
        self, client_id: str, resource: str, scopes: Sequence[str] = ("read", "write"), alg: str = ""
    ) -> Partner:
        """Register an API; its secret is SECRET."""
        settings = register_api(resource, scopes=scopes, secret=SECRET, access_token_alg=alg)
        return self.save(
            Partner(
                id=f"id-of-{client_id}",
                door="oidc",
                identifier=client_id,
                name=client_id.title(),
                issuer=self.issuers.default().id,
                settings=codec.plain(settings),
            )
        )

    def add_machine(self, client_id: str = "billing", **may_call: Sequence[str]) -> Partner:
        """Register a machine that may call these APIs."""
        return self.add_client(
            client_id,
            redirect_uris=[],
            post_logout_redirect_uris=[],
            machine=True,
            may_call=may_call or {"orders": ["read", "write"]},
        )

    def save(self, partner: Partner) -> Partner:
        with self.store.write() as unit:
            saved = self.partners.save(unit, partner, actor=TEST, at=self.clock.now())
        self.registered[partner.identifier] = saved
        return saved

    def allow(self, client_id: str, **settings: Any) -> Partner:
        """Change a client's own settings."""
        known = oidc_settings(self.registered[client_id])
        return self.change(client_id, settings=codec.plain(replace(known, **settings)))

    def change(self, client_id: str, **changed: Any) -> Partner:
        return self.save(replace(self.registered[client_id], **changed))

    def close(self, client_id: str) -> Partner:
        return self.change(client_id, access=AccessPolicy(people=("nobody",)))

    def enrol(self, person: Person) -> None:
        """Give the person a password and an authenticator app."""
        hashed = self.hasher.hash(PASSWORD)
        shown = proof("totp", person.id, self.clock.now())
        app = NewMethod(factor="totp", label="App", secret=SEED, counter=-1, data={}, proof=shown)
        with self.store.write() as unit:
            self.local.set_password(unit, person.source_key, hashed)
            self.methods.add(unit, person.id, app, allowed=True)

    def desk(self) -> Desk:
        """Return what administrators do their work at."""
        ground = self.ground
        return build_desk(store=self.store, clock=self.clock, sealer=ground.sealer, audit=ground.audit)

    # Browsers ---------------------------------------------------------------------------------
    def open_session(self, person: Person, *factors: str) -> str:
        """Sign the person in with factors, password and app if none; return the session cookie's value."""
        now = self.clock.now()
        proofs = tuple(proof(factor, person.id, now) for factor in factors or ("password", "totp"))
        session = self.sessions.prepare(person=person.id, proofs=proofs, stay=False, now=now)
        with self.store.write() as unit:
            return self.sessions.open(unit, session)

    def browser(self, person: Person | None = None, *factors: str) -> FlaskClient:
        """Return a browser, signed in when a person is given."""
        client = self.app.test_client()
        if person is not None:
            client.set_cookie(COOKIE, self.open_session(person, *factors), domain="id.example", secure=True)
        return client

    def authorize(self, browser: FlaskClient, **changed: str | None) -> TestResponse:
        """Send a fine authorization request, changed; None leaves a parameter out."""
        return browser.get("/oidc/authorize?" + urlencode(asking(**changed)), base_url=BASE)

    def walk(self, browser: FlaskClient, response: TestResponse, name: str = "ada") -> TestResponse:
        """Fill in the sign-in's pages, password and code, until the client is answered."""
        for _ in range(2):
            page = browser.get(response.headers["Location"], base_url=BASE)
            form = FORM.search(page.text)
            assert form is not None, page.text
            fields = dict(HIDDEN.findall(form[2]))
            code = hotp(SEED, int(self.clock.now().timestamp()) // 30, digits=6, algorithm="sha1")
            answers = {"username": name, "password": PASSWORD, "code": code}
            response = browser.post(unescape(form[1]), base_url=BASE, data={**answers, **fields})
        return response

    def code(self, browser: FlaskClient, **changed: str | None) -> str:
        """Return the code of a sign-in that needs no page."""
        return said(self.authorize(browser, **changed))["code"]

    def token(self, a_code: str, **changed: str | None) -> TestResponse:
        """Redeem a code as the wiki, by client_secret_post; None leaves a parameter out."""
        values: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": a_code,
            "redirect_uri": CALLBACK,
            "client_id": "wiki",
            "client_secret": SECRET,
            "code_verifier": VERIFIER,
            **changed,
        }
        return self.post("/oidc/token", {name: value for name, value in values.items() if value is not None})

    def refresh(self, token: str | None, **changed: str | None) -> TestResponse:
        """Refresh as the wiki, by client_secret_post; None leaves a parameter out."""
        values: dict[str, str | None] = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": "wiki",
            "client_secret": SECRET,
            **changed,
        }
        return self.post("/oidc/token", {name: value for name, value in values.items() if value is not None})

    def own_token(self, client_id: str = "billing", **changed: str | None) -> TestResponse:
        """Ask for a token of a machine's own."""
        values = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": SECRET,
            **changed,
        }
        return self.post("/oidc/token", {name: value for name, value in values.items() if value is not None})

    def introspect(self, token: str, *, by: str = "orders") -> dict[str, Any]:
        """Return what an API is told of a token."""
        response = self.post(
            "/oidc/introspect", {"token": token}, headers={"Authorization": basic(by, SECRET)}
        )
        assert response.status_code == 200, response.text
        return dict(response.get_json())

    def revoke(self, token: str, *, by: str = "wiki") -> TestResponse:
        """Have a client take a token back."""
        return self.post("/oidc/revoke", {"token": token}, headers={"Authorization": basic(by, SECRET)})

    def consent(self, browser: FlaskClient, response: TestResponse) -> str:
        """Say yes to what the sign-in asks; return the code."""
        page = browser.get(response.headers["Location"], base_url=BASE)
        form = FORM.search(page.text)
        assert form is not None, page.text
        answered = browser.post(
            unescape(form[1]), base_url=BASE, data={**dict(HIDDEN.findall(form[2])), "answer": "yes"}
        )
        return said(answered)["code"]

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        with self.store.read() as connection:
            return connection.execute(
                sa.select(sa.func.count()).select_from(schema.metadata.tables[table])
            ).scalar_one()

    def dump(self, table: str) -> str:
        """Return a table's rows as text."""
        with self.store.read() as connection:
            return str(connection.execute(sa.select(schema.metadata.tables[table])).fetchall())

    def events(self, *names: str) -> list[dict[str, Any]]:
        """Return the recorded events of these names, oldest first."""
        with self.store.read() as connection:
            rows = connection.execute(sa.select(schema.audit).order_by(schema.audit.c.id)).mappings()
            return [dict(row) for row in rows if row["event"] in names]

    def post(
        self, path: str, values: Mapping[str, str], *, headers: Mapping[str, str] | None = None
    ) -> TestResponse:
        return self.app.test_client().post(path, base_url=BASE, data=values, headers=headers)

    def tokens(self, browser: FlaskClient, **changed: str | None) -> dict[str, Any]:
        """Walk a whole sign-in that needs no page; return the token answer."""
        answer = self.token(self.code(browser, **changed))
        assert answer.status_code == 200, answer.text
        return dict(answer.get_json())

    def userinfo(self, token: str) -> TestResponse:
        headers = {"Authorization": f"Bearer {token}"}
        return self.app.test_client().get("/oidc/userinfo", base_url=BASE, headers=headers)


def basic(client_id: str, secret: str) -> str:
    """Return an Authorization header."""
    return "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()


def asking(**changed: str | None) -> dict[str, str]:
    """Return the parameters of a fine authorization request, changed."""
    values: dict[str, str | None] = {
        "client_id": "wiki",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid profile email",
        "state": "the state",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changed,
    }
    return {name: value for name, value in values.items() if value is not None}


def said(response: TestResponse) -> dict[str, str]:
    """Return what a redirect to the client says; the rest of its address must be the callback."""
    assert response.status_code == 303, response.text
    address = response.headers["Location"]
    assert address.startswith(CALLBACK + "?"), address
    pairs = parse_qsl(urlsplit(address).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def decoded(id_token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a JWT's header and claims without checking anything."""
    head, body, _ = id_token.split(".")
    return unpadded(head), unpadded(body)


def unpadded(part: str) -> dict[str, Any]:
    from_text: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return from_text


def build(template: Path, folder: Path, *, base: str = BASE, http: HttpClient | None = None) -> House:
    """Build the application over a copy of the prepared database."""
    backends.copy(backends.CHOSEN, template, folder)
    clock, store = TestClock(), _open(folder)
    ground = make_ground(
        clock=clock,
        store=store,
        state=backends.state_beside(store, folder, clock),
        sealer=Sealer(MasterKey.load_or_create(folder / "master.key")),
        audit=AuditLog(clock, to_stream(StringIO())),
        http=http,
    )
    cost = Cost(memory=64, passes=1)
    hasher = PasswordHasher(cost)
    local = LocalSource(store, hasher, clock)
    with store.write() as unit:
        ground.issuers.ensure(unit, base, clock.now())
    with store.read() as connection:
        registered = {partner.identifier: partner for partner in ground.partners.listing(connection, "oidc")}
    return House(
        ground=ground,
        clock=clock,
        store=store,
        people=People(store, clock, [local]),
        partners=ground.partners,
        issuers=ground.issuers,
        ring=ground.keys,
        sessions=ground.sessions,
        id_tokens=IdTokens(partners=ground.partners, issuers=ground.issuers, ring=ground.keys),
        hasher=hasher,
        local=local,
        methods=Methods(store, ground.sealer, clock),
        app=build_app(ground, WebSettings.of(base_url=base), cost=cost),
        registered=registered,
    )
