"""Sign JSON Web Tokens in compact form (RFC 7515, RFC 7519)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache

from idp.core.ports import Signer


def signed(claims: Mapping[str, object], *, typ: str, alg: str, signer: Signer) -> str:
    """Return a token with these claims; typ keeps one kind from passing for another (RFC 8725 3.11)."""
    body = json.dumps(claims, separators=(",", ":")).encode()
    signing_input = _header(alg, signer.kid, typ) + b"." + encode(body)
    return (signing_input + b"." + encode(signer.sign(alg, signing_input))).decode()


@lru_cache(maxsize=64)
def _header(alg: str, kid: str, typ: str) -> bytes:
    return encode(json.dumps({"alg": alg, "kid": kid, "typ": typ}, separators=(",", ":")).encode())


def encode(data: bytes) -> bytes:
    """Return base64url without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=")
