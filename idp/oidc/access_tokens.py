"""Make access tokens: opaque ones, and signed ones (RFC 9068) for the APIs that want them."""

from __future__ import annotations

from dataclasses import dataclass

from idp.core.ids import new_id, new_secret
from idp.core.model import Grant, Issuer, Partner
from idp.core.ports import Clock
from idp.keys import Issuers, KeyRing
from idp.oidc import contexts
from idp.oidc.apis import Target
from idp.oidc.jwt import signed
from idp.sessions import Lifetimes, Token

# So that no reader takes an ID token, or anything else of ours, for one (RFC 9068 section 4).
TYPE = "at+jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A token that was made and is not yet kept: what its bearer shows, and what it is."""

    secret: str
    token: Token

    def said(self) -> dict[str, object]:
        """Return the members of the answer that tell it (RFC 6749 section 5.1)."""
        lasts = self.token.expires_at - self.token.issued_at
        return {
            "access_token": self.secret,
            "token_type": "Bearer",
            "expires_in": int(lasts.total_seconds()),
            "scope": self.token.scope,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTokens:
    """Makes tokens; signing takes time, so it is done before the unit of work that keeps them."""

    issuers: Issuers
    ring: KeyRing
    clock: Clock
    lifetimes: Lifetimes

    def make(self, partner: Partner, target: Target, grant: Grant | None) -> Made:
        """Return a token of a partner for a target; grant None: its own, about nobody."""
        now = self.clock.now()
        token = Token(
            partner=partner.id,
            scope=" ".join(target.scopes),
            audience=target.audience,
            issued_at=now,
            expires_at=now + (self.lifetimes.signed_access if target.alg else self.lifetimes.access),
            grant=grant,
        )
        secret = self._signed(partner, target, token) if target.alg else new_secret()
        return Made(secret=secret, token=token)

    def _signed(self, partner: Partner, target: Target, token: Token) -> str:
        issuer = self.issuers.get(partner.issuer)
        claims = described(token, partner, issuer) | {"jti": new_id()}
        signer = self.ring.signer(issuer.key_set, target.alg)
        return signed(claims, typ=TYPE, alg=target.alg, signer=signer)


def described(token: Token, partner: Partner, issuer: Issuer) -> dict[str, object]:
    """Return what a token says, in the claims of RFC 9068 section 2.2 (and RFC 7662 section 2.2)."""
    claims: dict[str, object] = {
        "iss": issuer.oidc,
        "aud": token.audience or issuer.oidc,
        "sub": token.grant.subject.value if token.grant else partner.identifier,
        "client_id": partner.identifier,
        "iat": int(token.issued_at.timestamp()),
        "exp": int(token.expires_at.timestamp()),
    }
    if token.scope:
        claims["scope"] = token.scope
    return claims | (_authentication(token.grant) if token.grant else {})


def _authentication(grant: Grant) -> dict[str, object]:
    said: dict[str, object] = {
        "auth_time": int(grant.authenticated_at.timestamp()),
        "amr": list(grant.amr),
    }
    acr = contexts.stated(grant, grant.request.echo.get("acr", ""))
    return said | ({"acr": acr} if acr else {})
