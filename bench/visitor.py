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

    def ask(
        self, address: str, *, status: int, form: dict[str, str] | None = None, **headers: str
    ) -> tuple[str, str]:
        """Return Location and body of an answer, which must have the given status."""
        sent = _BROWSER | {"Host": f"localhost:{self._port}"} | headers
        if self._cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
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
        _must_answer(self._fill(address, status=200, code=code), "both")

    def _fill(self, address: str, *, status: int, **typed: str) -> str:
        """Look at a sign-in's page and send its first form, filled in."""
        _, page = self._browser.ask(address, status=200)
        form, _, _ = page.partition("</form>")
        hidden = {name: unescape(value) for name, value in _HIDDEN.findall(form)}
        return self._browser.ask(address, status=status, form=hidden | typed)[1]

    def saml(self, signed: str = "both") -> None:
        """Be answered by SAML at once, since there is a session."""
        _must_answer(self._browser.ask(self._authn_request(signed), status=200)[1], signed)

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

    def _authn_request(self, signed: str) -> str:
        entity = server.SIGNED[signed]
        sent_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        request = (
            '<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"'
            ' xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'
            f' ID="_{uuid.uuid4().hex}" Version="2.0" IssueInstant="{sent_at}"'
            f' Destination="{self._base}/saml/sso" AssertionConsumerServiceURL="{server.acs_of(entity)}">'
            f"<saml:Issuer>{entity}</saml:Issuer></samlp:AuthnRequest>"
        )
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        packed = deflate.compress(request.encode()) + deflate.flush()
        return f"/saml/sso?SAMLRequest={quote(base64.b64encode(packed), safe='')}&RelayState=here"


def current_step() -> int:
    """Return the time step of the codes that authenticator apps show now (RFC 6238)."""
    return int(time.time()) // _STEP


def _must_answer(page: str, signed: str) -> None:
    fields = {name: unescape(value) for name, value in _HIDDEN.findall(page)}
    answer = base64.b64decode(fields["SAMLResponse"])
    signatures = answer.count(b"<ds:SignatureValue>")
    if b"status:Success" not in answer or signatures != (2 if signed == "both" else 1):
        raise RuntimeError(answer.decode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
