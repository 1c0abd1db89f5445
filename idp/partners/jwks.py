"""Read the public keys that a client signs with: a JSON Web Key Set, checked key by key."""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from idp.core.errors import Refused
from idp.keys.make import COORDINATE_BYTES, thumbprint

# Which signatures a key may make (RFC 7518 3.1). What a token's header says chooses among the
# algorithms of a key on record, never a key of another kind.
ALGORITHMS: Mapping[str, tuple[str, ...]] = {"RSA": ("RS256", "PS256"), "EC": ("ES256",)}
ALL_ALGORITHMS = tuple(alg for algs in ALGORITHMS.values() for alg in algs)
_LONGEST = 64 * 1024
_MOST_KEYS = 10
_RSA_BITS = (2048, 8192)
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{1,2000}")
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Jwk:
    """One public key: its members as in RFC 7517, and what it may sign with."""

    kid: str
    algs: tuple[str, ...]
    members: Mapping[str, str]


def read(text: str) -> tuple[Jwk, ...]:
    """Return the signing keys of a JWK Set, 1 to 10. Raises Refused, also on a private key."""
    keys = tuple(map(_key, _signing(text)))
    if not keys:
        raise Refused("A key set holds 1 to 10 keys for signatures.")
    return keys


def usable(text: str) -> tuple[Jwk, ...]:
    """Return those signing keys of a set that can be used here, perhaps none. Raises Refused.

    What a client publishes for others as well may hold keys that only they understand (RFC 7517
    section 5).
    """
    found = []
    for key in _signing(text):
        with suppress(Refused):
            found.append(_key(key))
    return tuple(found)


def _signing(text: str) -> list[Mapping[str, Any]]:
    if len(text) > _LONGEST:
        raise Refused("A key set of one application is not that large.")
    try:
        keys = json.loads(text)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError) as bad:
        raise Refused('This is no JSON Web Key Set: it has a list named "keys".') from bad
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise Refused('This is no JSON Web Key Set: it has a list named "keys".')
    signing = [key for key in keys if key.get("use", "sig") == "sig"]
    if len(signing) > _MOST_KEYS:
        raise Refused("A key set holds 1 to 10 keys for signatures.")
    return signing


def _key(key: Mapping[str, Any]) -> Jwk:
    if not _PRIVATE.isdisjoint(key):
        raise Refused("This key set holds a private or secret key: register the public part alone.")
    try:
        public, members = _rsa(key) if key.get("kty") == "RSA" else _ec(key)
    except (KeyError, TypeError, ValueError, binascii.Error) as bad:
        raise Refused("A key must be RSA of 2048 to 8192 bits, or on the curve P-256.") from bad
    kind = members["kty"]
    algs = (str(key["alg"]),) if "alg" in key else ALGORITHMS[kind]
    if not set(algs) <= set(ALGORITHMS[kind]):
        raise Refused("A key may sign with RS256 or PS256 (RSA), or with ES256 (P-256).")
    kid = key.get("kid", "")
    if not isinstance(kid, str) or len(kid) > 200:
        raise Refused("The id of a key is a text of at most 200 characters.")
    return Jwk(kid=kid or thumbprint(public), algs=algs, members=members)


def _rsa(key: Mapping[str, Any]) -> tuple[rsa.RSAPublicKey, dict[str, str]]:
    public = rsa.RSAPublicNumbers(e=_number(key["e"]), n=_number(key["n"])).public_key()
    if not _RSA_BITS[0] <= public.key_size <= _RSA_BITS[1]:
        raise ValueError(public.key_size)
    return public, {"kty": "RSA", "n": key["n"], "e": key["e"]}


def _ec(key: Mapping[str, Any]) -> tuple[ec.EllipticCurvePublicKey, dict[str, str]]:
    if key.get("kty") != "EC" or key.get("crv") != "P-256":
        raise ValueError(key.get("kty"))
    numbers = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), ec.SECP256R1())
    members = {"kty": "EC", "crv": "P-256", "x": key["x"], "y": key["y"]}
    if any(len(_bytes(key[name])) != COORDINATE_BYTES for name in ("x", "y")):
        raise ValueError("coordinate")
    return numbers.public_key(), members


def _number(text: object) -> int:
    return int.from_bytes(_bytes(text), "big")


def _bytes(text: object) -> bytes:
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text):
        raise TypeError("no base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
