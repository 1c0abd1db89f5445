"""The token endpoint: Authlib's code grant, with everything that must happen once done by us."""

from __future__ import annotations

import logging
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationServer, InvalidGrantError, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from idp.core.errors import CountersignError, Refused
from idp.core.ids import same
from idp.core.model import Grant, Partner
from idp.core.ports import Clock
from idp.keys import Issuers
from idp.oidc import token_request
from idp.oidc.errors import OAuthError
from idp.oidc.idtokens import IdTokens
from idp.oidc.json_answer import JsonAnswer, refusal
from idp.oidc.token_request import Presented, TokenRequest
from idp.partners.oidc import CONFIDENTIAL, PUBLIC, oidc_settings
from idp.partners.registry import Partners
from idp.sessions import Grants
from idp.signin.flow import Flow

ACCESS_TOKEN_LIFETIME = timedelta(hours=1)
ACCESS_TOKEN = "access"  # noqa: S105 - the kind under which tokens are kept
AUTH_METHODS = (*CONFIDENTIAL, *PUBLIC)
# At level DEBUG Authlib writes whole tokens to the log.
logging.getLogger("authlib.oauth2").setLevel(logging.INFO)

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEndpoint:
    """Redeems codes for tokens (RFC 6749 4.1.3, OIDC core 3.1.3)."""

    partners: Partners
    issuers: Issuers
    grants: Grants
    flow: Flow
    id_tokens: IdTokens
    clock: Clock

    def __call__(self, *, authorization: str, content_type: str, query: bytes, body: bytes) -> JsonAnswer:
        """Answer one token request; never raises on anything a client can send."""
        try:
            request = token_request.read(
                authorization=authorization, content_type=content_type, query=query, body=body
            )
        except OAuthError as error:
            return _refused(error, basic=bool(authorization))
        answer: JsonAnswer = _Server(self).create_token_response(request)
        return answer


class _Client:
    """A partner in the words Authlib asks for."""

    def __init__(self, partner: Partner) -> None:
        self.partner = partner
        self.settings = oidc_settings(partner)

    def proves(self, presented: Presented) -> bool:
        if presented.method == "none":
            return self.settings.public
        return any(self.settings.has_secret(secret) for secret in presented.secrets)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in self.settings.auth_methods and (method == "none") == self.settings.public

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in token_request.GRANT_TYPES


class _Code:
    """A redeemed grant in the words Authlib asks for."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant

    def get_redirect_uri(self) -> str:
        return self.grant.request.reply_to

    def get_scope(self) -> str:
        return self.grant.request.echo.get("scope", "")


class _Request(OAuth2Request):
    """A filtered token request. The address is ours by configuration, never the Host header's."""

    def __init__(self, request: TokenRequest, uri: str) -> None:
        super().__init__("POST", uri)
        self.payload = BasicOAuth2Payload(request.values)
        self.presented = request.presented

    @property
    def form(self) -> Mapping[str, str]:
        values: Mapping[str, str] = self.payload.data
        return values


class _CodeGrant(AuthorizationCodeGrant):
    """Authlib's order of checks, with our storage, PKCE and renewal."""

    def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
        # Claimed at once and for all, whatever is found wrong afterwards: of two callers one
        # wins, and nobody gets to guess a verifier twice (RFC 6749 section 4.1.2).
        try:
            return _Code(self.server.room.grants.redeem(code, partner=client.partner.id))
        except Refused:
            return None

    def validate_token_request(self) -> None:
        super().validate_token_request()
        challenge = self.request.authorization_code.grant.request.echo.get("challenge", "")
        if not _verified(challenge, self.request.form.get("code_verifier", "")):
            raise InvalidGrantError("The code_verifier is wrong.")

    def authenticate_user(self, authorization_code: _Code) -> Grant:
        # Person, partner, session and policy are asked again: a disabled person's code is dead.
        try:
            return self._renewed(authorization_code.grant)
        except CountersignError as over:
            raise InvalidGrantError("The sign-in behind this code is over.") from over

    def _renewed(self, grant: Grant) -> Grant:
        renewed: Grant = self.server.room.flow.renew(grant)
        return renewed

    def save_token(self, token: Mapping[str, object]) -> None:
        """Do nothing: the token was stored when it was made."""

    def delete_authorization_code(self, authorization_code: _Code) -> None:
        """Do nothing: the code was claimed before anything else."""


class _Server(AuthorizationServer):
    """Authlib's framework-free server around one request."""

    def __init__(self, room: TokenEndpoint) -> None:
        super().__init__()
        self.room = room
        self.register_grant(_CodeGrant)
        for method in AUTH_METHODS:
            self.register_client_auth_method(method, _authenticated)

    def query_client(self, client_id: str) -> _Client | None:
        partner = self.room.partners.find("oidc", client_id)
        return _Client(partner) if partner is not None and partner.enabled else None

    def authenticate_client(self, request: _Request, methods: Any, endpoint: str = "token") -> _Client:
        # The one method that was used, so that a failed one never falls back to a weaker one.
        client: _Client = super().authenticate_client(request, [request.presented.method], endpoint)
        return client

    def create_oauth2_request(self, request: TokenRequest) -> _Request:
        return _Request(request, self.room.issuers.default().base_url + "/oidc/token")

    def generate_token(self, *, client: _Client, user: Grant, scope: str, **_: Any) -> dict[str, object]:
        now = self.room.clock.now()
        access_token = self.room.grants.issue_token(
            user, kind=ACCESS_TOKEN, expires_at=now + ACCESS_TOKEN_LIFETIME
        )
        id_token = self.room.id_tokens.make(user, partner=client.partner, access_token=access_token, now=now)
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": int(ACCESS_TOKEN_LIFETIME.total_seconds()),
            "scope": scope,
            "id_token": id_token,
        }

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Do nothing: nobody listens."""

    def handle_response(self, status: int, body: Mapping[str, object], headers: Any) -> JsonAnswer:
        return JsonAnswer(status, body, dict(headers))


def _authenticated(query_client: Any, request: _Request) -> _Client | None:
    client: _Client | None = query_client(request.presented.client_id)
    return client if client is not None and client.proves(request.presented) else None


def _refused(error: OAuthError, *, basic: bool) -> JsonAnswer:
    if error.error == "invalid_client" and basic:
        return refusal(error, status=401, headers={"WWW-Authenticate": 'Basic realm="token"'})
    return refusal(error, status=400)


def _verified(challenge: str, verifier: str) -> bool:
    if not challenge:
        # A verifier for a request that had no challenge: somebody stripped it (RFC 9700 4.8.2).
        return not verifier
    if not _VERIFIER.fullmatch(verifier):
        return False
    hashed = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return same(hashed, challenge)
