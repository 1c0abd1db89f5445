"""A machine with a key: its assertions, and the API it calls."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jwt
from joserfc.jwk import ECKey

from idp.core.ids import new_id
from idp.partners import jwks
from tests.oidc.house import BASE, House

RESOURCE = "https://orders.example/"
NAME = "signer"
# The same in every process: the search signs in one of them, and the installation is in another.
_KEY = ECKey.import_key(ec.derive_private_key(1021, ec.SECP256R1()))


def furnish(house: House) -> None:
    """Register an API, a machine with a secret and one with a key; let the wiki refresh."""
    house.add_api("orders", RESOURCE)
    house.add_machine("billing")
    keys = jwks.read(json.dumps({"keys": [_KEY.as_dict(private=False)]}))
    calls: dict[str, Any] = {"machine": True, "may_call": {"orders": ["read"]}}
    house.add_client(NAME, secret="", jwks=keys, redirect_uris=[], post_logout_redirect_uris=[], **calls)
    house.allow("wiki", refresh=True)


def sign(data: bytes) -> bytes:
    """Return its signature of anything (ES256, RFC 7518 section 3.4)."""
    r, s = decode_dss_signature(_KEY.private_key.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def assertion(now: datetime) -> str:
    """Return an assertion that works once."""
    moment = int(now.timestamp())
    said = {"iss": NAME, "sub": NAME, "aud": BASE, "jti": new_id(), "iat": moment, "exp": moment + 60}
    return jwt.encode({"alg": "ES256"}, said, _KEY)
