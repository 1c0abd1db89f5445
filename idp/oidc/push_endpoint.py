"""Take authorization requests from clients themselves, before the browser comes (RFC 9126)."""

from __future__ import annotations

from dataclasses import dataclass

from idp.core.errors import BadMessage
from idp.oidc.authorize import Authorize
from idp.oidc.client_auth import Client, Clients
from idp.oidc.client_request import ClientRequest, Post
from idp.oidc.errors import invalid_request
from idp.oidc.json_answer import JsonAnswer
from idp.oidc.parameters import Parameters
from idp.oidc.pushed import LIFETIME, PushedRequests

_CREDENTIALS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PushEndpoint:
    """Authenticates the client, checks its request in full, and hands out a one-time address."""

    clients: Clients
    authorize: Authorize
    requests: PushedRequests

    def __call__(self, post: Post) -> JsonAnswer:
        """Answer one pushed request (sections 2.1 to 2.3)."""
        return self.clients.serve(post, self._push)

    def _push(self, request: ClientRequest, client: Client) -> JsonAnswer:
        values = {name: value for name, value in request.values.items() if name not in _CREDENTIALS}
        if "request_uri" in values:
            raise invalid_request("A pushed request can not refer to another one.")
        values["client_id"] = client.partner.identifier
        parameters = Parameters(values=values, repeated=frozenset())
        try:
            self.authorize.check(parameters)
        except BadMessage as bad:
            raise invalid_request("The redirect_uri is not one that the client registered.") from bad
        # It is checked again when the browser brings it: the client may have changed by then.
        body = {
            "request_uri": self.requests.keep(client.partner, parameters),
            "expires_in": int(LIFETIME.total_seconds()),
        }
        return JsonAnswer(201, body)
