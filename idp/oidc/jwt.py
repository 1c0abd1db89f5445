"""Write JSON Web Tokens in compact form, and take them apart (RFC 7515, RFC 7519)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from joserfc.errors import JoseError
from joserfc.util import json_b64decode

from idp.core.ports import Signer


def signed(claims: Mapping[str, object], *, typ: str, alg: str, signer: Signer) -> str:
    """Return a token with these claims; typ keeps one kind from passing for another (RFC 8725 3.11)."""
    body = json.dumps(claims, separators=(",", ":")).encode()
    signing_input = _header(alg, signer.kid, typ) + b"." + encode(body)
    return (signing_input + b"." + encode(signer.sign(alg, signing_input))).decode()


def parts(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return header and claims of a token; nothing of it is verified. Raises ValueError.

    One whose header demands an extension is refused: we know none (RFC 7515 section 4.1.11).
    """
    try:
        head, body, _ = token.encode().split(b".")
        header, claims = json_b64decode(head), json_b64decode(body)
        # JSON can spell halves of characters, which nothing that hashes or stores text takes.
        json.dumps([header, claims], ensure_ascii=False).encode()
    except (JoseError, RecursionError) as bad:  # the latter from deeply nested JSON
        raise ValueError("unreadable") from bad
    if not isinstance(header, dict) or not isinstance(claims, dict) or "crit" in header:
        raise ValueError("no plain token")
    return header, claims


@lru_cache(maxsize=64)
def _header(alg: str, kid: str, typ: str) -> bytes:
    return encode(json.dumps({"alg": alg, "kid": kid, "typ": typ}, separators=(",", ":")).encode())


def encode(data: bytes) -> bytes:
    """Return base64url without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=")
