"""Sign with a private key that lives in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self, cast

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from idp.keys.make import COORDINATE_BYTES, PrivateKey

_PKCS1, _SHA256, _ECDSA = PKCS1v15(), SHA256(), ec.ECDSA(SHA256())


class LocalSigner:
    """Implements core.ports.Signer for one key and its one algorithm."""

    def __init__(self, key: PrivateKey, *, kid: str, alg: str, certificate: str) -> None:
        self._raw = _rsa(key) if isinstance(key, RSAPrivateKey) else _ecdsa(key)
        self._kid = kid
        self._alg = alg
        self._certificate = certificate

    @classmethod
    def load(cls, data: bytes, *, kid: str, alg: str, certificate: str) -> Self:
        """Read the private key from PKCS #8 DER."""
        key = cast(PrivateKey, load_der_private_key(data, password=None))
        return cls(key, kid=kid, alg=alg, certificate=certificate)

    @property
    def kid(self) -> str:
        """Return the key's id."""
        return self._kid

    @property
    def certificate(self) -> str:
        """Return the key's certificate, PEM."""
        return self._certificate

    def sign(self, alg: str, data: bytes) -> bytes:
        """Sign data with SHA-256: RS256 gives PKCS #1 v1.5, ES256 r || s (RFC 7518 3.3, 3.4).

        Raises ValueError for any algorithm but the key's own.
        """
        if alg != self._alg:
            raise ValueError(f"this key signs {self._alg} only")
        return self._raw(data)


def _rsa(key: RSAPrivateKey) -> Callable[[bytes], bytes]:
    return lambda data: key.sign(data, _PKCS1, _SHA256)


def _ecdsa(key: ec.EllipticCurvePrivateKey) -> Callable[[bytes], bytes]:
    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, _ECDSA))
        return r.to_bytes(COORDINATE_BYTES, "big") + s.to_bytes(COORDINATE_BYTES, "big")

    return sign
