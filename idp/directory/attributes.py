"""Check and normalise what is typed in about a person."""

from __future__ import annotations

import re
import unicodedata

from idp.core.errors import Refused
from idp.directory import phones

_LONGEST = 256
_MAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")
_LONGEST_MAIL = 254


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


def mobile(text: str) -> str:
    """Return a mobile phone's number as '+1 4255550123': country code, a space, the rest.

    Raises Refused when it is none, or can't get text messages.
    """
    return phones.read(text).spaced
