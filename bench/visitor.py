"""Walk through the server as a browser and an application would, over connections that stay open."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
import uuid
import zlib
from collections.abc import Iterator
from html import unescape
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pyotp
import server

from tests.saml.sp import posted, signed

_STEP = 30  # seconds, of a code
_RESTS = 1.0  # seconds; the server closes a connection that rests for two
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_FORM = "application/x-www-form-urlencoded"
_BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.7,de;q=0.3",
    "Accept-Encoding": "gzip, deflate, br",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
}


class Connection:
    """One connection that stays open, and the cookies that came over it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._http = HTTPConnection("127.0.0.1", port, timeout=30)
        self._cookies: dict[str, str] = {}
        self._used = 0.0

    def forget(self) -> None:
        """Be a browser that was never here."""
        self._cookies.clear()

    def remember(self, cookies: dict[str, str]) -> None:
        """Be a browser that has these cookies, and no others."""
        self._cookies = dict(cookies)

    @property
    def cookies(self) -> str:
        """Return the cookies as they are sent."""
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    def ask(
        self, address: str, *, status: int, form: dict[str, str] | None = None, **headers: str
    ) -> tuple[str, str]:
        """Return Location and body of an answer, which must have the given status."""
        sent = _BROWSER | {"Host": f"localhost:{self._port}"} | headers
        if self._cookies:
            sent["Cookie"] = self.cookies
        if form is not None:
            sent["Content-Type"] = _FORM
        body = None if form is None else urlencode(form)
        if time.monotonic() - self._used > _RESTS:
            self._http.close()  # and opened anew by the request
        self._http.request("GET" if form is None else "POST", address, body, sent)
        answer = self._http.getresponse()
        text = answer.read().decode()
        self._used = time.monotonic()
        if answer.status != status:
            raise RuntimeError(f"{address[:60]} answered {answer.status}, not {status}:\n{text[:2000]}")
        for line in answer.headers.get_all("Set-Cookie", ()):
            self._cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        return answer.getheader("Location", ""), text


