"""Bound the CBOR that browsers hand on, before a library reads it (CTAP 2.1, 8: canonical CBOR).

What authenticators write has no tags, no indefinite lengths and little depth. A library that knows
shared values (tags 28 and 29) unfolds a kilobyte into gigabytes.
"""

from __future__ import annotations

import cbor2

_DEEPEST = 5
_HEAD = 37  # bytes: hash of the domain, flags, count (WebAuthn 3, 6.1)
_ATTESTED, _EXTENDED = 0x40, 0x80
_AAGUID = 16
_SIMPLE = (20, 21, 22)  # false, true, null


def check_asserted(data: bytes) -> None:
    """Check the authenticator data of an assertion. Raises ValueError."""
    if len(data) < _HEAD or data[32] & _ATTESTED:
        raise ValueError("not the data of an assertion")
    _check_rest(data, _HEAD)


def without_statement(attested: bytes) -> tuple[bytes, str]:
    """Return an attestation object without its statement, and the statement's format. Raises ValueError.

    Nobody asked for one, and without roots it proves nothing; certificates in it are not read.
    """
    if _end(attested, 0, _DEEPEST) != len(attested):
        raise ValueError("more than one value")
    try:
        whole = cbor2.loads(attested)
    except cbor2.CBORError as error:
        raise ValueError("no CBOR") from error
    data, fmt = (whole.get("authData"), whole.get("fmt")) if isinstance(whole, dict) else (None, None)
    if not isinstance(data, bytes) or not isinstance(fmt, str) or not fmt.isascii() or len(fmt) > 32:
        raise ValueError("not an attestation object")
    if len(data) < _HEAD + _AAGUID + 2 or not data[32] & _ATTESTED:
        raise ValueError("no attested credential")
    at = _HEAD + _AAGUID
    key = at + 2 + int.from_bytes(data[at : at + 2], "big")
    _check_rest(data, _end(data, key, _DEEPEST))
    return cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data}), fmt


def _check_rest(data: bytes, at: int) -> None:
    end = _end(data, at, _DEEPEST) if data[32] & _EXTENDED else at
    if end != len(data):
        raise ValueError("more than was announced")


def _end(data: bytes, at: int, deeper: int) -> int:
    """Return where the value at a place ends. Raises ValueError for one that has no place here."""
    if at >= len(data) or deeper == 0:
        raise ValueError("cut short, or too deep")
    major, minor = data[at] >> 5, data[at] & 0x1F
    if minor > 27 or major == 6:
        raise ValueError("a tag, or a length that is not said")
    size = 0 if minor < 24 else 1 << (minor - 24)
    number = int.from_bytes(data[at + 1 : at + 1 + size], "big") if size else minor
    at += 1 + size
    if major == 7 and minor not in _SIMPLE:
        raise ValueError("neither true, false nor null")
    if major in {2, 3}:
        at += number
    # Each of them takes a byte at least, however many are announced.
    for _ in range(number * {4: 1, 5: 2}.get(major, 0)):
        at = _end(data, at, deeper - 1)
    if at > len(data):
        raise ValueError("cut short")
    return at
