"""Check XML and query signatures in process, so that pysaml2 needs no xmlsec1 program."""

from __future__ import annotations

import base64
import binascii
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree
from saml2.sigver import CryptoBackend, SignatureError
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"

_EXPECTED = SignatureConfiguration(
    location="./",
    signature_methods=frozenset({SignatureMethod.RSA_SHA256, SignatureMethod.ECDSA_SHA256}),
    digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
)


class SignatureCheck(CryptoBackend):
    """The part of pysaml2's crypto backend that an application needs: checking, by signxml."""

    version = "1.3.0"

    def validate_signature(
        self, signedtext: Any, cert_file: str, cert_type: str, node_name: str, node_id: str
    ) -> bool:
        """Check the signature of the root or of a direct child; pysaml2 names it by class and ID.

        cert_file holds a certificate from the provider's metadata.  Raises SignatureError.
        """
        text = signedtext if isinstance(signedtext, bytes) else str(signedtext).encode()
        namespace, _, local = node_name.rpartition(":")
        root = etree.fromstring(text, etree.XMLParser(resolve_entities=False, no_network=True))
        named = [node for node in (root, *root) if node.get("ID") == node_id]
        if [node.tag for node in named] != [f"{{{namespace}}}{local}"]:
            raise SignatureError("the signed element is not where it belongs")
        certificate = Path(cert_file).read_text()
        try:
            XMLVerifier().verify(named[0], x509_cert=certificate, id_attribute="ID", expect_config=_EXPECTED)
        except (SignXMLException, InvalidSignature, ValueError) as error:
            raise SignatureError(str(error)) from error
        return True


def query_is_signed(query: str, certificates: Iterable[str]) -> bool:
    """Say whether a Redirect message is signed by one of the certificates (base64 DER, metadata's).

    The signature covers the raw query, as sent (SAML bindings 3.4.4.1).
    """
    parts = [part.partition("=") for part in query.split("&")]
    raw = {name: value for name, _, value in parts}
    messages = raw.keys() & {"SAMLRequest", "SAMLResponse"}
    if len(raw) != len(parts) or len(messages) != 1 or unquote_plus(raw.get("SigAlg", "")) != RSA_SHA256:
        return False
    order = (*messages, "RelayState", "SigAlg")
    signed = "&".join(f"{name}={raw[name]}" for name in order if name in raw).encode()
    try:
        signature = base64.b64decode(unquote_plus(raw.get("Signature", "")), validate=True)
    except binascii.Error:
        return False
    return any(_verifies(certificate, signature, signed) for certificate in certificates)


def _verifies(certificate: str, signature: bytes, data: bytes) -> bool:
    lines = "\n".join(textwrap.wrap("".join(certificate.split()), 64))
    pem = f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    if not isinstance(key, RSAPublicKey):
        return False
    try:
        key.verify(signature, data, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
