"""Read, verify and write the query string of the Redirect binding (SAML bindings 3.4.4.1).

The signature is over the octets as they were sent, and every sender escapes in its own way
(lower-case hex in .NET, %20 in Node, + in Java), so nothing is ever escaped again here.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote, unquote_plus

from idp.core.errors import BadMessage
from idp.core.ports import Signer
from idp.signedxml.algorithms import SIGNATURES, SIGNED_AS, check_method, fitting, is_signed
from idp.signedxml.inflate import decode_base64

MessageName = Literal["SAMLRequest", "SAMLResponse"]

_MESSAGES = ("SAMLRequest", "SAMLResponse")
_OURS = (*_MESSAGES, "RelayState", "SigAlg", "Signature", "SAMLEncoding")
_OURS_FOLDED = frozenset(name.casefold() for name in _OURS)
_DEFLATE = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"

_LONGEST = 64 * 1024  # characters; servers and browsers stop at 8 to 32 KiB

# A name that needs decoding means one thing to us and another to the next reader.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.~-]+")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A Redirect query: message is still base64 of DEFLATE, see `decode_redirect`.

    relay_state is None when it was not sent; sig_alg and signature are both None in an
    unsigned query. signed_octets is what the signature, if any, must be over.
    """

    message: str
    relay_state: str | None
    sig_alg: str | None
    signature: bytes | None
    signed_octets: bytes


def read_query(raw: str, *, message: MessageName) -> Query:
    """Return the parts of a raw query string (without "?"), in whatever order they came.

    Parameters that are not SAML's are ignored. Raises BadMessage for everything that two
    readers could understand differently: a parameter sent twice, escaped or decorated names,
    both messages at once, half a signature, another encoding than DEFLATE.
    """
    found = _parameters(raw)
    if message not in found or any(name in found for name in _MESSAGES if name != message):
        raise _bad(f"expected {message} alone")
    if "SAMLEncoding" in found and _text(found["SAMLEncoding"]) != _DEFLATE:
        raise _bad("encoding")
    if ("SigAlg" in found) != ("Signature" in found):
        raise _bad("half a signature")
    signed = (name for name in (message, "RelayState", "SigAlg") if name in found)
    return Query(
        message=_text(found[message]),
        relay_state=_text(found["RelayState"], plus=True) if "RelayState" in found else None,
        sig_alg=_text(found["SigAlg"]) if "SigAlg" in found else None,
        signature=decode_base64(_text(found["Signature"])) if "Signature" in found else None,
        signed_octets="&".join(f"{name}={found[name]}" for name in signed).encode("ascii"),
    )


def verify_query(query: Query, *, certificates: Sequence[str], allow: Collection[str] = SIGNATURES) -> None:
    """Raise BadMessage unless the query was signed with the key of one of the certificates (PEM)."""
    uri, signature = query.sig_alg, query.signature
    if uri is None or signature is None:
        raise BadMessage("The message must be signed, and it is not.", detail="query without signature")
    check_method(uri, allow=allow)
    for certificate in fitting(certificates, uri=uri):
        if is_signed(query.signed_octets, signature=signature, certificate=certificate, uri=uri):
            return
    raise BadMessage(
        "The signature of the message could not be verified.", detail="query signature, or no key fits"
    )


def sign_query(
    *,
    message: MessageName,
    value: bytes,
    relay_state: str | None,
    signer: Signer,
    alg: Literal["RS256", "ES256"],
) -> str:
    """Return the query string (without "?") that carries the XML in value, signed."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = deflater.compress(value) + deflater.flush()
    parts = {message: _base64(deflated), "RelayState": relay_state, "SigAlg": SIGNED_AS[alg]}
    octets = "&".join(f"{name}={quote(part, safe='')}" for name, part in parts.items() if part is not None)
    signature = _base64(signer.sign(alg, octets.encode("ascii")))
    return f"{octets}&Signature={quote(signature, safe='')}"


def _parameters(raw: str) -> dict[str, str]:
    """Return SAML's parameters with their values as sent."""
    if len(raw) > _LONGEST or not raw.isascii():
        raise _bad("size, or not ASCII")
    found: dict[str, str] = {}
    for part in filter(None, raw.split("&")):
        name, equals, value = part.partition("=")
        if not _PLAIN_NAME.fullmatch(name):
            raise _bad("a parameter name that is not plain")
        if name.casefold() not in _OURS_FOLDED:
            continue
        if name not in _OURS or name in found or not equals or _BROKEN_ESCAPE.search(value):
            raise _bad("a parameter that is repeated, misspelt, broken or without value")
        found[name] = value
    return found


def _text(value: str, *, plus: bool = False) -> str:
    """Return the value without escapes; + is a space in text, but itself in base64."""
    try:
        return (unquote_plus if plus else unquote)(value, errors="strict")
    except UnicodeDecodeError as error:
        raise _bad("not UTF-8") from error


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bad(detail: str) -> BadMessage:
    return BadMessage("The address does not carry a valid SAML message.", detail=f"query: {detail}")
