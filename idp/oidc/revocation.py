"""Take back a token at the wish of the client that holds it (RFC 7009)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc7009 import RevocationEndpoint

from idp.audit import AuditLog, Entry, Event
from idp.keys import Issuers
from idp.oidc.authlib_server import AuthlibClient, Server
from idp.oidc.client_auth import Client, Clients
from idp.oidc.client_request import ClientRequest, Post
from idp.oidc.errors import OAuthError
from idp.oidc.introspection import LONGEST_TOKEN
from idp.oidc.json_answer import JsonAnswer
from idp.sessions import Families, Grants, Tokens
from idp.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """Ends an access token, or with a refresh token all that its grant gave.

    Unknown tokens and those of others are answered alike: nothing is learned by trying.
    """

    clients: Clients
    issuers: Issuers
    store: Store
    grants: Grants
    tokens: Tokens
    families: Families
    audit: AuditLog

    def __call__(self, post: Post) -> JsonAnswer:
        """Answer one request; never raises on anything a client can send."""
        return self.clients.serve(post, self._answer)

    def _answer(self, request: ClientRequest, client: Client) -> JsonAnswer:
        server = Server(client, self.issuers.default().base_url + "/oidc/revoke")
        server.register_endpoint(_Endpoint(self))
        answer: JsonAnswer = server.create_endpoint_response("revocation", request)
        return answer

    def revoke(self, secret: str, client: Client, request: ClientRequest) -> None:
        """Take the token back, if it is one of the client's."""
        family = self.families.find(secret)
        if family is not None and family.grant.request.partner != client.partner.id:
            return
        with self.store.write() as unit:
            if family is not None:
                gone = self.grants.revoke(unit, family.grant.id)
            else:
                gone = self.tokens.drop(unit, secret, partner=client.partner.id)
            if gone:
                self.audit.record(unit, _entry(request, client, family.grant.person if family else ""))


def _entry(request: ClientRequest, client: Client, person: str) -> Entry:
    return Entry(
        event=Event.TOKEN_REVOKED,
        person=person,
        partner=client.partner.id,
        correlation=request.correlation,
        detail={"kind": "refresh" if person else "access"},
        address=request.address,
        actor="partner:" + client.partner.id,
    )


class _Endpoint(RevocationEndpoint):
    """Authlib's order of checks."""

    def __init__(self, room: Revocation) -> None:
        super().__init__()
        self.room = room

    def check_params(self, request: Any, client: AuthlibClient) -> None:
        if not request.form.get("token"):
            raise OAuthError("invalid_request", "The parameter token is missing.")

    def authenticate_token(self, request: Any, client: AuthlibClient) -> str | None:
        self.check_params(request, client)
        token: str = request.form["token"]
        return token if len(token) <= LONGEST_TOKEN else None

    def revoke_token(self, token: str, request: Any) -> None:
        self.room.revoke(token, self.server.client, request.sent)
