"""Tell an API what a token it was shown is worth now (RFC 7662): its own tokens, nobody else's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from idp.core.errors import BadMessage, Denied
from idp.core.model import Grant, Partner
from idp.keys import Issuers
from idp.oidc.access_tokens import described
from idp.oidc.authlib_server import AuthlibClient, Server
from idp.oidc.client_auth import Client, Clients
from idp.oidc.client_request import ClientRequest, Post
from idp.oidc.errors import OAuthError
from idp.oidc.json_answer import JsonAnswer
from idp.partners.registry import Partners
from idp.sessions import Families, Token, Tokens
from idp.signin.flow import Flow

LONGEST_TOKEN = 8 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Introspection:
    """Looks tokens up; whatever is not for the caller looks like one that never was."""

    clients: Clients
    partners: Partners
    issuers: Issuers
    tokens: Tokens
    families: Families
    flow: Flow

    def __call__(self, post: Post) -> JsonAnswer:
        """Answer one request; never raises on anything a client can send."""
        return self.clients.serve(post, self._answer)

    def _answer(self, request: ClientRequest, client: Client) -> JsonAnswer:
        if client.settings.public:
            # Anybody could try tokens here (RFC 7662 section 4).
            raise OAuthError("invalid_client", "A public client can not ask about tokens.")
        server = Server(client, self.issuers.default().base_url + "/oidc/introspect")
        server.register_endpoint(_Endpoint(self))
        answer: JsonAnswer = server.create_endpoint_response("introspection", request)
        return answer

    def found(self, secret: str, client: Client) -> Token | None:
        """Return the live token for its audience or the client that holds it, nobody else."""
        if len(secret) > LONGEST_TOKEN:
            return None
        token = self.tokens.find(secret) or self._refresh_token(secret)
        if token is None or not _concerns(token, client) or not self._holds(token):
            return None
        return token

    def _refresh_token(self, secret: str) -> Token | None:
        family = self.families.find(secret)
        if family is None or not family.current:
            return None
        return Token(
            partner=family.grant.request.partner,
            scope=family.grant.request.echo.get("scope", ""),
            audience="",
            issued_at=family.turned_at,
            expires_at=family.expires_at,
            grant=family.grant,
        )

    def _holds(self, token: Token) -> bool:
        partner = self.holder(token)
        if partner is None or not partner.enabled:
            return False
        return token.grant is None or self._renews(token.grant)

    def _renews(self, grant: Grant) -> bool:
        try:
            self.flow.renew(grant)
        except (BadMessage, Denied):
            return False
        return True

    def holder(self, token: Token) -> Partner | None:
        """Return the client that a token was issued to."""
        return self.partners.get(token.partner)

    def described(self, token: Token) -> dict[str, object]:
        """Return what the caller is told of a live token."""
        partner = self.holder(token)
        if partner is None:
            return {"active": False}
        return described(token, partner, self.issuers.get(partner.issuer)) | {"token_type": "Bearer"}


def _concerns(token: Token, client: Client) -> bool:
    if token.partner == client.partner.id:
        return True
    return bool(token.audience) and token.audience == client.settings.resource


class _Endpoint(IntrospectionEndpoint):
    """Authlib's order of checks."""

    def __init__(self, room: Introspection) -> None:
        super().__init__()
        self.room = room

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        return self.room.found(token_string, self.server.client)

    def check_params(self, request: Any, client: AuthlibClient) -> None:
        # A hint only makes the search shorter, and ours is short: one that we don't know is
        # no error (RFC 7662 section 2.1).
        if not request.form.get("token"):
            raise OAuthError("invalid_request", "The parameter token is missing.")

    def check_permission(self, token: Token, client: AuthlibClient, request: Any) -> bool:
        return True  # what does not concern the client was not found

    def create_introspection_payload(self, token: Token | None) -> dict[str, object]:
        return {"active": True} | self.room.described(token) if token is not None else {"active": False}
