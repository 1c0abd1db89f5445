"""The APIs that a client may call, and what an access token is for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from idp.oidc.errors import OAuthError
from idp.partners.oidc import RESERVED_SCOPES, OidcSettings, oidc_settings
from idp.partners.registry import Partners


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One API as one client sees it: its address, the scopes this client may have, its kind of token."""

    resource: str
    scopes: tuple[str, ...]
    alg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What an access token is for: one audience, and scopes of that audience only.

    audience "" is ourselves (userinfo); alg "" means an opaque token.
    """

    audience: str
    scopes: tuple[str, ...]
    alg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Apis:
    """Finds APIs by what a client registered; an API that is switched off gets no tokens."""

    partners: Partners

    def of(self, client: OidcSettings) -> tuple[Api, ...]:
        """Return the APIs that a client may call."""
        found = ((self._settings(name), scopes) for name, scopes in client.may_call.items())
        return tuple(
            Api(
                resource=api.resource,
                scopes=tuple(scope for scope in scopes if scope in api.scopes),
                alg=api.access_token_alg,
            )
            for api, scopes in found
            if api is not None and api.resource
        )

    def named(self, client: OidcSettings, resource: str) -> Api:
        """Return the client's API at an address (RFC 8707 section 2). Raises OAuthError."""
        for api in self.of(client):
            if api.resource == resource:
                return api
        raise OAuthError("invalid_target", "This client can not get tokens for that resource.")

    def target(self, client: OidcSettings, resource: str, wanted: Collection[str]) -> Target:
        """Return what a token of a person's is for: one API, or without a resource ourselves.

        Of the wanted scopes it gets those that mean something there. Raises OAuthError.
        """
        if not resource:
            own = tuple(scope for scope in wanted if scope in RESERVED_SCOPES)
            return Target(audience="", scopes=own, alg="")
        api = self.named(client, resource)
        scopes = tuple(scope for scope in api.scopes if scope in wanted)
        return Target(audience=resource, scopes=scopes, alg=api.alg)

    def _settings(self, client_id: str) -> OidcSettings | None:
        partner = self.partners.find("oidc", client_id)
        return oidc_settings(partner) if partner is not None and partner.enabled else None
