"""Malicious AuthnRequests, each one change away from a genuine one of the same sender by the same way.

The sender must sign, and the genuine part is always truly signed: only the rule that is broken
can refuse what was changed.
"""

from __future__ import annotations

import base64
import re
import zlib
from urllib.parse import quote

from tests.saml.corpus.attack import ISSUER, Attack, Text, put, without
from tests.saml.corpus.signatures import after_signing, signatures
from tests.saml.sp import SAMLP

# Truly signed, and still not to be believed -------------------------------------------------------
_ADDRESSES = (
    "https://evil.example/acs",
    "http://sp.example/acs",
    "https://sp.example/ACS",
    "https://sp.example/acs/",
    "https://sp.example/acs?x=1",
    "https://sp.example/acs#x",
    "https://sp.example:444/acs",
    "https://sp.example.evil.example/acs",
    "https://sp.example@evil.example/acs",
    "https://sp.example/acs/..;/evil",
    "https://sp.example/%61cs",
    "javascript:alert(1)//sp.example/acs",
    "https://sp.example/artifact",
    "",
)
_DESTINATIONS = (
    "https://evil.example/saml/sso",
    "http://id.example/saml/sso",
    "https://id.example/saml/slo",
    "https://id.example/saml/sso/",
    "https://id.example:8443/saml/sso",
    "https://ID.example/saml/sso",
    "https://id.example/saml/sso?x",
    "",
    None,
)
_ISSUERS = ("https://unknown.example/m", "", ISSUER.upper(), ISSUER + "/", "https://sp.example/")
_BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-"


def _with(name: str, *, posted: bool = False, **attributes: str | None) -> Attack:
    return Attack(name, attributes=attributes, posted=posted)


def _answers_elsewhere() -> list[Attack]:
    return [
        *(_with(f"acs {text}", AssertionConsumerServiceURL=text) for text in _ADDRESSES),
        *(
            _with(f"acs by form {text}", AssertionConsumerServiceURL=text, posted=True)
            for text in _ADDRESSES[:3]
        ),
        *(
            _with(f"acs index {text}", AssertionConsumerServiceIndex=text)
            for text in ("2", "9", "-1", "x", "65536")
        ),
        _with(
            "acs address and index apart",
            AssertionConsumerServiceURL="https://sp.example/acs",
            AssertionConsumerServiceIndex="1",
        ),
        _with("acs by artifact", ProtocolBinding=f"{_BINDING}Artifact"),
        _with("acs by redirect", ProtocolBinding=f"{_BINDING}Redirect"),
    ]


def _not_for_us() -> list[Attack]:
    """Return what was meant for somebody else, is from somebody else, or of another time."""
    return [
        *(_with(f"destination {text}", Destination=text) for text in _DESTINATIONS),
        *(
            _with(f"destination by form {text}", Destination=text, posted=True)
            for text in (*_DESTINATIONS[:2], None)
        ),
        *(Attack(f"issuer {text!r}", xml=put(ISSUER, text)) for text in _ISSUERS),
        *(_with(f"of another time, {late} s", late=late) for late in ("-345600", "-301", "301", "31536000")),
        *(
            _with(f"instant {text!r}", IssueInstant=text)
            for text in ("yesterday", "", "2026-03-01", "2026-13-01T12:00:00Z", None)
        ),
        *(_with(f"version {text!r}", Version=text) for text in ("1.1", "2.1", "", None)),
        *(_with(f"id {str(text)[:8]!r}", ID=text) for text in ("1digit", "", "a b", "_" + "x" * 300, None)),
    ]


# Documents --------------------------------------------------------------------------------------
_END = "</samlp:AuthnRequest>"
_EXTERNAL = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
_INTERNAL = '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>'
_DEEP = "<samlp:Extensions>" + "<x>" * 500 + "</x>" * 500 + "</samlp:Extensions>"
_WIDE = "<saml:Issuer " + " ".join(f'a{n}="x"' for n in range(20_000)) + ">"


