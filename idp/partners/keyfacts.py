"""Say of a partner's certificate what an administrator looks at: fingerprint, dates, key."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """What a certificate says; fingerprint is its SHA-256, as tools show it (AB:CD:...)."""

    fingerprint: str
    subject: str
    not_after: datetime
    key: str

    @property
    def short(self) -> str:
        """Return the beginning of the fingerprint: enough to tell certificates apart by eye."""
        return self.fingerprint[:23] + "…"


def key_facts(pem: str) -> KeyFacts:
    """Return what a certificate (PEM), already read once, says."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest().upper()
    return KeyFacts(
        fingerprint=":".join(digest[place : place + 2] for place in range(0, len(digest), 2)),
        subject=_subject(certificate),
        not_after=certificate.not_valid_after_utc,
        key=_kind(certificate),
    )


def _subject(certificate: x509.Certificate) -> str:
    try:
        name = certificate.subject.rfc4514_string()
    except ValueError:  # a name that breaks X.520 is the application's own affair
        return ""
    return "".join(letter if letter.isprintable() else " " for letter in name)[:_LONGEST_NAME]


def _kind(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, RSAPublicKey):
        return f"RSA {key.key_size}"
    return key.curve.name if isinstance(key, EllipticCurvePublicKey) else "?"
