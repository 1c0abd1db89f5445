"""Read the keys that a service provider's metadata publishes, for signatures and for encryption."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from idp.partners.remarks import Remark
from idp.partners.saml import EncryptionKey, EncryptionMethod

_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_XENC11 = "{http://www.w3.org/2009/xmlenc11#}"
_X509 = f"{_DS}KeyInfo/{_DS}X509Data/{_DS}X509Certificate"
_FEWEST_RSA_BITS = 2048
_MOST_METHODS = 40


def signing(sp: etree._Element, problems: list[str]) -> tuple[str, ...]:
    """Return the certificates (PEM) that may sign for the role, as it lists them; say what is odd."""
    found: dict[str, None] = {}
    for descriptor in _descriptors(sp, "signing"):
        texts = [element.text or "" for element in descriptor.findall(_X509)]
        if not texts:
            problems.append(Remark("A signing key without a certificate was ignored."))
        found.update((pem, None) for text in texts for pem in _certificate(text, problems))
    return tuple(found)


def encryption(sp: etree._Element, problems: list[str]) -> tuple[EncryptionKey, ...]:
    """Return the RSA keys to encrypt for the role with, those that say they are for it first."""
    found: dict[str, EncryptionKey] = {}
    for descriptor in _descriptors(sp, "encryption"):
        # What serves every use was looked at as a signing key already.
        declared, remarks = "use" in descriptor.attrib, list[str]()
        for text in (element.text or "" for element in descriptor.findall(_X509)):
            for pem in _certificate(text, problems if declared else remarks):
                if not isinstance(x509.load_pem_x509_certificate(pem.encode()).public_key(), RSAPublicKey):
                    continue
                key = EncryptionKey(certificate=pem, methods=_methods(descriptor), declared=declared)
                if declared or pem not in found:
                    found[pem] = key
    return tuple(sorted(found.values(), key=lambda key: not key.declared))


def _descriptors(sp: etree._Element, use: str) -> Iterator[etree._Element]:
    for descriptor in sp.findall(f"{_MD}KeyDescriptor"):
        # Without use a key serves both purposes (metadata 2.4.1.1): leaving it out would switch
        # signature checks off.
        if descriptor.get("use", use).strip() == use:
            yield descriptor


def _methods(descriptor: etree._Element) -> tuple[EncryptionMethod, ...]:
    return tuple(
        EncryptionMethod(
            algorithm=method.get("Algorithm", "").strip(),
            digest=_algorithm(method.find(f"{_DS}DigestMethod")),
            mask=_algorithm(method.find(f"{_XENC11}MGF")),
        )
        for method in descriptor.findall(f"{_MD}EncryptionMethod")[:_MOST_METHODS]
    )


def _algorithm(element: etree._Element | None) -> str:
    return "" if element is None else element.get("Algorithm", "").strip()


def _certificate(text: str, problems: list[str]) -> Iterator[str]:
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))
        key = certificate.public_key()
    except (ValueError, binascii.Error, UnsupportedAlgorithm, x509.InvalidVersion):
        problems.append(Remark("A certificate could not be read and was ignored."))
        return
    if isinstance(key, RSAPublicKey) and key.key_size < _FEWEST_RSA_BITS:
        problems.append(
            Remark(
                "A key has only %(bits)s bits; %(enough)s or more are safe.",
                bits=str(key.key_size),
                enough=str(_FEWEST_RSA_BITS),
            )
        )
    elif not isinstance(key, (RSAPublicKey, EllipticCurvePublicKey)):
        problems.append(Remark("A certificate with a key that is neither RSA nor elliptic was ignored."))
        return
    yield certificate.public_bytes(Encoding.PEM).decode()
