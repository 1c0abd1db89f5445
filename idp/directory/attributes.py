"""Check and normalise what is typed in about a person."""

from __future__ import annotations

import re
import unicodedata

from idp.core.errors import Refused

_LONGEST = 256
_MAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")
_LONGEST_MAIL = 254
# The country codes of ITU E.164 have no prefix of one another: 1 and 7, some pairs, else three.
_COUNTRY = r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[2-9]\d\d"
_PHONE = re.compile(rf"\+({_COUNTRY})(\d{{4,13}})")
_BETWEEN_DIGITS = re.compile(r"[\s().\-/\u2010-\u2015]+")
_MOST_DIGITS = 15


def line(text: str, *, what: str) -> str:
    """Return one line of text, NFC, without surrounding space. Raises Refused, naming `what`."""
    text = unicodedata.normalize("NFC", text).strip()
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise Refused(f"{what} has 1 to 256 characters on one line.")
    return text


def mail(text: str) -> str:
    """Return an e-mail address. Raises Refused when it cannot be one."""
    text = unicodedata.normalize("NFC", text).strip()
    if len(text) > _LONGEST_MAIL or not text.isprintable() or not _MAIL.fullmatch(text):
        raise Refused("That is not an e-mail address. It looks like ada@example.org.")
    return text


def phone(text: str) -> str:
    """Return a phone number as '+1 4251234567': country code, a space, the rest.

    Raises Refused when it has no country code or no plausible length (ITU E.164: 15 digits).
    """
    number = _BETWEEN_DIGITS.sub("", text)
    found = _PHONE.fullmatch(number) if number.isascii() else None
    if found is None or len(number) - 1 > _MOST_DIGITS:
        raise Refused("That is not a phone number with its country code. It looks like +1 4251234567.")
    return f"+{found[1]} {found[2]}"
