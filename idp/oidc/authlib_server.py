"""Authlib's framework-free server around one request, for every address that clients post to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from idp.oidc.client_auth import Client
from idp.oidc.client_request import ClientRequest
from idp.oidc.json_answer import JsonAnswer

GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")


class AuthlibClient:
    """A client that showed who it is, in the words Authlib asks for."""

    def __init__(self, client: Client) -> None:
        self.partner = client.partner
        self.settings = client.settings

    def check_grant_type(self, grant_type: str) -> bool:
        """Say whether the client registered for a grant type."""
        settings = self.settings
        allowed = {
            "authorization_code": bool(settings.redirect_uris),
            "refresh_token": settings.refresh,
            "client_credentials": settings.machine,
        }
        return allowed.get(grant_type, False)


class Request(OAuth2Request):
    """A filtered request. The address is ours by configuration, never the Host header's."""

    def __init__(self, sent: ClientRequest, uri: str) -> None:
        super().__init__("POST", uri)
        self.payload = BasicOAuth2Payload(sent.values)
        self.sent = sent

    @property
    def form(self) -> Mapping[str, str]:
        """Return the parameters; the filter let none through twice."""
        return self.sent.values


class Server(AuthorizationServer):
    """Authlib's server for a client that was authenticated before it is asked anything."""

    def __init__(self, client: Client, uri: str) -> None:
        super().__init__()
        self.client = client
        self._uri = uri

    def authenticate_client(self, request: Request, methods: Any, endpoint: str = "token") -> AuthlibClient:
        """Return the client: ours is the stricter check, and it has passed."""
        return AuthlibClient(self.client)

    def create_oauth2_request(self, request: ClientRequest) -> Request:
        """Return the request in Authlib's form."""
        return Request(request, self._uri)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Do nothing: nobody listens."""

    def handle_response(self, status: int, body: Mapping[str, object], headers: Any) -> JsonAnswer:
        """Return the answer in our form."""
        return JsonAnswer(status, body, dict(headers))
