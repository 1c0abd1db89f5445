"""Keys, certificates and a signer, made once per run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_SPRING = datetime(2026, 3, 1, tzinfo=UTC)


@cache
def rsa_key(name: str = "partner", bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key(curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve())


@cache
def certificate(key: Key, *, begin: datetime = _SPRING, days: int = 3650, name: str = "partner") -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def raw_ecdsa(key: ec.EllipticCurvePrivateKey, data: bytes, digest: hashes.HashAlgorithm) -> bytes:
    """Sign as XML Signature wants it: r || s."""
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
    size = (key.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


class LocalSigner:
    """The Signer port over a key in memory."""

    kid = "test"

    def __init__(self, key: Key) -> None:
        self._key = key
        self.certificate = certificate(key)

    def sign(self, alg: str, data: bytes) -> bytes:
        if alg == "RS256" and isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        if alg == "ES256" and isinstance(self._key, ec.EllipticCurvePrivateKey):
            return raw_ecdsa(self._key, data, hashes.SHA256())
        raise ValueError(alg)


def signer(alg: str = "RS256") -> LocalSigner:
    return LocalSigner(ec_key() if alg == "ES256" else rsa_key())
