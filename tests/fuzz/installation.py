"""One whole installation behind the doors: real rooms, real partners, and what a sender may know of it."""

from __future__ import annotations

import os
import re
from base64 import b32decode
from collections.abc import Callable, Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path
from traceback import format_exc
from typing import Any, ClassVar
from unittest import mock
from urllib.parse import parse_qs, urlencode, urlsplit

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from flask.testing import FlaskClient
from lxml import etree
from werkzeug.test import TestResponse

from idp import signedxml
from idp.app.factors import WORTHS
from idp.core.codec import plain
from idp.core.errors import Refused
from idp.core.model import AccessPolicy, Actor, Partner, Role
from idp.directory.people import PersonChanges
from idp.factors.codes import hotp
from idp.partners import metadata
from idp.partners.own import ensure_own
from idp.policy import rules
from idp.settings import load_settings
from idp.store.schema import attempts
from idp.web import settings as web_settings
from idp.web.settings import WebSettings
from tests.fuzz import carrier, holders, signer, tables
from tests.fuzz.holders import Holders
from tests.fuzz.upload import multipart, uploading
from tests.fuzz.wire import Outcome, Sent, send
from tests.oidc import house as oidc
from tests.oidc.house import BASE, CALLBACK, GOODBYE, House
from tests.saml.front import posts
from tests.saml.sp import POST, Sp, authn_request, posted, query

EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
NAMES = ("plain", "strict", "curve", "bare")
# Where answers may go: nothing that anybody sends may add to it.
ADDRESSES = (BASE, *(f"https://{name}.example" for name in NAMES), CALLBACK, GOODBYE)
_LISTED = ("plain", "curve")  # people may start here
_APPS = ("http://127.0.0.1:", "http://127.0.0.1/", "com.example.app:/cb")
_FORM = re.compile(r'<form method="post" action="(/sign[^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
_KEY = re.compile(r"[A-Z2-7]{4}(?: [A-Z2-7]{4}){7}")


def prepare(folder: Path) -> Path:
    """Make the data and the partners' keys once; return the folder that installations are opened on."""
    furnished = oidc.prepare(folder)
    for name, key in (
        ("rsa", rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        ("ec", ec.generate_private_key(ec.SECP256R1())),
    ):
        (furnished / f"{name}.pem").write_text(Sp(key).key_pem)
    return furnished


def senders(folder: Path) -> Mapping[str, Sp]:
    """Return the service providers with their keys: they are on the hostile side too."""
    keys: dict[str, Any] = {
        name: load_pem_private_key((folder / f"{name}.pem").read_bytes(), None) for name in ("rsa", "ec")
    }

    def sp(name: str, key: str, **more: Any) -> Sp:
        base = f"https://{name}.example"
        acs = ((0, f"{base}/acs", POST), (7, f"{base}/acs?a=b", POST))
        return Sp(keys[key], entity_id=f"{base}/metadata", base=base, acs=acs, **more)

    return {
        "plain": sp("plain", "rsa"),
        "strict": sp("strict", "rsa", requests_signed=True),
        "curve": sp("curve", "ec", requests_signed=True, formats=(EMAIL,)),
        "bare": sp("bare", "ec", with_certificate=False),
    }


class Installation:
    """The hostile world's counterpart: it answers, and it hands out what a sender could come by."""

    def __init__(self, template: Path, folder: Path) -> None:
        self._folder = folder
        self._house = oidc.build(template, folder)
        # Peers are on the loopback here, so forwarded headers are believed and thus read.
        web = WebSettings.of(base_url=BASE, trusted_proxies=("127.0.0.0/8",))
        self.app = self._house.app
        web_settings.remember(self.app, web)
        self._senders = senders(template)
        self._furnish(self._house)
        self._people = 0

    def _furnish(self, house: House) -> None:
        house.add_client("closed", redirect_uris=[CALLBACK])
        house.change("closed", access=AccessPolicy(people=("nobody",)))
        signer.furnish(house)
        carrier.furnish(house.ground)
        house.add_client("lax", require_pkce=False, id_token_alg="ES256")
        for name, sp in self._senders.items():
            found = metadata.read(sp.metadata(), now=house.clock.now())
            house.save(
                Partner(
                    id=f"id-of-{name}",
                    door="saml",
                    identifier=found.entity_id,
                    name=name.title(),
                    issuer=house.issuers.default().id,
                    release=("uid", "mail", "displayName"),
                    settings=plain(replace(found.settings, clock_skew=60, idp_initiated=name in _LISTED)),
                )
            )
        self._ada = house.add_person("ada")
        house.enrol(self._ada)
        self._owner = house.add_person("olga")
        house.enrol(self._owner)
        with house.store.write() as unit:
            issuer, who, now = house.issuers.default(), Actor(kind="system", id="test"), house.clock.now()
            ensure_own(unit, issuer=issuer, actor=who, at=now)
            house.people.change(unit, self._owner, PersonChanges(roles=(Role.OWNER,)))
        self._holders = Holders(house, _cookies)

    def close(self) -> None:
        self._house.store.dispose()

    # Answering ----------------------------------------------------------------------------------
    def send(self, sent: Sent) -> Outcome:
        """Have the application answer; an answer that leads to a stranger is a failure too."""
        outcome = send(self.app, sent)
        astray = [address for address in outcome.leads_to if not _ours(address)]
        return replace(outcome, broken=f"leads to {astray}") if astray and not outcome.broken else outcome

    def addresses(self) -> set[str]:
        """Return the rule of every address that the application answers."""
        return {rule.rule for rule in self.app.url_map.iter_rules()}

    def call(self, name: str, given: Any) -> Outcome:
        """Have one reader of administrators' input read; only Refused may come of it."""
        try:
            self._READERS[name](self, given)
        except Refused:
            return Outcome(status=422)
        except Exception:  # noqa: BLE001 - every other error is what is looked for
            return Outcome(status=500, broken=format_exc())
        return Outcome(status=200)

    def _read_metadata(self, data: bytes) -> None:
        metadata.read(data, now=self._house.clock.now())

    def _read_rules(self, data: object) -> None:
        rules.read(data, WORTHS)

    def _read_settings(self, given: tuple[Mapping[str, str], bytes]) -> None:
        variables, file = given
        path = self._folder / "idp.toml"
        path.write_bytes(file)
        with mock.patch.dict(os.environ, {**variables, "IDP_CONFIG": str(path)}, clear=True):
            load_settings()

    def _read_table(self, data: bytes) -> None:
        tables.check(self._house.desk(), data)

    _READERS: ClassVar[Mapping[str, Callable[[Installation, Any], None]]] = {
        "partner-metadata": _read_metadata,
        "phones-table": _read_table,
        "policy": _read_rules,
        "settings": _read_settings,
    }

    # What a sender may know ---------------------------------------------------------------------
    def mint(self, kind: str) -> dict[str, Any]:
        """Return fresh things of a kind: messages, cookies, tokens, the form of a page."""
        self._house.clock.advance(seconds=31)
        with self._house.store.write() as unit:
            # Lockouts have their own tests; here they would only hide what comes behind.
            unit.execute(sa.delete(attempts))
        if kind in holders.KINDS:
            return dict(self._holders.mint(kind))
        minted = getattr(self, f"_mint_{kind.replace('-', '_')}")()
        return {"now": self._house.clock.now(), **minted}

    def _mint_now(self) -> dict[str, Any]:
        return {}

    def _mint_session(self) -> dict[str, Any]:
        return {"cookies": _cookies(self._house.browser(self._ada))}

    def _mint_tokens(self) -> dict[str, Any]:
        browser = self._house.browser(self._ada)
        tokens = self._house.tokens(browser)
        named = {name: tokens[name] for name in ("access_token", "id_token", "refresh_token")}
        assertion = signer.assertion(self._house.clock.now())
        return {"cookies": _cookies(browser), "assertion": assertion, **named}

    def _mint_console(self) -> dict[str, Any]:
        return {"cookies": _cookies(self._at_console())}

    def _mint_draft(self) -> dict[str, Any]:
        browser = self._at_console()
        sent = uploading(multipart(self._senders["plain"].metadata()), "")
        taken = browser.post(sent.path, base_url=BASE, data=sent.body, headers=dict(sent.headers))
        path = urlsplit(taken.headers["Location"]).path
        return {"cookies": _cookies(browser), "draft": path, "application": "/admin/applications/id-of-plain"}

    def _at_console(self) -> FlaskClient:
        browser = self._house.browser(self._owner)
        page = browser.get("/admin/applications", base_url=BASE, follow_redirects=True)
        assert page.status_code == 200
        return browser

    def _mint_codes(self) -> dict[str, Any]:
        browser = self._house.browser(self._ada)
        native = {"client_id": "app", "redirect_uri": "http://127.0.0.1:9/cb"}
        return {
            "code": self._house.code(browser),
            "app_code": _code(self._house.authorize(browser, **native)),
        }

    def _mint_receipts(self) -> dict[str, Any]:
        return carrier.told(self._house.ground)

    def _mint_logout(self) -> dict[str, Any]:
        browser = self._house.browser(self._ada)
        named = self._answered(browser, "plain")
        self._answered(browser, "curve")
        asked = browser.post("/signout", base_url=BASE).headers["Location"]
        request = signedxml.decode_redirect(parse_qs(urlsplit(asked).query)["SAMLRequest"][0])
        again = self._house.browser(self._ada)
        return {
            "asked": etree.fromstring(request).get("ID"),
            "asked_by": urlsplit(asked).hostname,
            "chain_cookies": _cookies(browser),
            **self._answered(again, "plain"),
            "old": named,
            "cookies": _cookies(again),
        }

    def _answered(self, browser: FlaskClient, name: str) -> dict[str, str]:
        """Sign in to a service provider by the session; return what it was told."""
        sp = self._senders[name]
        xml = authn_request(self._house.clock.now(), issuer=sp.entity_id)
        key = sp.key if sp.requests_signed else None
        response = browser.get(f"/saml/sso?{query(xml, key=key)}", base_url=BASE)
        fields = posts(response)[1]
        root = etree.fromstring(signedxml.decode_post(fields["SAMLResponse"]))
        name_id = next(root.iter("{*}NameID"))
        statement = next(root.iter("{*}AuthnStatement"))
        return {
            "name_id": etree.tostring(name_id, with_tail=False).decode(),
            "index": statement.get("SessionIndex", ""),
        }

    def _mint_arrival(self) -> dict[str, Any]:
        house = self._house
        browser = self.app.test_client()
        sp = self._senders["plain"]
        xml = authn_request(house.clock.now(), issuer=sp.entity_id)
        by_saml = browser.post("/saml/sso", base_url=BASE, data=posted(xml, RelayState="r"))
        by_oidc = browser.post("/oidc/authorize", base_url=BASE, data=oidc.asking())
        return {
            "saml": urlsplit(by_saml.headers["Location"]).path,
            "oidc": urlsplit(by_oidc.headers["Location"]).path,
            "cookies": _cookies(house.browser(self._ada)),
        }

    def _mint_question(self) -> dict[str, Any]:
        browser = self._house.browser(self._ada)
        wish = {"client_id": "wiki", "post_logout_redirect_uri": GOODBYE, "state": "s"}
        asked = browser.get("/oidc/logout?" + urlencode(wish), base_url=BASE)
        return {"query": urlsplit(asked.headers["Location"]).query, "cookies": _cookies(browser)}

    # Sign-ins, each waiting at one page -----------------------------------------------------------
    def _mint_password(self) -> dict[str, Any]:
        browser = self._house.browser()
        return self._page(browser, self._house.authorize(browser))

    def _mint_code(self) -> dict[str, Any]:
        browser = self._house.browser()
        return self._page(browser, self._known(browser, "ada"))

    def _mint_enrol(self) -> dict[str, Any]:
        self._people += 1
        name = f"new{self._people}"
        person = self._house.add_person(name)
        hashed = self._house.hasher.hash(oidc.PASSWORD)
        with self._house.store.write() as unit:
            self._house.local.set_password(unit, person.source_key, hashed)
        browser = self._house.browser()
        begun = self._known(browser, name)
        # The first that is proposed, a passkey, has a door of its own.
        place = urlsplit(begun.headers["Location"]).path
        browser.post(place + "/choose", base_url=BASE, data={"factor": "totp", "method": ""})
        return self._page(browser, begun)

    def _mint_account(self) -> dict[str, Any]:
        browser = self._house.browser(self._ada)
        return self._page(browser, self._house.authorize(browser, prompt="select_account"))

    def _mint_consent(self) -> dict[str, Any]:
        browser = self._house.browser(self._ada)
        return self._page(browser, self._house.authorize(browser, prompt="consent"))

    def _mint_denied(self) -> dict[str, Any]:
        browser = self._house.browser(self._ada)
        return self._page(browser, self._house.authorize(browser, client_id="closed"))

    def _mint_expired(self) -> dict[str, Any]:
        browser = self._house.browser()
        begun = self._house.authorize(browser)
        self._house.clock.advance(minutes=45)
        return self._page(browser, begun)

    def _mint_finished(self) -> dict[str, Any]:
        browser = self._house.browser()
        begun = self._house.authorize(browser)
        waiting = self._page(browser, begun)
        browser.post(urlsplit(begun.headers["Location"]).path + "/cancel", base_url=BASE)
        return waiting

    def _known(self, browser: FlaskClient, name: str) -> TestResponse:
        """Give name and password, as far as the next page."""
        begun = self._house.authorize(browser)
        answer = {"factor": "password", "method": "", "username": name, "password": oidc.PASSWORD}
        return browser.post(begun.headers["Location"], base_url=BASE, data=answer)

    def _page(self, browser: FlaskClient, begun: TestResponse) -> dict[str, Any]:
        """Return the address of the page that a sign-in waits at, its form and a right answer."""
        if begun.status_code != 303:
            return {"path": "/signin/x", "action": "/signin/x", "fields": {}, "cookies": _cookies(browser)}
        path = urlsplit(begun.headers["Location"]).path
        page = browser.get(path, base_url=BASE).text
        form = _FORM.search(page)
        fields = {unescape(n): unescape(v) for n, v in _HIDDEN.findall(form[2])} if form else {}
        fields |= {
            "username": "ada",
            "password": oidc.PASSWORD,
            "code": self._right_code(page),
            "answer": "yes",
        }
        action = unescape(form[1]) if form else path
        return {"path": path, "action": action, "fields": fields, "cookies": _cookies(browser)}

    def _right_code(self, page: str) -> str:
        key = _KEY.search(page)
        seed = b32decode(key[0].replace(" ", "")) if key else oidc.SEED
        return hotp(seed, int(self._house.clock.now().timestamp()) // 30, digits=6, algorithm="sha1")


def _ours(address: str) -> bool:
    if address.startswith("/") and not address.startswith(("//", "/\\")):
        return True
    return any(address == one or address.startswith((f"{one}/", f"{one}?")) for one in ADDRESSES) or (
        address.startswith(_APPS)
    )


def _cookies(browser: FlaskClient) -> str:
    names = ("browser", "session", "device")
    found = ((name, browser.get_cookie(f"__Host-countersign-{name}", domain="id.example")) for name in names)
    return "; ".join(f"__Host-countersign-{name}={cookie.value}" for name, cookie in found if cookie)


def _code(response: TestResponse) -> str:
    return parse_qs(urlsplit(response.headers["Location"]).query)["code"][0]
