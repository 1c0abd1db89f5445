"""The whole application over a SAML house, with a browser that may be signed in."""

from __future__ import annotations

import base64
import html
import io
import re
from dataclasses import dataclass

from flask import Flask
from flask.testing import FlaskClient
from lxml import etree
from werkzeug.test import TestResponse

from idp.app.ground import make_ground
from idp.app.web import build_app
from idp.audit import AuditLog, to_stream
from idp.core.model import Person
from idp.directory.hashing import Cost, PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import NewPerson, People
from idp.sessions import Grants
from idp.signin.farewell import Farewell
from idp.web.settings import WebSettings
from tests.proofs import proof
from tests.saml.house import BASE, House

COOKIE = "__Host-countersign-session"
_CHEAP = Cost(memory=8, passes=1)


@dataclass
class Front:
    """The application and shortcuts into it."""

    house: House
    app: Flask
    log: io.StringIO
    people: People
    audit: AuditLog
    farewell: Farewell

    def end_all(self, person: Person) -> None:
        """End every session of a person, as an administrator does."""
        with self.house.store.write() as unit:
            self.farewell.end_all(unit, person.id, self.house.clock.now())

    def person(self, name: str = "ada") -> Person:
        new = NewPerson(name=name, display_name="Ada Lovelace", attributes={"mail": (f"{name}@example.com",)})
        with self.house.store.write() as unit:
            return self.people.add(unit, new)

    def browser(self, person: Person | None = None, *factors: str) -> FlaskClient:
        """Return a browser, signed in with the factors when a person is given."""
        client = self.app.test_client()
        if person is None:
            return client
        now = self.house.clock.now()
        proofs = [proof(name, person.id, now) for name in factors or ("password", "totp")]
        session = self.house.sessions.prepare(person=person.id, proofs=proofs, stay=False, now=now)
        with self.house.store.write() as unit:
            secret = self.house.sessions.open(unit, session)
        client.set_cookie(COOKIE, secret, domain="id.example", secure=True)
        return client

    def get(self, client: FlaskClient, path: str) -> TestResponse:
        return client.get(path, base_url=BASE)

    def sso(self, client: FlaskClient, raw_query: str) -> TestResponse:
        return self.get(client, f"/saml/sso?{raw_query}")

    def post(
        self, client: FlaskClient, path: str, form: dict[str, str] | list[tuple[str, str]]
    ) -> TestResponse:
        """Post as a partner's page does, from another site."""
        pairs = form.items() if isinstance(form, dict) else form
        data: dict[str, list[str]] = {}
        for name, value in pairs:
            data.setdefault(name, []).append(value)
        headers = {"Origin": "https://sp.example", "Sec-Fetch-Site": "cross-site"}
        return client.post(path, base_url=BASE, data=data, headers=headers)


def build_front(house: House) -> Front:
    """Build the application over the house's own store, state and keys."""
    log = io.StringIO()
    ground = make_ground(
        clock=house.clock,
        store=house.store,
        state=house.state,
        sealer=house.sealer,
        audit=AuditLog(house.clock, to_stream(log)),
    )
    source = LocalSource(house.store, PasswordHasher(_CHEAP), house.clock)
    return Front(
        house=house,
        app=build_app(ground, WebSettings.of(base_url=BASE), cost=_CHEAP),
        log=log,
        people=People(house.store, house.clock, [source]),
        audit=ground.audit,
        farewell=Farewell(
            partners=ground.partners,
            sessions=ground.sessions,
            grants=Grants(house.store, house.clock, ground.audit),
            outbox=ground.outbox,
        ),
    )


def posts(response: TestResponse) -> tuple[str, dict[str, str]]:
    """Return address and fields of a page that posts itself."""
    assert response.status_code == 200, response.text
    action = re.search('<form method="post" action="([^"]*)"', response.text)
    assert action is not None, response.text
    fields = re.findall('<input type="hidden" name="([^"]*)" value="([^"]*)"', response.text)
    return html.unescape(action[1]), {html.unescape(name): html.unescape(value) for name, value in fields}


def answer(response: TestResponse) -> etree._Element:
    """Return the Response that a page posts."""
    return etree.fromstring(base64.b64decode(posts(response)[1]["SAMLResponse"]))
