"""Sign an element in place with an enveloped XML signature."""

from __future__ import annotations

import base64
import copy
import hashlib
from functools import lru_cache
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from idp.core.ports import Signer
from idp.signedxml.algorithms import SHA256, SIGNED_AS
from idp.signedxml.names import DS, ENVELOPED, EXCLUSIVE, SIGNATURE


def sign(
    element: etree._Element,
    *,
    signer: Signer,
    alg: Literal["RS256", "ES256"],
    after_tag: str = "",
) -> None:
    """Add a ds:Signature over the element, found by its ID attribute, where it stands.

    The signature comes right after the first child, which must be after_tag (the Issuer, as
    SAML core wants), or becomes the first child (metadata). The element must be in the tree in
    which it is sent: lxml may rename prefixes of what is moved, and so break a signature.
    Raises ValueError when the element has no ID or a signature, or the child isn't there.
    """
    identifier = _check(element, after_tag)
    digest = hashlib.sha256(_canonical(element)).digest()
    signature = copy.deepcopy(_blank(SIGNED_AS[alg], signer.certificate))
    info, value, _ = signature
    reference = info[-1]
    reference.set("URI", f"#{identifier}")
    reference[-1].text = base64.b64encode(digest).decode()
    # Signed only now that it is in its place: its prefixes follow the tree's.
    element.insert(1 if after_tag else 0, signature)
    value.text = base64.b64encode(signer.sign(alg, _canonical(info))).decode()


def _check(element: etree._Element, after_tag: str) -> str:
    identifier = element.get("ID")
    if not identifier or element.find(SIGNATURE) is not None:
        raise ValueError("only an element with an ID and without a signature can be signed")
    if after_tag and (not len(element) or element[0].tag != after_tag):
        raise ValueError(f"the first child is not {after_tag}")
    return identifier


@lru_cache(maxsize=64)
def _blank(method: str, pem: str) -> etree._Element:
    """Return a ds:Signature in which only the URI, the digest and the value are missing."""
    signature = etree.Element(SIGNATURE, nsmap={"ds": DS})
    info = _add(signature, "SignedInfo")
    _add(info, "CanonicalizationMethod", Algorithm=EXCLUSIVE)
    _add(info, "SignatureMethod", Algorithm=method)
    reference = _add(info, "Reference")
    transforms = _add(reference, "Transforms")
    _add(transforms, "Transform", Algorithm=ENVELOPED)
    _add(transforms, "Transform", Algorithm=EXCLUSIVE)
    _add(reference, "DigestMethod", Algorithm=SHA256)
    _add(reference, "DigestValue")
    _add(signature, "SignatureValue")
    data = _add(_add(signature, "KeyInfo"), "X509Data")
    der = x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
    _add(data, "X509Certificate").text = base64.b64encode(der).decode()
    return signature


def _add(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{DS}}}{name}", attributes)


def _canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False, with_tail=False)
