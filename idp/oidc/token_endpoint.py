"""The token endpoint: Authlib's order of checks, with everything that must happen once done by us."""

from __future__ import annotations

import logging
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant

from idp.core.errors import BadMessage, Denied
from idp.core.ids import same
from idp.core.model import Grant
from idp.keys import Issuers
from idp.oidc.authlib_server import GRANT_TYPES, AuthlibClient, Request, Server
from idp.oidc.client_auth import Client, Clients
from idp.oidc.client_request import ClientRequest, Post
from idp.oidc.errors import OAuthError, invalid_request
from idp.oidc.json_answer import JsonAnswer
from idp.oidc.machine_grant import MachineGrant, Machines
from idp.oidc.token_answers import TokenAnswers, over
from idp.sessions import Families, Grants
from idp.sessions.families import Family
from idp.signin.flow import Flow
from idp.store import Store

# At level DEBUG Authlib writes whole tokens to the log.
logging.getLogger("authlib.oauth2").setLevel(logging.INFO)

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1
_LONGEST_REFRESH_TOKEN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEndpoint:
    """Gives tokens for codes, for refresh tokens, and to machines (RFC 6749, OIDC core 3.1.3 and 12)."""

    clients: Clients
    issuers: Issuers
    store: Store
    grants: Grants
    families: Families
    flow: Flow
    answers: TokenAnswers
    machines: Machines

    def __call__(self, post: Post) -> JsonAnswer:
        """Answer one token request; never raises on anything a client can send."""
        return self.clients.serve(post, self._answer)

    def _answer(self, request: ClientRequest, client: Client) -> JsonAnswer:
        if not request.get("grant_type"):
            raise invalid_request("The parameter grant_type is missing.")
        if request.get("grant_type") not in GRANT_TYPES:
            raise OAuthError("unsupported_grant_type", "This grant type is not supported.")
        return _TokenServer(self, client).answer(request)

    def use_up(self, request: ClientRequest, client: Client) -> None:
        """Make sure that the code in a request that failed gives nothing any more."""
        with self.store.write() as unit:
            self.grants.redeem(unit, request.get("code"), partner=client.partner.id)


class _TokenServer(Server):
    """Authlib's server with our three grants."""

    def __init__(self, room: TokenEndpoint, client: Client) -> None:
        super().__init__(client, room.issuers.default().base_url + "/oidc/token")
        self.room = room
        self.machines = room.machines
        for grant in (_CodeGrant, _RefreshGrant, MachineGrant):
            self.register_grant(grant)

    def answer(self, request: ClientRequest) -> JsonAnswer:
        answer: JsonAnswer = self.create_token_response(request)
        return answer


class _Code:
    """A redeemed grant in the words Authlib asks for."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant

    def get_redirect_uri(self) -> str:
        return self.grant.request.reply_to

    def get_scope(self) -> str:
        return self.grant.request.echo.get("scope", "")


class _CodeGrant(AuthorizationCodeGrant):
    """The grant behind a code, once (RFC 6749 section 4.1.3)."""

    def query_authorization_code(self, code: str, client: AuthlibClient) -> _Code | None:
        grant = self.server.room.grants.find(code, partner=client.partner.id)
        return _Code(grant) if grant is not None else None

    def validate_token_request(self) -> None:
        try:
            super().validate_token_request()
            _check_verifier(self.request)
        except InvalidGrantError:
            # Whatever is wrong: nobody gets to guess a verifier twice, and a code that was used
            # before takes back what it gave (RFC 6749 section 4.1.2).
            self.server.room.use_up(self.request.sent, self.server.client)
            raise

    def authenticate_user(self, authorization_code: _Code) -> Grant:
        try:
            return _renewed(self.server.room.flow, authorization_code.grant)
        except OAuthError:
            self.server.room.use_up(self.request.sent, self.server.client)
            raise

    def generate_token(self, *, user: Grant, **_: object) -> dict[str, object]:
        answers: TokenAnswers = self.server.room.answers
        return answers.first(self.request.sent, self.server.client, user)

    def save_token(self, token: Mapping[str, object]) -> None:
        """Do nothing: the token was stored when it was made."""

    def delete_authorization_code(self, authorization_code: _Code) -> None:
        """Do nothing: the code was used up by the unit that kept its tokens."""


class _Refresh:
    """A family of refresh tokens in the words Authlib asks for."""

    def __init__(self, family: Family) -> None:
        self.family = family

    def check_client(self, client: AuthlibClient) -> bool:
        return self.family.grant.request.partner == client.partner.id

    def get_scope(self) -> str:
        return self.family.grant.request.echo.get("scope", "")


class _RefreshGrant(RefreshTokenGrant):
    """The grant behind a refresh token, again (RFC 6749 section 6)."""

    def authenticate_refresh_token(self, refresh_token: str) -> _Refresh | None:
        if len(refresh_token) > _LONGEST_REFRESH_TOKEN:
            return None
        family = self.server.room.families.find(refresh_token)
        return _Refresh(family) if family is not None else None

    def authenticate_user(self, refresh_token: _Refresh) -> Grant:
        return _renewed(self.server.room.flow, refresh_token.family.grant)

    def issue_token(self, user: Grant, refresh_token: _Refresh) -> dict[str, object]:
        answers: TokenAnswers = self.server.room.answers
        scopes = (self.request.payload.scope or refresh_token.get_scope()).split()
        return answers.next(self.request.sent, self.server.client, refresh_token.family, user, scopes)

    def save_token(self, token: Mapping[str, object]) -> None:
        """Do nothing: the token was stored when it was made."""

    def revoke_old_credential(self, refresh_token: _Refresh) -> None:
        """Do nothing: the old token was used up by the unit that kept the new one."""


def _renewed(flow: Flow, grant: Grant) -> Grant:
    # Person, partner, session and policy are asked again: a disabled person's tokens are dead.
    try:
        return flow.renew(grant)
    except (BadMessage, Denied) as ended:
        raise over() from ended


def _check_verifier(request: Request) -> None:
    challenge = request.authorization_code.grant.request.echo.get("challenge", "")
    if not _verified(challenge, request.sent.get("code_verifier")):
        raise InvalidGrantError("The code_verifier is wrong.")


def _verified(challenge: str, verifier: str) -> bool:
    if not challenge:
        # A verifier for a request that had no challenge: somebody stripped it (RFC 9700 4.8.2).
        return not verifier
    if not _VERIFIER.fullmatch(verifier):
        return False
    hashed = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return same(hashed, challenge)
