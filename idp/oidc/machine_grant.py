"""Tokens of machines' own (client credentials, RFC 6749 section 4.4): this file is all there is.

Nothing here has a grant or a person, so nothing made here can ever say anything about one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

from idp.audit import AuditLog, Entry, Event
from idp.oidc.access_tokens import AccessTokens
from idp.oidc.apis import Api, Apis, Target
from idp.oidc.client_auth import Client
from idp.oidc.client_request import ClientRequest
from idp.oidc.errors import OAuthError
from idp.sessions import Tokens
from idp.store import Store


class MachineGrant(ClientCredentialsGrant):
    """Authlib's order of checks; the tokens are ours."""

    def validate_requested_scope(self) -> None:
        """Do nothing: scopes are those of one API, and checked with it."""

    def generate_token(self, **_: object) -> dict[str, object]:
        """Return the answer that tells the token."""
        answer: dict[str, object] = self.server.machines.issue(self.request.sent, self.request.client)
        return answer

    def save_token(self, token: Mapping[str, object]) -> None:
        """Do nothing: the token was stored when it was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """Gives a machine tokens for the APIs it was registered for."""

    store: Store
    apis: Apis
    access: AccessTokens
    tokens: Tokens
    audit: AuditLog

    def issue(self, request: ClientRequest, client: Client) -> dict[str, object]:
        """Return the answer with a token for one API. Raises OAuthError.

        Without a resource it is for the client's only one. Scopes that the client may not have
        are an error: a machine knows what it needs.
        """
        api = self._api(request, client)
        wanted = request.get("scope").split() or list(api.scopes)
        if not set(wanted) <= set(api.scopes):
            raise OAuthError("invalid_scope", "This client can not have all of these scopes there.")
        scopes = tuple(scope for scope in api.scopes if scope in wanted)
        target = Target(audience=api.resource, scopes=scopes, alg=api.alg)
        made = self.access.make(client.partner, target, None)
        entry = Entry(
            event=Event.TOKEN_ISSUED,
            partner=client.partner.id,
            verdict="issue",
            correlation=request.correlation,
            detail={"door": "oidc", "machine": True, "scope": made.token.scope, "audience": api.resource},
            address=request.address,
        )
        with self.store.write() as unit:
            self.tokens.add(unit, made.secret, made.token)
            self.audit.record(unit, entry)
        return made.said()

    def _api(self, request: ClientRequest, client: Client) -> Api:
        resource = request.get("resource")
        if resource:
            return self.apis.named(client.settings, resource)
        known = self.apis.of(client.settings)
        if len(known) != 1:
            raise OAuthError("invalid_target", "The resource must say which API the token is for.")
        return known[0]
