"""Read typed one-time codes and compute them (RFC 4226): shared by everything code-shaped."""

from __future__ import annotations

import hmac
import unicodedata

from idp.core.errors import Refused

# The same for wrong and used: whoever tries codes must not learn that one was right once.
WRONG = (
    "That code is not right. Use the newest code and try again. "
    "After several wrong tries, sign-in pauses for an hour."
)
_NOT_A_CODE = "A code has digits only. Type it as it is shown."
_LONGEST = 64
# Spaces, dashes, and the invisible direction marks that copying from a page brings along.
_IGNORED = {"Zs", "Pd", "Cc", "Cf"}


def read_code(text: str, *, digits: int) -> str:
    """Return a typed code as that many ASCII digits, whatever script it was typed in.

    Raises Refused when it is anything else.
    """
    if len(text) > _LONGEST:
        raise Refused(_NOT_A_CODE)
    values = [unicodedata.decimal(letter, None) for letter in text if not _ignored(letter)]
    if len(values) != digits or None in values:
        raise Refused(_NOT_A_CODE)
    return "".join(str(value) for value in values)


def hotp(seed: bytes, counter: int, *, digits: int, algorithm: str) -> str:
    """Return the one-time password of RFC 4226 5.3; algorithm is a hash name ("sha1").

    Our own, since pyotp refuses the 80-bit seeds that many hardware tokens carry.
    """
    mac = hmac.digest(seed, counter.to_bytes(8, "big"), algorithm)
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def target_of(person_id: str) -> str:
    """Return the key under which attempts on a person's codes are counted."""
    return "person:" + person_id


def _ignored(letter: str) -> bool:
    return unicodedata.category(letter) in _IGNORED
