"""Make signing keys: the pair, its id, and a certificate that carries it in metadata."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicPart = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

# JWA names (RFC 7518 3.1): RSA-2048 with PKCS #1 v1.5, and ECDSA on P-256, both with SHA-256.
ALGORITHMS = ("RS256", "ES256")
COORDINATE_BYTES = 32  # of P-256
_LIFE = timedelta(days=3650)
_CLOCKS_DIFFER = timedelta(days=1)


def new_key(alg: str) -> PrivateKey:
    """Return a new private key for one of ALGORITHMS; RSA takes some 0.1 s."""
    if alg == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if alg == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    raise ValueError(alg)


def thumbprint(key: PublicPart) -> str:
    """Return the key's RFC 7638 thumbprint (SHA-256, base64url), used as its id."""
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        members = {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
    else:
        point = key.public_numbers()
        members = {
            "crv": "P-256",
            "kty": "EC",
            "x": _number(point.x, COORDINATE_BYTES),
            "y": _number(point.y, COORDINATE_BYTES),
        }
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def self_signed(key: PrivateKey, *, at: datetime) -> str:
    """Return a self-signed certificate for 10 years, PEM.

    Partners pin the key; nothing in the certificate but the key means anything to them.
    """
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Countersign signing")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _CLOCKS_DIFFER)
        .not_valid_after(at + _LIFE)
        .sign(key, SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()


def _number(value: int, size: int | None = None) -> str:
    return _base64url(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
