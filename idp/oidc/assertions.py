"""Check the signed assertion by which a client with keys says who it is (RFC 7523, private_key_jwt)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from idp.core.ids import fingerprint
from idp.oidc.errors import OAuthError
from idp.oidc.jwt import parts
from idp.partners.jwks import Jwk

_LONGEST = 8 * 1024
_LONGEST_JTI = 256
# How far clocks may be apart, and how far ahead an assertion may end: its id is kept as long.
_SKEW = timedelta(seconds=60)
_LONGEST_LIFE = timedelta(hours=1)
_TYPES = ("JWT", "client-authentication+jwt")
_LAST_SECOND = 1e11  # far beyond any date


def issuer_of(assertion: str) -> str:
    """Return whose assertion it claims to be; nothing of it is verified. Raises OAuthError."""
    return str(_parts(assertion)[1]["iss"])


def verify(
    assertion: str,
    *,
    client_id: str,
    keys: Callable[[str], Iterable[Jwk]],
    audiences: frozenset[str],
    now: datetime,
) -> tuple[str, datetime]:
    """Verify a client's assertion; return the key under which it counts once, and until when.

    keys gives the client's keys for the key id that the header names, "" without one; it is
    asked last, since it may have to fetch them. The key on record chooses the algorithm: `none`,
    an HMAC with the public key, or a key in the header get nowhere. The audience is one text,
    exactly one of ours, so that an assertion made for another provider is worth nothing here.
    Raises OAuthError.
    """
    header, claims = _parts(assertion)
    kid = header.get("kid", "")
    if not isinstance(kid, str) or header.get("typ", "JWT") not in _TYPES:
        # Another kind of token signed with the same key is no assertion (RFC 8725 3.11).
        raise refused()
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise refused()
    if not isinstance(claims.get("aud"), str) or claims["aud"] not in audiences:
        raise refused()
    ends = _in_time(claims, now)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI:
        raise refused()
    if not any(_verifies(assertion, header, key) for key in keys(kid)):
        raise refused()
    return "jti:" + fingerprint(f"{client_id}\n{jti}"), ends


def refused() -> OAuthError:
    """Return the one error for every assertion that proves nothing."""
    return OAuthError("invalid_client", "The client could not be authenticated.")


def _parts(assertion: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    if len(assertion) > _LONGEST:
        raise refused()
    try:
        header, claims = parts(assertion)
    except ValueError as bad:
        raise refused() from bad
    if not isinstance(claims.get("iss"), str):
        raise refused()
    return header, claims


def _verifies(assertion: str, header: Mapping[str, Any], key: Jwk) -> bool:
    alg = header.get("alg")
    if alg not in key.algs or header.get("kid", key.kid) != key.kid:
        return False
    try:
        jws.deserialize_compact(assertion, _imported(key.members["kty"], *_numbers(key)), algorithms=[alg])
    except (JoseError, ValueError):
        return False
    return True


def _numbers(key: Jwk) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(key.members.items()))


@lru_cache(maxsize=1024)
def _imported(kind: str, *members: tuple[str, str]) -> Any:
    # Importing an RSA key costs many times what a verification does.
    kinds: Mapping[str, Any] = {"RSA": RSAKey, "EC": ECKey}
    return kinds[kind].import_key(dict(members))


def _in_time(claims: Mapping[str, Any], now: datetime) -> datetime:
    """Return when the assertion can't be used any more. Raises OAuthError."""
    moment, skew = now.timestamp(), _SKEW.total_seconds()
    ends = _seconds(claims, "exp", None)
    if not moment - skew < ends <= moment + _LONGEST_LIFE.total_seconds() + skew:
        raise refused()
    if max(_seconds(claims, "nbf", moment), _seconds(claims, "iat", moment)) > moment + skew:
        raise refused()
    return now + timedelta(seconds=ends - moment) + _SKEW


def _seconds(claims: Mapping[str, Any], name: str, otherwise: float | None) -> float:
    value = claims.get(name, otherwise)
    # A bool is a number in Python.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _LAST_SECOND:
        raise refused()
    return value
