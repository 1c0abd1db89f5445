"""The key by which push services know this installation (VAPID, RFC 8292)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from idp.core.errors import Refused
from idp.keys.make import new_key, thumbprint
from idp.keys.seal import Sealer
from idp.keys.signer import LocalSigner
from idp.store import Store, Unit, schema
from idp.store.revisioned import Revisioned

_ALG, _PURPOSE, _SEALED_AS = "ES256", "vapid", "signing key"
_LIFETIME = timedelta(hours=12)  # a day at most (RFC 8292 section 2)
_keys = schema.keys.c
_ROW = sa.select(_keys.kid, _keys.sealed).where(_keys.purpose == _PURPOSE).limit(1)
_INSERT = sa.insert(schema.keys)


class VapidKey:
    """One key for good: browsers subscribe for it, and a new one would end every subscription."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._sealer = sealer
        self._held = Revisioned(store, self._load)

    def ensure(self, unit: Unit, *, at: datetime) -> None:
        """Make the key, once."""
        if unit.execute(_ROW).first() is not None:
            return
        private = new_key(_ALG)
        kid = thumbprint(private.public_key())
        data = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        row = {
            "kid": kid,
            "key_set": _PURPOSE,
            "purpose": _PURPOSE,
            "alg": _ALG,
            "state": "active",
            "certificate": "",
            "sealed": self._sealer.seal(data, purpose=_SEALED_AS, context=kid),
            "created_at": at,
            "retired_at": None,
        }
        unit.execute(_INSERT, row)

    def public(self) -> str:
        """Return the public key as browsers want it: the uncompressed point in base64url."""
        point = self._key().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return _base64url(point)

    def authorization(self, endpoint: str, *, contact: str, at: datetime) -> str:
        """Return the Authorization header for a message to an endpoint (RFC 8292 section 3).

        contact is an address (https: or mailto:) at which the push service reaches the operator.
        """
        parts = urlsplit(endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int((at + _LIFETIME).timestamp()),
            "sub": contact,
        }
        signing_input = ".".join(_base64url(_json(part)) for part in ({"typ": "JWT", "alg": _ALG}, claims))
        signer = LocalSigner(self._key(), kid="", alg=_ALG, certificate="")
        token = f"{signing_input}.{_base64url(signer.sign(_ALG, signing_input.encode()))}"
        return f"vapid t={token}, k={self.public()}"

    def _key(self) -> EllipticCurvePrivateKey:
        key = self._held.get()
        if key is None:
            raise Refused("There is no key for push services yet.", detail="start `idp serve` once")
        return key

    def _load(self, connection: sa.Connection) -> EllipticCurvePrivateKey | None:
        row = connection.execute(_ROW).first()
        if row is None:
            return None
        data = self._sealer.open(row.sealed, purpose=_SEALED_AS, context=row.kid)
        key = load_der_private_key(data, password=None)
        return key if isinstance(key, EllipticCurvePrivateKey) else None


def _json(part: dict[str, object] | dict[str, str]) -> bytes:
    return json.dumps(part, separators=(",", ":")).encode()


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
