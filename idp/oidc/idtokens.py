"""Sign ID tokens, and read our own ones back when they come as a hint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from idp.core.model import Grant, Issuer, Partner
from idp.keys import Issuers, KeyRing, PublicKey
from idp.oidc import contexts
from idp.oidc.claims import in_id_token
from idp.oidc.jwt import encode, parts, signed
from idp.partners.oidc import oidc_settings
from idp.partners.registry import Partners

LIFETIME = timedelta(hours=1)
_LONGEST_HINT = 8 * 1024
_KEY_TYPES = {"RS256": RSAKey, "ES256": ECKey}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What one of our own ID tokens says, whenever it was issued."""

    partner: Partner
    subject: str
    participant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdTokens:
    """Signs for every issuer with the algorithm each client registered."""

    partners: Partners
    issuers: Issuers
    ring: KeyRing

    def make(
        self, grant: Grant, *, partner: Partner, access_token: str, now: datetime, again: bool = False
    ) -> str:
        """Return the signed ID token of a grant (OIDC core 2 and 3.1.3.6).

        Attributes are in it only where the claims parameter asks for them: with an access token
        they come from userinfo (5.4). again: it comes with a refreshed token, which answers no
        request, so it has no nonce (12.2).
        """
        issuer = self.issuers.get(partner.issuer)
        alg = oidc_settings(partner).id_token_alg
        signer = self.ring.signer(issuer.key_set, alg)
        claims = in_id_token(grant) | _claims(grant, issuer, partner, access_token, now)
        if "nonce" in grant.request.echo and not again:
            claims["nonce"] = grant.request.echo["nonce"]
        return signed(claims, typ="JWT", alg=alg, signer=signer)

    def read(self, token: str) -> Hint | None:
        """Return what an ID token of ours says, None when it isn't one.

        Expired ones are fine (OIDC core 3.1.2.1, RP-initiated logout 2). The key is chosen
        among our published ones, and with it the algorithm: nothing in the token's header can
        choose either, so `none`, an HMAC with a public key, or a key of its own get nowhere.
        """
        if len(token) > _LONGEST_HINT:
            return None
        try:
            return self._read(token)
        except (JoseError, ValueError):
            return None

    def _read(self, token: str) -> Hint | None:
        header, claims = parts(token)
        partner = self._addressee(claims.get("aud"))
        if partner is None:
            return None
        issuer = self.issuers.get(partner.issuer)
        key = self._key(issuer, header)
        if key is None or claims.get("iss") != issuer.oidc:
            return None
        raw: Any = key.key
        jws.deserialize_compact(token, _KEY_TYPES[key.alg](raw, raw), algorithms=[key.alg])
        subject, participant = claims.get("sub"), claims.get("sid", "")
        if not isinstance(subject, str) or not isinstance(participant, str):
            return None
        return Hint(partner=partner, subject=subject, participant=participant)

    def _addressee(self, audience: object) -> Partner | None:
        return self.partners.find("oidc", audience) if isinstance(audience, str) else None

    def _key(self, issuer: Issuer, header: Mapping[str, object]) -> PublicKey | None:
        if header.get("typ", "JWT") != "JWT":
            # Another kind of token signed with the same keys is no ID token (RFC 8725 3.11).
            return None
        for key in self.ring.published(issuer.key_set):
            if key.kid == header.get("kid") and key.alg == header.get("alg"):
                return key
        return None


def _claims(
    grant: Grant, issuer: Issuer, partner: Partner, access_token: str, now: datetime
) -> dict[str, object]:
    issued = int(now.timestamp())
    claims: dict[str, object] = {
        "iss": issuer.oidc,
        "sub": grant.subject.value,
        "aud": partner.identifier,
        "exp": issued + int(LIFETIME.total_seconds()),
        "iat": issued,
        "auth_time": int(grant.authenticated_at.timestamp()),
        "amr": list(grant.amr),
        "sid": grant.participant,
        "at_hash": encode(sha256(access_token.encode()).digest()[:16]).decode(),
    }
    acr = contexts.stated(grant, grant.request.echo.get("acr", ""))
    if acr:
        claims["acr"] = acr
    return claims
