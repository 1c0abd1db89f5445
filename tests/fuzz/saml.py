"""SAML messages: built, changed, signed with the partner's own key, and changed again."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

from idp import signedxml
from idp.core.errors import CountersignError
from tests.fuzz.edits import BASE64, BYTES, DEFLATED, ENCODINGS, PAIRS, Edit, Pair, apply, joined
from tests.fuzz.installation import NAMES
from tests.fuzz.knowledge import Knowledge
from tests.fuzz.trees import TREES
from tests.fuzz.wire import FORM, Sent, changed
from tests.oidc.house import BASE
from tests.saml.sp import ECDSA_SHA256, ISSUER, RSA_SHA256, Sp, authn_request, logout_request

__all__ = ["ASKING", "LAYERS", "LEAVING", "NAMES", "SIGNINGS", "sent"]

LAYERS: Mapping[str, Iterable[str]] = {
    "tree": TREES,
    "tree-after": TREES,
    "encoding": ENCODINGS,
    "xml": BYTES,
    "deflated": DEFLATED,
    "base64": BASE64,
    "relay": BYTES,
    "soap": TREES,
}
SIGNINGS: Mapping[str, Sequence[str]] = {
    "redirect": ("none", "none", "enveloped", "query", "both"),
    "post": ("none", "enveloped"),
    "soap": ("none", "enveloped", "enveloped"),
}

ENVELOPE = b"http://schemas.xmlsoap.org/soap/envelope/"
_CONTEXT = (
    '<samlp:RequestedAuthnContext Comparison="minimum"><saml:AuthnContextClassRef>'
    "https://refeds.org/profile/mfa</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
)
_POLICY = (
    '<samlp:NameIDPolicy AllowCreate="true" Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"/>'
)
_SUBJECT = "<saml:Subject><saml:NameID>ada</saml:NameID></saml:Subject>"
_SCOPING = '<samlp:Scoping ProxyCount="1"><samlp:RequesterID>urn:x</samlp:RequesterID></samlp:Scoping>'
_EXTENSIONS = '<samlp:Extensions><x xmlns="urn:other">y</x></samlp:Extensions>'
_ASKED: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "ask": ("", {}),
    "ask-url": (_POLICY, {"AssertionConsumerServiceURL": "https://{name}.example/acs", "ForceAuthn": "true"}),
    "ask-index": (_POLICY + _CONTEXT, {"AssertionConsumerServiceIndex": "7", "IsPassive": "true"}),
    "ask-subject": (_EXTENSIONS + _SUBJECT + _POLICY + _CONTEXT + _SCOPING, {"ProviderName": "P"}),
    "ask-context": (_CONTEXT, {"IsPassive": "1", "Consent": "urn:oasis:names:tc:SAML:2.0:consent:obtained"}),
}
ASKING = tuple(_ASKED)
LEAVING = ("leave", "leave-index", "leave-old", "left", "ask")


def sent(drawn: Any, known: Knowledge, *, path: str, binding: str) -> Sent:
    """Return the request that was drawn, by one of the bindings in SIGNINGS."""
    name, kind, signing, signed_in, chosen = drawn
    about = known("session" if signed_in else "now") if kind in _ASKED else known("logout")
    cookies = about.get("cookies", "")
    sp = known.senders[name]
    if kind == "left":
        sp, cookies = known.senders[about["asked_by"].partition(".")[0]], about["chain_cookies"]
    data = _document(_message(kind, name, sp, about, BASE + path), sp, signing, chosen)
    if binding == "soap":
        headers = {"Host": "id.example", "Content-Type": "text/xml", "SOAPAction": '""'}
        return changed(Sent(method="POST", path=path, headers=headers, body=_by_soap(data, chosen)), chosen)
    parameter = "SAMLResponse" if kind == "left" else "SAMLRequest"
    relay = apply(BYTES, b"relay state", chosen, "relay").decode("utf-8", "replace")
    headers = {"Host": "id.example", "Cookie": cookies}
    if binding == "post":
        raw = joined(apply(PAIRS, _by_post(data, parameter, relay, chosen), chosen, "pairs"))
        headers |= {"Content-Type": FORM, "Origin": sp.base, "Sec-Fetch-Site": "cross-site"}
        return changed(Sent(method="POST", path=path, headers=headers, body=raw), chosen)
    raw = joined(apply(PAIRS, _by_query(data, parameter, relay, sp, signing, chosen), chosen, "pairs"))
    return changed(Sent(path=path, headers=headers, query=raw), chosen)


def _message(kind: str, name: str, sp: Sp, about: Mapping[str, Any], to: str) -> str:
    now: datetime = about["now"]
    if kind in _ASKED:
        inner, attributes = _ASKED[kind]
        filled = {key: value.format(name=name) for key, value in attributes.items()}
        return authn_request(now, inner=inner, issuer=sp.entity_id, Destination=to, **filled)
    if kind == "left":
        return _logout_response(now, sp, str(about["asked"]))
    named = about["old"] if kind == "leave-old" else about
    index = None if kind == "leave" else named["index"]
    return logout_request(now, name_id=named["name_id"], index=index, issuer=sp.entity_id, Destination=to)


def _logout_response(now: datetime, sp: Sp, asked: str) -> str:
    request = logout_request(now, name_id="", issuer=sp.entity_id, InResponseTo=asked)
    status = (
        '<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>'
    )
    return request.replace("LogoutRequest", "LogoutResponse").replace(
        "</saml:Issuer>", f"</saml:Issuer>{status}"
    )


def _document(xml: str, sp: Sp, signing: str, chosen: Sequence[Edit]) -> bytes:
    """Return the message as bytes: changed, signed as it then is, and changed once more."""
    root = apply(TREES, etree.fromstring(xml), chosen, "tree")
    if signing in ("enveloped", "both"):
        root = _signed(root, sp)
    root = apply(TREES, root, chosen, "tree-after")
    data = apply(ENCODINGS, etree.tostring(root), chosen, "encoding")
    return apply(BYTES, data, chosen, "xml")


def _signed(root: etree._Element, sp: Sp) -> etree._Element:
    alg = "RS256" if isinstance(sp.key, rsa.RSAPrivateKey) else "ES256"
    try:
        again = etree.fromstring(etree.tostring(root))
        after = ISSUER if again.find(ISSUER) is not None else ""
        signedxml.sign(again, signer=sp.signer, alg=alg, after_tag=after)  # type: ignore[arg-type]  # str
    except (CountersignError, ValueError, etree.LxmlError):  # what nobody could verify is not signed
        return root
    return again


def _by_post(data: bytes, parameter: str, relay: str, chosen: Sequence[Edit]) -> list[Pair]:
    coded = apply(BASE64, base64.b64encode(data), chosen, "base64")
    return [(parameter, _escaped(coded)), ("RelayState", quote_plus(relay))]


def _by_soap(data: bytes, chosen: Sequence[Edit]) -> bytes:
    body = b'<S:Envelope xmlns:S="%s"><S:Header/><S:Body>%s</S:Body></S:Envelope>' % (ENVELOPE, data)
    if not any(edit.layer == "soap" for edit in chosen):
        return body
    try:
        return etree.tostring(apply(TREES, etree.fromstring(body), chosen, "soap"))
    except (ValueError, etree.LxmlError):  # what is in it is no XML any more
        return body


def _by_query(
    data: bytes, parameter: str, relay: str, sp: Sp, signing: str, chosen: Sequence[Edit]
) -> list[Pair]:
    packer = zlib.compressobj(wbits=-15)
    packed = apply(DEFLATED, packer.compress(data) + packer.flush(), chosen, "deflated")
    coded = apply(BASE64, base64.b64encode(packed), chosen, "base64")
    pairs = [(parameter, _escaped(coded)), ("RelayState", quote_plus(relay))]
    if signing not in ("query", "both"):
        return pairs
    is_rsa = isinstance(sp.key, rsa.RSAPrivateKey)
    pairs.append(("SigAlg", quote_plus(RSA_SHA256 if is_rsa else ECDSA_SHA256)))
    octets = joined(pairs)
    if isinstance(sp.key, rsa.RSAPrivateKey):
        signature = sp.key.sign(octets, PKCS1v15(), SHA256())
    else:
        signature = sp.signer.sign("ES256", octets)
    return [*pairs, ("Signature", _escaped(base64.b64encode(signature)))]


def _escaped(data: bytes) -> str:
    return quote_plus(data)
