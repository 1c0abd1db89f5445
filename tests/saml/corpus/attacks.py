"""Malicious AuthnRequests, each one change away from a genuine one of the same sender by the same way.

The sender must sign, and the genuine part is always truly signed: only the rule that is broken
can refuse what was changed.
"""

from __future__ import annotations

import base64
import re
import zlib
from urllib.parse import quote

from tests.saml.corpus.attack import ISSUER, Attack, put, without
from tests.saml.corpus.signatures import after_signing, signatures
from tests.saml.sp import SAMLP


# Truly signed, and still not to be believed -------------------------------------------------------
def _places() -> list[Attack]:
    addresses = (
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
    destinations = (
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
    return [
        *(Attack(f"acs {text}", attributes={"AssertionConsumerServiceURL": text}) for text in addresses),
        *(
            Attack(f"acs by form {text}", attributes={"AssertionConsumerServiceURL": text}, posted=True)
            for text in addresses[:3]
        ),
        *(
            Attack(f"acs index {text}", attributes={"AssertionConsumerServiceIndex": text})
            for text in ("2", "9", "-1", "x", "65536")
        ),
        Attack(
            "acs address and index apart",
            attributes={
                "AssertionConsumerServiceURL": "https://sp.example/acs",
                "AssertionConsumerServiceIndex": "1",
            },
        ),
        Attack(
            "acs by artifact",
            attributes={"ProtocolBinding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"},
        ),
        Attack(
            "acs by redirect",
            attributes={"ProtocolBinding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"},
        ),
        *(Attack(f"destination {text}", attributes={"Destination": text}) for text in destinations),
        *(
            Attack(f"destination by form {text}", attributes={"Destination": text}, posted=True)
            for text in (*destinations[:2], None)
        ),
        *(
            Attack(f"issuer {text!r}", xml=put(ISSUER, text))
            for text in ("https://unknown.example/m", "", ISSUER.upper(), ISSUER + "/", "https://sp.example/")
        ),
        *(
            Attack(f"of another time, {late} s", attributes={"late": late})
            for late in ("-345600", "-301", "301", "31536000")
        ),
        *(
            Attack(f"instant {text!r}", attributes={"IssueInstant": text})
            for text in ("yesterday", "", "2026-03-01", "2026-13-01T12:00:00Z", None)
        ),
        *(Attack(f"version {text!r}", attributes={"Version": text}) for text in ("1.1", "2.1", "", None)),
        *(
            Attack(f"id {str(text)[:8]!r}", attributes={"ID": text})
            for text in ("1digit", "", "a b", "_" + "x" * 300, None)
        ),
    ]


def _shapes() -> list[Attack]:
    entity = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    return [
        Attack("a document type", xml=lambda xml: "<!DOCTYPE x>" + xml),
        Attack("an external entity", xml=lambda xml: entity + put(ISSUER, "&e;")(xml)),
        Attack(
            "entities in entities",
            xml=lambda xml: '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>' + xml,
        ),
        Attack("a comment in the issuer", xml=put(ISSUER, ISSUER + "<!-- x -->.evil.example")),
        Attack("an instruction", xml=put("</saml:Issuer>", "</saml:Issuer><?x y?>")),
        Attack("an element in the issuer", xml=put(ISSUER, ISSUER + "<x/>.evil.example")),
        Attack("two issuers", xml=put("</saml:Issuer>", "</saml:Issuer><saml:Issuer>x</saml:Issuer>")),
        Attack("no issuer", xml=without("<saml:Issuer>.*</saml:Issuer>")),
        Attack(
            "an assertion inside", xml=put("</samlp:AuthnRequest>", "<saml:Assertion/></samlp:AuthnRequest>")
        ),
        Attack(
            "a foreign child", xml=put("</samlp:AuthnRequest>", '<x xmlns="urn:x"/></samlp:AuthnRequest>')
        ),
        Attack("a foreign attribute", attributes={"Evil": "1"}),
        Attack("text in the root", xml=put("</samlp:AuthnRequest>", "text</samlp:AuthnRequest>")),
        Attack("another message", xml=lambda xml: xml.replace("AuthnRequest", "LogoutRequest")),
        Attack("another namespace", xml=put(SAMLP, "urn:oasis:names:tc:SAML:1.0:protocol")),
        Attack("a message in a message", xml=lambda xml: f'<x xmlns="urn:x">{xml}</x>'),
        Attack("no xml", xml=lambda _xml: "SAMLRequest"),
        Attack("nothing", xml=lambda _xml: ""),
        Attack("cut short", xml=lambda xml: xml[:-3]),
        Attack("another character set", data=lambda data: data.decode().encode("utf-16")),
        Attack("a control character", xml=put(ISSUER, ISSUER + "&#1;")),
        Attack(
            "deep",
            xml=put(
                "</samlp:AuthnRequest>",
                "<samlp:Extensions>"
                + "<x>" * 500
                + "</x>" * 500
                + "</samlp:Extensions></samlp:AuthnRequest>",
            ),
        ),
        Attack(
            "wide",
            xml=put("<saml:Issuer>", "<saml:Issuer " + " ".join(f'a{n}="x"' for n in range(20_000)) + ">"),
        ),
        Attack("long", xml=put(ISSUER, "x" * 300_000)),
        Attack(
            "not deflated",
            raw=lambda raw: re.sub(
                "SAMLRequest=[^&]*", "SAMLRequest=" + quote(base64.b64encode(b"<x/>").decode(), safe=""), raw
            ),
        ),
        Attack(
            "a bomb",
            raw=lambda raw: re.sub(
                "SAMLRequest=[^&]*",
                "SAMLRequest="
                + quote(base64.b64encode(zlib.compress(b" " * 9_000_000, 9)[2:-4]).decode(), safe=""),
                raw,
            ),
        ),
        Attack(
            "something after the end",
            raw=lambda raw: re.sub(
                "SAMLRequest=[^&]*",
                "SAMLRequest="
                + quote(base64.b64encode(zlib.compress(b"<x/>")[2:-4] + b"more").decode(), safe=""),
                raw,
            ),
        ),
        Attack(
            "deflated in a form",
            form=lambda form: (
                form
                | {
                    "SAMLRequest": base64.b64encode(
                        zlib.compress(base64.b64decode(form["SAMLRequest"]))[2:-4]
                    ).decode()
                }
            ),
        ),
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
    return (*signatures(), *after_signing(), *_places(), *_shapes(), *_queries())
