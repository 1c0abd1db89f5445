"""Read what the phone app sends: signed by the phone's own key, for one address, just now (JWS, RFC 7515)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import json_b64decode

from idp.core.errors import Refused
from idp.core.ports import Clock
from idp.factors.push.phones import GONE, Phone, Phones
from idp.store.columns import UNSTORABLE

LONGEST = 8 * 1024  # bytes
_TYP = "countersign-phone+jwt"
# Phones' clocks are off by a little; one that is off by more is told the time, and calls again.
_CLOCKS_APART = timedelta(minutes=2)
_UNREADABLE = "The app sent something that can't be read. Close it and open it again."


class WrongClock(Refused):
    """The phone's clock is off; it is told the time."""

    status = 401


class Unknown(Refused):
    """Nobody that we know signed this."""

    status = 401

    def __init__(self, detail: str) -> None:
        super().__init__(GONE, detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Reads calls; audience gives the base address that they must be meant for."""

    phones: Phones
    audience: Callable[[], str]
    clock: Clock

    def first(self, body: bytes, path: str) -> tuple[Mapping[str, Any], str]:
        """Return what a phone says that comes for the first time, and its key as it is stored.

        It signs with the key that it brings: what it proves is that it has it. Raises Refused.
        """
        header = _header(body)
        jwk = header.get("jwk")
        if not isinstance(jwk, dict):
            raise Refused(_UNREADABLE, detail="no key")
        public = ".".join(str(jwk.get(name, "")) for name in ("x", "y"))
        return self._claims(body, public, path), public

    def known(self, body: bytes, path: str) -> tuple[Mapping[str, Any], Phone]:
        """Return what a phone says that is set up, or being set up. Raises Refused."""
        kid = _header(body).get("kid")
        if not isinstance(kid, str) or UNSTORABLE.search(kid):
            raise Refused(_UNREADABLE, detail="no kid")
        try:
            phone = self.phones.find(kid[:64])
        except Refused as refused:
            raise Unknown("no such phone") from refused
        return self._claims(body, phone.public, path), phone

    def _claims(self, body: bytes, public: str, path: str) -> Mapping[str, Any]:
        try:
            signed = jws.deserialize_compact(body, _key(public), algorithms=["ES256"])
            header, claims = signed.headers(), json_b64decode(body.split(b".")[1])
        except (JoseError, TypeError, ValueError, RecursionError) as error:
            raise Unknown("not signed by this phone") from error
        if header.get("typ") != _TYP or not isinstance(claims, dict):
            raise Refused(_UNREADABLE, detail="another kind of message")
        if claims.get("aud") != self.audience() + path:
            raise Refused(_UNREADABLE, detail="meant for another address")
        self._check_time(claims.get("iat"))
        return claims

    def _check_time(self, at: object) -> None:
        if isinstance(at, bool) or not isinstance(at, int):
            raise Refused(_UNREADABLE, detail="no time")
        if abs(int(self.clock.now().timestamp()) - at) > _CLOCKS_APART.total_seconds():
            raise WrongClock("The clock of this phone is wrong.")


def _header(body: bytes) -> Mapping[str, Any]:
    """Return the header, of which nothing is verified yet. Raises Refused."""
    if len(body) > LONGEST or body.count(b".") != 2:
        raise Refused(_UNREADABLE, detail="no compact JWS")
    try:
        header = json_b64decode(body.split(b".")[0])
    except (JoseError, ValueError, RecursionError) as error:
        raise Refused(_UNREADABLE, detail="no compact JWS") from error
    # We know no extensions (RFC 7515 section 4.1.11).
    if not isinstance(header, dict) or "crit" in header:
        raise Refused(_UNREADABLE, detail="no header")
    return header


def _key(public: str) -> ECKey:
    """Return a stored key. Raises ValueError for what is none on P-256."""
    x, _, y = public.partition(".")
    return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": x, "y": y})
