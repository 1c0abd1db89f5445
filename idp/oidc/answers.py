"""The one encoder of authorization responses: it alone adds state and iss, to success and error.

Whatever says yes or no to a client at the authorization endpoint goes through here, so no
answer can forget the issuer that stops mix-up attacks (RFC 9207) or alter the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from idp.core.model import Issuer, Reply, SignInRequest

MODES = ("query", "form_post")


def encode(request: SignInRequest, issuer: Issuer, fields: Mapping[str, str]) -> Reply:
    """Return the reply that takes the fields to the request's redirect URI.

    The URI was matched before; the request's echo holds the mode and the state, byte by byte.
    """
    said = dict(fields)
    if "state" in request.echo:
        said["state"] = request.echo["state"]
    said["iss"] = issuer.oidc
    if request.echo.get("mode") == "form_post":
        return Reply(address=request.reply_to, fields=said)
    return Reply(address=with_query(request.reply_to, said))


def with_query(address: str, fields: Mapping[str, str]) -> str:
    """Add fields to an address without a fragment, keeping the query it has."""
    if not fields:
        return address
    joint = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
    return address + joint + urlencode(fields, quote_via=quote)