class Visitor:
    """A person with a browser, and the application that they use."""

    def __init__(self, port: int) -> None:
        self._base = f"http://localhost:{port}"
        self._browser = Connection(port)
        self._application = Connection(port)

    def sign_in(self, name: str, *, code_at: int) -> None:
        """Sign in from nothing with password and code, to the SAML application's answer."""
        self._browser.forget()
        address, _ = self._browser.ask(self._authn_request("both"), status=303)
        self._fill(address, status=303, username=name, password=server.PASSWORD)
        code = pyotp.TOTP(server.SEED).at(code_at * _STEP)
        must_answer(self._fill(address, status=200, code=code), signatures=2)

    def type_password(self, name: str) -> None:
        """Come from nothing, type the password, and go no further."""
        self._browser.forget()
        address, _ = self._browser.ask(self._authn_request("both"), status=303)
        self._fill(address, status=303, username=name, password=server.PASSWORD)

    def enter_console(self, name: str, *, code_at: int) -> None:
        """Sign in to the console with password and code."""
        address, _ = self._browser.ask("/admin/applications", status=303)
        self._fill(address, status=303, username=name, password=server.PASSWORD)
        self._fill(address, status=200, code=pyotp.TOTP(server.SEED).at(code_at * _STEP))
        self.page("/admin/applications")

    def page(self, address: str) -> None:
        """Look at a page."""
        self._browser.ask(address, status=200)

    def asks(self, entity: str) -> None:
        """Come from a SAML application for the first time, and go no further."""
        self._application.forget()
        address = _redirect(self._request_of(entity, pattern=server.SIGNED["both"]))
        self._application.ask(address, status=303)

    def _fill(self, address: str, *, status: int, **typed: str) -> str:
        """Look at a sign-in's page and send its first form, filled in."""
        _, page = self._browser.ask(address, status=200)
        form, _, _ = page.partition("</form>")
        hidden = {name: unescape(value) for name, value in _HIDDEN.findall(form)}
        return self._browser.ask(address, status=status, form=hidden | typed)[1]

    def saml(self, what: str = "both") -> None:
        """Be answered by SAML at once, since there is a session."""
        page = self._browser.ask(self._authn_request(what), status=200)[1]
        must_answer(page, signatures=2 if what == "both" else 1)

    def saml_encrypted(self) -> None:
        """Be answered, with the assertion encrypted."""
        address = _redirect(self._request_of(server.ENCRYPTED.entity_id))
        answer = must_answer(self._browser.ask(address, status=200)[1], signatures=1)
        if b"EncryptedAssertion" not in answer:
            raise RuntimeError(answer.decode())

    def saml_posted(self) -> None:
        """Be answered after a signed request, which came by POST."""
        sent = posted(signed(self._request_of(server.POSTING.entity_id), server.POSTING))
        address, _ = self._browser.ask("/saml/sso", status=303, form=sent)
        must_answer(self._browser.ask(address, status=200)[1], signatures=2)

    def oidc(self, client: str = server.CLIENT) -> dict[str, str]:
        """Get a code, since there is a session, and redeem it; return the tokens."""
        verifier = secrets.token_urlsafe(48)
        asked = {
            "client_id": client,
            "redirect_uri": server.REDIRECT,
            "response_type": "code",
            "scope": "openid profile email",
            "state": secrets.token_urlsafe(16),
            "nonce": secrets.token_urlsafe(16),
            "code_challenge": _base64url(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        location, _ = self._browser.ask("/oidc/authorize?" + urlencode(asked), status=303)
        redeemed = {
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(location).query)["code"][0],
            "redirect_uri": server.REDIRECT,
            "code_verifier": verifier,
        }
        tokens = self._posted("/oidc/token", redeemed, client)
        if not tokens["id_token"]:
            raise RuntimeError("no id_token")
        return tokens

    def _posted(self, address: str, form: dict[str, str], client: str) -> dict[str, str]:
        """Post as a client with a secret; return the answer."""
        basic = base64.b64encode(f"{client}:{server.CLIENT_SECRET}".encode()).decode()
        _, text = self._application.ask(address, status=200, form=form, Authorization=f"Basic {basic}")
        answer: dict[str, str] = json.loads(text)
        return answer

    def refreshing(self) -> Iterator[str]:
        """Begin a sign-in that is refreshed, once for each item taken."""
        token = self.oidc(server.REFRESHING)["refresh_token"]
        while True:
            form = {"grant_type": "refresh_token", "refresh_token": token}
            token = self._posted("/oidc/token", form, server.REFRESHING)["refresh_token"]
            yield token

    def machine(self, kind: str) -> str:
        """Get a token of a machine's own, opaque or signed."""
        form = {"grant_type": "client_credentials", "resource": server.resource_of(kind)}
        return self._posted("/oidc/token", form, server.MACHINE)["access_token"]

    def introspect(self, token: str) -> None:
        """Ask about an opaque token as its API does."""
        if not self._posted("/oidc/introspect", {"token": token}, f"{server.API}-opaque")["active"]:
            raise RuntimeError("not active")

    def userinfo(self, token: str) -> None:
        """Read what the token tells about its person."""
        _, text = self._application.ask("/oidc/userinfo", status=200, Authorization=f"Bearer {token}")
        if "sub" not in json.loads(text):
            raise RuntimeError(text)

    def _authn_request(self, what: str) -> str:
        return _redirect(self._request_of(server.SIGNED[what]))

    def _request_of(self, entity: str, *, pattern: str = "") -> str:
        """Return a request of an application; it may have its addresses from another's metadata."""
        sent_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return (
            '<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"'
            ' xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'
            f' ID="_{uuid.uuid4().hex}" Version="2.0" IssueInstant="{sent_at}"'
            f' Destination="{self._base}/saml/sso"'
            f' AssertionConsumerServiceURL="{server.acs_of(pattern or entity)}">'
            f"<saml:Issuer>{entity}</saml:Issuer></samlp:AuthnRequest>"
        )


def _redirect(request: str) -> str:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = deflate.compress(request.encode()) + deflate.flush()
    return f"/saml/sso?SAMLRequest={quote(base64.b64encode(packed), safe='')}&RelayState=here"


def current_step() -> int:
    """Return the time step of the codes that authenticator apps show now (RFC 6238)."""
    return int(time.time()) // _STEP


def must_answer(page: str, *, signatures: int) -> bytes:
    """Return the answer in a page, which must be a good one with so many signatures to be seen."""
    fields = {name: unescape(value) for name, value in _HIDDEN.findall(page)}
    answer = base64.b64decode(fields["SAMLResponse"])
    if b"status:Success" not in answer or answer.count(b"<ds:SignatureValue>") != signatures:
        raise RuntimeError(answer.decode())
    return answer


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
