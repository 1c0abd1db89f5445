"""The strict filter before every address that clients post to: one reading of a request, or none."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from idp.core.errors import BadMessage
from idp.oidc import parameters
from idp.oidc.errors import OAuthError, invalid_request
from idp.oidc.parameters import Parameters

FORM = "application/x-www-form-urlencoded"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_BASIC = 4096
_LONGEST_SECRET = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a program posted, as it came, and from where."""

    authorization: str
    content_type: str
    query: bytes
    body: bytes
    address: str = ""
    correlation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """Who a client says it is, by which one method. secrets are readings of one secret.

    client_id may be "" with an assertion, which names the client itself.
    """

    method: str
    client_id: str
    secrets: tuple[str, ...] = ()
    assertion: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRequest:
    """A request that can be read in one way only, and where it came from."""

    values: Mapping[str, str]
    presented: Presented
    address: str = ""
    correlation: str = ""

    def get(self, name: str) -> str:
        """Return a parameter, "" when it was not sent."""
        return self.values.get(name, "")


def read(post: Post) -> ClientRequest:
    """Read a client's request: body only, form-encoded, nothing twice, one way to authenticate.

    Raises OAuthError (RFC 6749 sections 2.3 and 3.2).
    """
    if post.query:
        # Addresses end up in logs: a secret or code there is lost already.
        raise invalid_request("Parameters belong in the body of the request.")
    if post.content_type.partition(";")[0].strip().lower() != FORM:
        raise invalid_request("The body must be form-encoded.")
    sent = _parameters(post.body)
    if sent.repeated:
        raise invalid_request("A parameter was sent more than once.")
    return ClientRequest(
        values=sent.values,
        presented=_presented(post.authorization, sent),
        address=post.address,
        correlation=post.correlation,
    )


def _parameters(body: bytes) -> Parameters:
    try:
        return parameters.read(body)
    except BadMessage as bad:
        raise invalid_request("The body could not be read.") from bad


def _presented(authorization: str, sent: Parameters) -> Presented:
    client_id, secret = sent.get("client_id"), sent.get("client_secret")
    by_assertion = sent.get("client_assertion") or sent.get("client_assertion_type")
    if [bool(authorization), bool(secret), bool(by_assertion)].count(True) > 1:
        raise invalid_request("Use exactly one way to authenticate the client.")
    if authorization:
        presented = _basic(authorization)
        if client_id not in {"", presented.client_id}:
            raise invalid_request("Use exactly one way to authenticate the client.")
        return presented
    if by_assertion:
        return _assertion(sent)
    if not client_id:
        raise OAuthError("invalid_client", "The client did not say who it is.")
    if not secret:
        return Presented(method="none", client_id=client_id)
    if len(secret) > _LONGEST_SECRET:
        raise OAuthError("invalid_client", "The client could not be authenticated.")
    return Presented(method="client_secret_post", client_id=client_id, secrets=(secret,))


def _assertion(sent: Parameters) -> Presented:
    if sent.get("client_assertion_type") != ASSERTION:
        raise OAuthError("invalid_client", "This type of client assertion is not supported.")
    return Presented(
        method="private_key_jwt",
        client_id=sent.get("client_id"),
        assertion=sent.get("client_assertion"),
    )


def _basic(authorization: str) -> Presented:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > _LONGEST_BASIC:
        raise unreadable_basic()
    try:
        text = b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError) as bad:
        raise unreadable_basic() from bad
    client_id, colon, secret = text.partition(":")
    if not colon or not client_id or "\0" in text:
        raise unreadable_basic()
    # Both parts should be form-encoded (section 2.3.1). Many clients send the secret as it is:
    # one that is right as it stands is as good as one that is right when decoded.
    return Presented(
        method="client_secret_basic",
        client_id=unquote_plus(client_id),
        secrets=(unquote_plus(secret), secret),
    )


def unreadable_basic() -> OAuthError:
    """Return the error for an Authorization header that names no client."""
    return OAuthError("invalid_client", "The Authorization header could not be read.")
