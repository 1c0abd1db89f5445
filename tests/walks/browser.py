"""A scripted browser: follows the provider's redirects, fills in its forms, stops where it leaves."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Self
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import requests
from lxml import html

from idp.factors.totp import read_seed
from tests.walks.server import CALLBACK, Someone

CHALLENGE = "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"
VERIFIER = "v" * 43
_addresses = count(1)


@dataclass(frozen=True)
class Left:
    """Where the browser was sent outside, and the form that went along ({} for a redirect)."""

    address: str
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, str]:
        """Return the parameters of the address."""
        return dict(parse_qsl(urlsplit(self.address).query, keep_blank_values=True))


class Browser:
    """One browser at its own network address, with one window."""

    def __init__(self, base: str, address: str | None = None) -> None:
        self.base = base
        self.web = requests.Session()
        self.web.trust_env = False
        # Attempts are counted by network address too; each browser comes from one of its own.
        number = next(_addresses)
        own = f"198.51.{number // 250}.{number % 250 + 1}"
        self.web.headers["X-Forwarded-For"] = own if address is None else address
        self.address = self.text = ""
        self.status = 0
        self.left: Left | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.web.close()

    # Going somewhere --------------------------------------------------------------------------
    def open(self, address: str, **headers: str) -> Self:
        """Go to an address of the provider, and wherever it leads."""
        return self._follow(self._send("GET", address, headers=headers))

    def post(self, address: str, fields: Mapping[str, str], **headers: str) -> Self:
        """Send fields to an address of the provider, whatever form they are of."""
        return self._follow(self._send("POST", address, data=fields, headers=headers))

    def submit(self, **typed: str) -> Self:
        """Fill in the first form of the page and send it."""
        action, fields = self.form()
        return self.post(action, fields | typed)

    def later(self) -> Self:
        """Go on without the second way that is recommended after the first."""
        assert self.heading == "Add a second way"
        return self.post(self.address.partition("?")[0].removesuffix("/enrol") + "/later", {})

    def form(self) -> tuple[str, dict[str, str]]:
        """Return where the page's first form goes, and what it carries untouched."""
        form = self._page().forms[0]
        unticked = {box.name for box in form.inputs if getattr(box, "type", "") == "checkbox"}
        fields = {name: value or "" for name, value in form.fields.items() if name not in unticked}
        return urljoin(self.address, form.action), fields

    # A sign-in --------------------------------------------------------------------------------
    def authorize(self, client: str, **changed: str) -> Self:
        """Ask for a sign-in as a client's page does."""
        asked = {
            "client_id": client,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid",
            "state": secrets.token_urlsafe(8),
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changed,
        }
        return self.open("/oidc/authorize?" + urlencode(asked))

    def password(self, person: Someone, **typed: str) -> Self:
        """Answer the first page."""
        return self.submit(**{"username": person.name, "password": person.password, **typed})

    def choose(self, factor: str) -> Self:
        """Pick another of the ways that the page offers."""
        return self.post(f"{self._sign_in}/choose", {"factor": factor, "method": ""})

    @property
    def _sign_in(self) -> str:
        return "/".join(self.address.split("/")[:5])

    def code(self, person: Someone) -> Self:
        """Answer the second page."""
        return self.submit(code=person.code())

    def tokens(self, client: str = "wiki") -> dict[str, str]:
        """Redeem, as a client, the code that the browser left with."""
        assert self.left is not None
        fields = {
            "grant_type": "authorization_code",
            "code": self.left.parameters["code"],
            "redirect_uri": CALLBACK,
            "client_id": client,
            "code_verifier": VERIFIER,
        }
        answer: dict[str, str] = requests.post(
            urljoin(self.base, "/oidc/token"), data=fields, timeout=20
        ).json()
        return answer

    def claims(self, client: str = "wiki") -> dict[str, str]:
        """Redeem the code and return what the id_token says."""
        body = self.tokens(client)["id_token"].split(".")[1]
        said: dict[str, str] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return said

    # What is there ----------------------------------------------------------------------------
    @property
    def heading(self) -> str:
        """Return the page's heading, without the application's name."""
        heading = self._page().find(".//h1")
        return (heading.text or "").strip() if heading is not None else ""

    @property
    def issued(self) -> bool:
        """Say whether an application was told that somebody signed in."""
        if self.left is None:
            return False
        return "code" in self.left.parameters or "SAMLResponse" in self.left.fields

    @property
    def problem(self) -> str:
        """Return the page's message about the last answer."""
        found = self._page().find_class("problem")
        return str(found[0].text_content()).strip() if found else ""

    @property
    def shown_seed(self) -> bytes:
        """Return the seed that a set-up page shows to be typed into an app."""
        return read_seed(str(self._page().get_element_by_id("key").text_content()))

    def cookie(self, name: str) -> str:
        """Return a cookie's value, "" for none."""
        return self.web.cookies.get(f"countersign-{name}") or ""

    def _page(self) -> html.HtmlElement:
        return html.fromstring(self.text)

    def _send(self, method: str, address: str, **more: object) -> requests.Response:
        there = urljoin(self.base, address)
        return self.web.request(method, there, allow_redirects=False, timeout=20, **more)  # type: ignore[arg-type]

    def _follow(self, answer: requests.Response) -> Self:
        self.left = None
        while answer.is_redirect:
            there = urljoin(answer.url, answer.headers["Location"])
            if not there.startswith(self.base + "/"):
                self.left = Left(there)
                break
            answer = self._send("GET", there)
        self.address, self.status, self.text = answer.url, answer.status_code, answer.text
        if self.left is None and "document.forms[0]" in self.text:
            action, fields = self.form()
            self.left = Left(action, fields)
        return self
