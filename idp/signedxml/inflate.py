"""Decode what the Redirect and POST bindings carry, bounded before any work is done."""

from __future__ import annotations

import binascii
import zlib

from idp.core.errors import BadMessage

MESSAGE_LIMIT = 256 * 1024
"""How many bytes a protocol message may have, decoded and inflated."""

_XML_SPACE = str.maketrans("", "", " \t\r\n")


def decode_redirect(value: str, *, limit: int = MESSAGE_LIMIT) -> bytes:
    """Return the message in a Redirect parameter: base64 of raw DEFLATE (SAML bindings 3.4.4.1).

    At most limit bytes come out, whatever went in: a deflate bomb costs no more than a
    message of that size. Raises BadMessage.
    """
    # DEFLATE never makes data much larger than it is, so a longer value can't be honest.
    if len(value) > 2 * limit:
        raise _too_large("redirect value")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(_base64(value), limit + 1)
    except zlib.error as error:
        raise _undecodable(f"inflate: {error}") from error
    if len(data) > limit:
        raise _too_large("inflated message")
    if not inflater.eof or inflater.unused_data:
        raise _undecodable("inflate: truncated, or bytes after the end")
    return data


def decode_post(value: str, *, limit: int = MESSAGE_LIMIT) -> bytes:
    """Return the message in a POST field: base64, which may be wrapped into lines.

    Never inflates (SAML bindings 3.5.4): a deflated message is not a message here.
    Raises BadMessage.
    """
    if len(value) > 2 * limit:
        raise _too_large("posted value")
    data = decode_base64(value)
    if len(data) > limit:
        raise _too_large("posted message")
    return data


def decode_base64(value: str) -> bytes:
    """Return the bytes of strict base64 in which XML white space may stand. Raises BadMessage."""
    return _base64(value.translate(_XML_SPACE))


def _base64(value: str) -> bytes:
    if len(value) % 4:
        raise _undecodable("base64: length")
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except ValueError as error:
        raise _undecodable(f"base64: {error}") from error


def _undecodable(detail: str) -> BadMessage:
    return BadMessage("The message could not be decoded.", detail=detail)


def _too_large(what: str) -> BadMessage:
    return BadMessage("The message is too large.", detail=f"{what} over the limit")
