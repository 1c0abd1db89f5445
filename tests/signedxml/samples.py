"""Genuine messages of every kind that is signed, and how to sign them again after a change."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from idp.signedxml import parse_document, parse_message, sign, verify
from idp.signedxml.names import ASSERTION, DS, ISSUER, MD, SAML, SAMLP, SIGNATURE
from tests.signedxml.keys import Key, certificate, raw_ecdsa, rsa_key, signer

ID = "_genuine"
NS = {"ds": DS, "md": MD, "saml": SAML, "samlp": SAMLP}
_HEAD = f'xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" Version="2.0" IssueInstant="2026-03-01T12:00:00Z"'
_ISSUER = "<saml:Issuer>https://sp.example/</saml:Issuer>"
_STATUS = (
    '<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>'
)


def authn_request(identifier: str = ID) -> str:
    return (
        f'<samlp:AuthnRequest {_HEAD} ID="{identifier}" Destination="https://idp.example/saml/sso"'
        f' AssertionConsumerServiceURL="https://sp.example/acs">{_ISSUER}'
        '<samlp:NameIDPolicy AllowCreate="true"/></samlp:AuthnRequest>'
    )


def logout_request(identifier: str = ID) -> str:
    return (
        f'<samlp:LogoutRequest {_HEAD} ID="{identifier}">{_ISSUER}<saml:NameID>alice</saml:NameID>'
        "<samlp:SessionIndex>s1</samlp:SessionIndex></samlp:LogoutRequest>"
    )


def assertion(identifier: str = ID, name: str = "alice") -> str:
    return (
        f'<saml:Assertion xmlns:saml="{SAML}" xmlns:xs="http://www.w3.org/2001/XMLSchema"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" Version="2.0"'
        f' ID="{identifier}" IssueInstant="2026-03-01T12:00:00Z">{_ISSUER}'
        f"<saml:Subject><saml:NameID>{name}</saml:NameID></saml:Subject>"
        '<saml:AttributeStatement><saml:Attribute Name="mail">'
        '<saml:AttributeValue xsi:type="xs:string">alice@example.com</saml:AttributeValue>'
        "</saml:Attribute></saml:AttributeStatement></saml:Assertion>"
    )


def response(identifier: str = "_response", inner: str | None = None) -> str:
    body = assertion() if inner is None else inner
    return f'<samlp:Response {_HEAD} ID="{identifier}">{_ISSUER}{_STATUS}{body}</samlp:Response>'


def metadata() -> str:
    return (
        f'<md:EntityDescriptor xmlns:md="{MD}" ID="{ID}" entityID="https://sp.example/">'
        f'<md:SPSSODescriptor protocolSupportEnumeration="{SAMLP}"><md:AssertionConsumerService'
        ' index="0" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"'
        ' Location="https://sp.example/acs"/></md:SPSSODescriptor></md:EntityDescriptor>'
    )


@dataclass(frozen=True)
class Kind:
    """A kind of signed document: its text, what is signed in it, and after which child."""

    name: str
    text: str
    tag: str
    after: str = ISSUER


KINDS = {
    kind.name: kind
    for kind in (
        Kind("AuthnRequest", authn_request(), f"{{{SAMLP}}}AuthnRequest"),
        Kind("LogoutRequest", logout_request(), f"{{{SAMLP}}}LogoutRequest"),
        Kind("Response", response(ID, assertion("_inner")), f"{{{SAMLP}}}Response"),
        Kind("Assertion", response(), ASSERTION),
        Kind("EntityDescriptor", metadata(), f"{{{MD}}}EntityDescriptor", after=""),
    )
}
REQUEST = KINDS["AuthnRequest"]


def target(root: etree._Element, kind: Kind) -> etree._Element:
    """Return what is signed in a document of that kind."""
    return root if root.tag == kind.tag else root.find(kind.tag)


def genuine(kind: Kind = REQUEST, alg: str = "RS256") -> bytes:
    """Return the signed document."""
    root = etree.fromstring(kind.text)
    sign(target(root, kind), signer=signer(alg), alg=alg, after_tag=kind.after)
    return etree.tostring(root)


def gate(data: bytes, kind: Kind = REQUEST, *, key: Key | None = None, allow=None) -> etree._Element:
    """Parse and verify as a door does, but without the schema: verify must stand alone."""
    parse = parse_document if kind.tag.startswith(f"{{{MD}}}") else parse_message
    extra = {} if allow is None else {"allow": allow}
    return verify(parse(data), tag=kind.tag, certificates=[certificate(key or rsa_key())], **extra)


def canonical(element: etree._Element, **options) -> bytes:
    return etree.tostring(element, method="c14n", **{"exclusive": True, "with_comments": False, **options})


def find(element: etree._Element, name: str) -> etree._Element:
    """Return the first ds: element of that name."""
    return element.find(f".//ds:{name}", NS)


_HASHES = {
    "sha1": hashes.SHA1(),  # noqa: S303 - to show that it is refused
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


def resigned(
    data: bytes,
    change: Callable[[etree._Element, etree._Element], None],
    *,
    kind: Kind = REQUEST,
    key: Key | None = None,
    digest: str = "sha256",
    pss: bool = False,
) -> bytes:
    """Return the document with its signature changed, and truly signed again.

    change gets (signed element, signature). Only the rule that it breaks can then refuse it.
    """
    root = etree.fromstring(data)
    element = target(root, kind)
    signature = element.find(SIGNATURE)
    change(element, signature)
    prefixes = signature.find("ds:SignedInfo/ds:CanonicalizationMethod/*", NS)
    named = [] if prefixes is None else prefixes.get("PrefixList", "").split()
    octets = canonical(find(signature, "SignedInfo"), inclusive_ns_prefixes=named)
    value = raw_signature(key or rsa_key(), octets, digest=digest, pss=pss)
    find(signature, "SignatureValue").text = base64.b64encode(value).decode()
    return etree.tostring(root)


def raw_signature(key: Key, data: bytes, *, digest: str = "sha256", pss: bool = False) -> bytes:
    algorithm = _HASHES[digest]
    if not isinstance(key, rsa.RSAPrivateKey):
        return raw_ecdsa(key, data, algorithm)
    salted = padding.PSS(mgf=padding.MGF1(algorithm), salt_length=algorithm.digest_size)
    return key.sign(data, salted if pss else padding.PKCS1v15(), algorithm)


def redigest(
    element: etree._Element, signature: etree._Element, *, digest: str = "sha256", **options
) -> None:
    """Set the digest of the element as it is without its signature."""
    copy = etree.fromstring(etree.tostring(element, with_tail=False))
    copy.remove(copy.find(SIGNATURE))
    value = hashlib.new(digest, canonical(copy, **options)).digest()
    find(signature, "DigestValue").text = base64.b64encode(value).decode()