def _structures() -> list[Attack]:
    return [
        Attack("a document type", xml=lambda xml: "<!DOCTYPE x>" + xml),
        Attack("an external entity", xml=lambda xml: _EXTERNAL + put(ISSUER, "&e;")(xml)),
        Attack("entities in entities", xml=lambda xml: _INTERNAL + xml),
        Attack("a comment in the issuer", xml=put(ISSUER, ISSUER + "<!-- x -->.evil.example")),
        Attack("an instruction", xml=put("</saml:Issuer>", "</saml:Issuer><?x y?>")),
        Attack("an element in the issuer", xml=put(ISSUER, ISSUER + "<x/>.evil.example")),
        Attack("two issuers", xml=put("</saml:Issuer>", "</saml:Issuer><saml:Issuer>x</saml:Issuer>")),
        Attack("no issuer", xml=without("<saml:Issuer>.*</saml:Issuer>")),
        Attack("an assertion inside", xml=put(_END, "<saml:Assertion/>" + _END)),
        Attack("a foreign child", xml=put(_END, '<x xmlns="urn:x"/>' + _END)),
        _with("a foreign attribute", Evil="1"),
        Attack("text in the root", xml=put(_END, "text" + _END)),
        Attack("another message", xml=lambda xml: xml.replace("AuthnRequest", "LogoutRequest")),
        Attack("another namespace", xml=put(SAMLP, "urn:oasis:names:tc:SAML:1.0:protocol")),
        Attack("a message in a message", xml=lambda xml: f'<x xmlns="urn:x">{xml}</x>'),
        Attack("no xml", xml=lambda _xml: "SAMLRequest"),
        Attack("nothing", xml=lambda _xml: ""),
        Attack("cut short", xml=lambda xml: xml[:-3]),
        Attack("another character set", data=lambda data: data.decode().encode("utf-16")),
        Attack("a control character", xml=put(ISSUER, ISSUER + "&#1;")),
        Attack("deep", xml=put(_END, _DEEP + _END)),
        Attack("wide", xml=put("<saml:Issuer>", _WIDE)),
        Attack("long", xml=put(ISSUER, "x" * 300_000)),
    ]


# Encodings --------------------------------------------------------------------------------------
def _deflated(data: bytes) -> bytes:
    return zlib.compress(data, 9)[2:-4]


def _carrying(data: bytes) -> Text:
    """Return the change that puts other octets, already deflated or not, into the query."""
    value = "SAMLRequest=" + quote(base64.b64encode(data).decode(), safe="")
    return lambda raw: re.sub("SAMLRequest=[^&]*", value, raw)


def _deflated_form(form: dict[str, str]) -> dict[str, str]:
    data = _deflated(base64.b64decode(form["SAMLRequest"]))
    return form | {"SAMLRequest": base64.b64encode(data).decode()}


def _encodings() -> list[Attack]:
    return [
        Attack("not deflated", raw=_carrying(b"<x/>")),
        Attack("a bomb", raw=_carrying(_deflated(b" " * 9_000_000))),
        Attack("something after the end", raw=_carrying(_deflated(b"<x/>") + b"more")),
        Attack("deflated in a form", form=_deflated_form),
        Attack("no base64 in a form", form=lambda form: form | {"SAMLRequest": "<x/>"}),
        Attack(
            "another alphabet in a form",
            form=lambda form: form | {"SAMLRequest": form["SAMLRequest"].replace("P", "-", 1)},
        ),
        Attack("a long relay state", form=lambda form: form | {"RelayState": "x" * 5000}),
        Attack("a response in a form", form=lambda form: {"SAMLResponse": form["SAMLRequest"]}),
    ]


def _queries() -> list[Attack]:
    return [
        Attack("the message twice", raw=lambda raw: raw + "&" + raw.partition("&")[0]),
        Attack("relay state twice", raw=lambda raw: raw + "&RelayState=x"),
        Attack("the signature twice", raw=lambda raw: raw + "&Signature=x"),
        Attack("both messages", raw=lambda raw: raw + "&SAMLResponse=x"),
        Attack("an escaped name", raw=put("SAMLRequest=", "%53AMLRequest=")),
        Attack("a second, escaped name", raw=lambda raw: raw + "&%53AMLRequest=x"),
        Attack("a list", raw=lambda raw: raw + "&SAMLRequest[]=x"),
        Attack("another case", raw=lambda raw: raw + "&samlrequest=x"),
        Attack("a space before the name", raw=lambda raw: raw + "&%20SAMLRequest=x"),
        Attack("another encoding", raw=lambda raw: raw + "&SAMLEncoding=urn%3Anone"),
        Attack("a broken escape", raw=put("RelayState=%2F", "RelayState=%2")),
        Attack("no value", raw=lambda raw: re.sub("SAMLRequest=[^&]*", "SAMLRequest", raw)),
        Attack("bytes that are no text", raw=put("RelayState=%2F", "RelayState=%FF")),
        Attack("endless", raw=lambda raw: raw + "&x=" + "y" * 70_000),
    ]


def attacks() -> tuple[Attack, ...]:
    """Return all of them."""
    return (
        *signatures(),
        *after_signing(),
        *_answers_elsewhere(),
        *_not_for_us(),
        *_structures(),
        *_encodings(),
        *_queries(),
    )
