"""A machine with a key: its assertions, and the API it calls."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from idp.core.ids import new_id
from idp.partners import jwks
from tests.oidc.house import BASE, House

RESOURCE = "https://orders.example/"
NAME = "signer"
_KEY = ECKey.generate_key("P-256")


def furnish(house: House) -> None:
    """Register an API, a machine with a secret and one with a key; let the wiki refresh."""
    house.add_api("orders", RESOURCE)
    house.add_machine("billing")
    keys = jwks.read(json.dumps({"keys": [_KEY.as_dict(private=False)]}))
    calls: dict[str, Any] = {"machine": True, "may_call": {"orders": ["read"]}}
    house.add_client(NAME, secret="", jwks=keys, redirect_uris=[], post_logout_redirect_uris=[], **calls)
    house.allow("wiki", refresh=True)


def assertion(now: datetime) -> str:
    """Return an assertion that works once."""
    moment = int(now.timestamp())
    said = {"iss": NAME, "sub": NAME, "aud": BASE, "jti": new_id(), "iat": moment, "exp": moment + 60}
    return jwt.encode({"alg": "ES256"}, said, _KEY)
