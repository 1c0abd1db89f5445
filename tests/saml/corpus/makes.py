"""AuthnRequests as seven makes of service providers write, escape and sign them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Final
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import quoteattr

from onelogin.saml2.utils import OneLogin_Saml2_Utils

from idp.core.ids import new_id
from tests.saml.sp import POST, RSA_SHA256, SAML, SAMLP, Sp, lower_hex, percent_space, query

SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
ACS: Final = "https://sp.example/acs"
SECOND: Final = "https://sp.example/second?tenant=1"
_1, _2 = "urn:oasis:names:tc:SAML:1.1:nameid-format:", "urn:oasis:names:tc:SAML:2.0:nameid-format:"
_PPT = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


@dataclass(frozen=True)
class Make:
    """How a make writes XML: prefixes, what it declares where, what stands before and between."""

    name: str
    protocol: str
    assertion: str
    escape: Callable[[str], str]
    declaration: str = ""
    between: str = ""
    all_at_root: bool = True
    instant: str = "%Y-%m-%dT%H:%M:%SZ"
    base64_lines: bool = False

    def tag(self, name: str, text: str = "", **attributes: str) -> str:
        """Return an element of the assertion namespace, declared where this make declares it."""
        prefix = f"{self.assertion}:" if self.assertion else ""
        where = f":{self.assertion}" if self.assertion else ""
        own = {} if self.all_at_root else {f"xmlns{where}": SAML}
        return f"<{prefix}{name}{_written(own | attributes)}>{text}</{prefix}{name}>"

    def ask(self, name: str, text: str = "", **attributes: str) -> str:
        """Return an element of the protocol namespace."""
        return f"<{self.protocol}:{name}{_written(attributes)}>{text}</{self.protocol}:{name}>"

    def request(self, wish: Wish, now: datetime, **changed: str | None) -> str:
        """Return an AuthnRequest with a wish, attributes changed (None leaves one out)."""
        declared = {f"xmlns:{self.protocol}": SAMLP}
        if self.all_at_root:
            declared[f"xmlns:{self.assertion}"] = SAML
        at = now + timedelta(seconds=wish.late)
        given: dict[str, str | None] = {
            "ID": "_" + new_id(),
            "Version": "2.0",
            "IssueInstant": at.strftime(wish.instant or self.instant),
            "Destination": "https://id.example/saml/sso",
            **wish.attributes,
            **changed,
        }
        said = {name: text for name, text in given.items() if text is not None}
        children = [
            self.tag("Issuer", "https://sp.example/metadata"),
            *(make(self) for make in wish.children),
        ]
        inner = self.between.join(["", *children, ""])
        root = f"{self.protocol}:AuthnRequest"
        return f"{self.declaration}<{root}{_written(declared | said)}>{inner}</{root}>"


@dataclass(frozen=True)
class Wish:
    """What a request asks for, and how the hallway should understand it."""

    name: str
    attributes: Mapping[str, str | None] = field(default_factory=dict)
    children: tuple[Callable[[Make], str], ...] = ()
    means: Mapping[str, object] = field(default_factory=dict)
    instant: str = ""
    late: float = 0


def _written(attributes: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoteattr(text)}" for name, text in attributes.items())


MAKES: Final = (
    Make("pysaml2", "ns0", "ns1", quote_plus, declaration="<?xml version='1.0' encoding='UTF-8'?>\n"),
    Make("python3-saml", "samlp", "saml", quote_plus, between="\n    "),
    Make(
        "node-saml",
        "samlp",
        "saml",
        percent_space,
        declaration='<?xml version="1.0"?>',
        all_at_root=False,
        instant="%Y-%m-%dT%H:%M:%S.000Z",
    ),
    Make("SimpleSAMLphp", "samlp", "saml", quote_plus, base64_lines=True),
    Make("Shibboleth", "samlp", "saml", lambda text: quote(text, safe=""), all_at_root=False),
    Make(
        "Spring",
        "saml2p",
        "saml2",
        quote_plus,
        declaration='<?xml version="1.0" encoding="UTF-8"?>',
        all_at_root=False,
        instant="%Y-%m-%dT%H:%M:%S.123Z",
    ),
    Make("AD FS", "samlp", "", lower_hex, all_at_root=False, instant="%Y-%m-%dT%H:%M:%S.1234567Z"),
)


def _policy(form: str = "", **more: str) -> Callable[[Make], str]:
    return lambda make: make.ask("NameIDPolicy", **({"Format": form} if form else {}), **more)


def _contexts(comparison: str, *classes: str) -> Callable[[Make], str]:
    return lambda make: make.ask(
        "RequestedAuthnContext",
        "".join(make.tag("AuthnContextClassRef", uri) for uri in classes),
        Comparison=comparison,
    )


WISHES: Final = (
    Wish("nothing"),
    Wish(
        "acs by address",
        {"AssertionConsumerServiceURL": SECOND, "ProtocolBinding": POST},
        (),
        {"reply_to": SECOND},
    ),
    Wish("acs by index", {"AssertionConsumerServiceIndex": "1"}, (), {"reply_to": SECOND}),
    Wish("anew", {"ForceAuthn": "true"}, (), {"force": True}),
    Wish("silently", {"IsPassive": "1", "ForceAuthn": "0"}, (), {"silent": True, "force": False}),
    Wish("persistent", {}, (_policy(_2 + "persistent", AllowCreate="true"),), {"subject": "pairwise"}),
    Wish("transient", {}, (_policy(_2 + "transient"),), {"subject": "transient"}),
    Wish("mail", {}, (_policy(_1 + "emailAddress", AllowCreate="false"),), {"subject": "email"}),
    Wish("unspecified", {}, (_policy(_1 + "unspecified", AllowCreate="1"),), {"subject": "pairwise"}),
    Wish(
        "own qualifier",
        {},
        (_policy(_2 + "persistent", SPNameQualifier="https://sp.example/metadata"),),
        {"subject": "pairwise"},
    ),
    Wish("a context", {}, (_policy(), _contexts("exact", _PPT)), {"strength": "one"}),
    Wish(
        "contexts", {}, (_contexts("minimum", _PPT, "https://refeds.org/profile/mfa"),), {"strength": "one"}
    ),
    Wish("a better one", {}, (_contexts("better", _PPT),), {"strength": "two"}),
    Wish(
        "a person",
        {},
        (
            lambda make: make.tag(
                "Subject", make.tag("NameID", "ada@example.com", Format=_1 + "emailAddress")
            ),
        ),
        {"hint": "ada@example.com"},
    ),
    Wish(
        "scoping",
        {},
        (
            lambda make: make.ask(
                "Scoping",
                make.ask("IDPList", make.ask("IDPEntry", ProviderID="https://id.example/saml/metadata"))
                + make.ask("RequesterID", "https://behind.example"),
                ProxyCount="0",
            ),
        ),
    ),
    Wish("extensions", {}, (lambda make: make.ask("Extensions", '<x xmlns="urn:other">y</x>'),)),
    Wish(
        "conditions",
        {},
        (
            lambda make: make.tag(
                "Conditions", make.tag("AudienceRestriction", make.tag("Audience", "urn:us"))
            ),
        ),
    ),
    Wish(
        "trimmings",
        {"ProviderName": 'S & "P" <1>', "Consent": "urn:oasis:names:tc:SAML:2.0:consent:unspecified"},
    ),
    Wish("another zone", instant="%Y-%m-%dT%H:%M:%S+00:00"),
    Wish("a slow clock", late=-200),
    Wish("a fast clock", late=200),
    Wish(
        "attributes by index", {"AttributeConsumingServiceIndex": "1"}, (), {"wanted": ("mail", "givenName")}
    ),
)
WAYS: Final = ("redirect", "redirect-signed", "post", "post-signed")


@dataclass(frozen=True)
class Variant:
    """One genuine message: who sends what, and how."""

    make: Make
    wish: Wish
    way: str

    def __str__(self) -> str:
        return f"{self.make.name}-{self.wish.name}-{self.way}".replace(" ", "-")


def variants() -> Iterator[Variant]:
    """Yield every make's every wish in every way."""
    for make, wish, way in product(MAKES, WISHES, WAYS):
        yield Variant(make, wish, way)


def sent(variant: Variant, sp: Sp, now: datetime) -> str | dict[str, str]:
    """Return the query or the form that carries a variant."""
    make, xml = variant.make, variant.make.request(variant.wish, now)
    relay = "/deep link?a=1&b=ü"
    if variant.way.startswith("redirect"):
        key = sp.key if variant.way.endswith("signed") else None
        return query(xml, key=key, relay_state=relay, escape=make.escape)
    data = signed(xml, sp) if variant.way.endswith("signed") else xml.encode()
    text = base64.encodebytes(data).decode() if make.base64_lines else base64.b64encode(data).decode()
    return {"SAMLRequest": text, "RelayState": relay}


def signed(xml: str, sp: Sp) -> bytes:
    """Return the message signed by xmlsec, as every make but ours would."""
    made: bytes = OneLogin_Saml2_Utils.add_sign(xml.encode(), sp.key_pem, sp.pem, False, RSA_SHA256, SHA256)
    return made
