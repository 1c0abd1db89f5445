"""Say which signature algorithms and keys are accepted, and verify raw octets with them.

No MD5, and no HMAC: with an HMAC the public certificate could serve as key. SHA-1 only where the
caller allows it by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from idp.core.errors import BadMessage

_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_MGF1 = "http://www.w3.org/2007/05/xmldsig-more#"

RSA_SHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
_SHA1 = "http://www.w3.org/2000/09/xmldsig#sha1"
RSA_SHA256 = f"{_MORE}rsa-sha256"
ECDSA_SHA256 = f"{_MORE}ecdsa-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"

_MINIMUM_RSA_BITS = 1024
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


@dataclass(frozen=True, slots=True)
class _Method:
    """A signature algorithm: its family ("rsa", "pss" or "ecdsa") and its digest."""

    family: str
    digest: hashes.SHA1 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512


_METHODS: Final[Mapping[str, _Method]] = MappingProxyType(
    {
        uri: _Method(family, digest)
        for bits, digest in ((256, hashes.SHA256()), (384, hashes.SHA384()), (512, hashes.SHA512()))
        for uri, family in (
            (f"{_MORE}rsa-sha{bits}", "rsa"),
            (f"{_MGF1}sha{bits}-rsa-MGF1", "pss"),
            (f"{_MORE}ecdsa-sha{bits}", "ecdsa"),
        )
    }
    | {RSA_SHA1: _Method("rsa", hashes.SHA1())}  # noqa: S303 - see OLD_SIGNATURES
)

SIGNATURES: Final = frozenset(_METHODS) - {RSA_SHA1}
"""The accepted signature algorithms, by URI (RFC 9231)."""

OLD_SIGNATURES: Final = SIGNATURES | {RSA_SHA1}
"""The same with SHA-1, for a partner that an administrator allowed it by name and until a date."""

DIGESTS: Final = frozenset({SHA256, f"{_MORE}sha384", "http://www.w3.org/2001/04/xmlenc#sha512"})
"""The accepted digest algorithms of a reference, by URI."""


def digests(allow: Collection[str]) -> frozenset[str]:
    """Return the digests of a reference that go with the allowed signature algorithms."""
    return DIGESTS | {_SHA1} if RSA_SHA1 in allow else DIGESTS


SIGNED_AS: Final[Mapping[str, str]] = MappingProxyType({"RS256": RSA_SHA256, "ES256": ECDSA_SHA256})
"""What we sign with: from a JWA name to the URI that XML knows it by."""


def check_method(uri: str, *, allow: Collection[str]) -> None:
    """Raise BadMessage unless the signature algorithm is accepted at all and by the caller."""
    if uri not in _METHODS or uri not in allow:
        raise BadMessage(
            "The message is signed in a way that is not accepted.", detail=f"algorithm {uri[:100]}"
        )


def fitting(certificates: Sequence[str], *, uri: str) -> Iterator[x509.Certificate]:
    """Yield those of the certificates (PEM) whose key can have signed by the algorithm.

    A certificate is a container for a key here (SAML metadata 2.4.1.1, interoperability
    profile): its dates, issuer and extensions don't matter.
    """
    for pem in certificates:
        certificate = _load(pem)
        if certificate is not None and _fits(certificate, _METHODS[uri].family):
            yield certificate


def is_signed(data: bytes, *, signature: bytes, certificate: x509.Certificate, uri: str) -> bool:
    """Say whether the signature over the octets was made with the certificate's key."""
    method, key = _METHODS[uri], certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        forms = _der_forms(signature, size=(key.key_size + 7) // 8)
        return any(_ecdsa(key, form, data, method) for form in forms)
    return isinstance(key, rsa.RSAPublicKey) and _rsa(key, signature, data, method)


def _rsa(key: rsa.RSAPublicKey, signature: bytes, data: bytes, method: _Method) -> bool:
    pss = padding.PSS(mgf=padding.MGF1(method.digest), salt_length=method.digest.digest_size)
    try:
        key.verify(signature, data, pss if method.family == "pss" else padding.PKCS1v15(), method.digest)
    except InvalidSignature:
        return False
    return True


def _ecdsa(key: ec.EllipticCurvePublicKey, der: bytes, data: bytes, method: _Method) -> bool:
    try:
        key.verify(der, data, ec.ECDSA(method.digest))
    except InvalidSignature:
        return False
    return True


def _der_forms(signature: bytes, *, size: int) -> Iterator[bytes]:
    """Yield the signature as DER: XML Signature says r || s, Java peers send DER as it is."""
    if len(signature) == 2 * size:
        r, s = signature[:size], signature[size:]
        yield encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    yield signature


@lru_cache(maxsize=512)
def _load(pem: str) -> x509.Certificate | None:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return certificate


def _fits(certificate: x509.Certificate, family: str) -> bool:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return family in ("rsa", "pss") and key.key_size >= _MINIMUM_RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and family == "ecdsa" and isinstance(key.curve, _CURVES)
