"""Answer what an access token may know about its person."""

from __future__ import annotations

from dataclasses import dataclass

from idp.core.errors import BadMessage, Denied
from idp.oidc import claims, parameters
from idp.oidc.client_request import FORM
from idp.oidc.errors import OAuthError
from idp.oidc.introspection import LONGEST_TOKEN
from idp.oidc.json_answer import JsonAnswer, refusal
from idp.sessions import Tokens
from idp.signin.flow import Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInfo:
    """Tells claims as they are now, and nothing once the sign-in behind the token is over."""

    tokens: Tokens
    flow: Flow

    def __call__(self, *, authorization: str, content_type: str, body: bytes) -> JsonAnswer:
        """Answer one userinfo request (OIDC core 5.3, RFC 6750); a token in the address is not read."""
        in_body = _in_body(content_type, body)
        if authorization and in_body:
            return _refused(400, "invalid_request", "The token was sent in two ways.")
        scheme, _, in_header = authorization.partition(" ")
        token = in_body or (in_header.strip() if scheme.lower() == "bearer" else "")
        if not token:
            # No error code for a client that did not know a token was needed (RFC 6750 3.1).
            return JsonAnswer(401, {}, {"WWW-Authenticate": 'Bearer realm="userinfo"'})
        return self._tell(token)

    def _tell(self, token: str) -> JsonAnswer:
        found = self.tokens.find(token) if len(token) <= LONGEST_TOKEN else None
        if found is None or found.grant is None or found.audience:
            # A machine's token is about nobody, and one for an API is not for us.
            return _refused(401, "invalid_token", "The access token is unknown, expired or revoked.")
        try:
            current = self.flow.renew(found.grant)
        except (BadMessage, Denied):
            return _refused(401, "invalid_token", "The sign-in behind this access token is over.")
        return JsonAnswer(200, claims.userinfo(current, frozenset(found.scope.split(" "))))


def _in_body(content_type: str, body: bytes) -> str:
    if content_type.partition(";")[0].strip().lower() != FORM:
        return ""
    try:
        sent = parameters.read(body)
    except BadMessage:
        return ""
    return "" if "access_token" in sent.repeated else sent.get("access_token")


def _refused(status: int, error: str, description: str) -> JsonAnswer:
    challenge = f'Bearer realm="userinfo", error="{error}", error_description="{description}"'
    return refusal(OAuthError(error, description), status=status, headers={"WWW-Authenticate": challenge})
