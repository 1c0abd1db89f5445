"""Make and compare identifiers and secrets: at least 128 random bits where it matters."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata

# Without vowels and look-alikes: readable over the phone, and spells no words.
READABLE = "BCDFGHJKLMNPQRSTVWXZ23456789"


def new_id() -> str:
    """Return a new opaque identifier: 160 random bits, URL-safe, never starting with '-'."""
    return "i" + secrets.token_hex(20)


def new_secret() -> str:
    """Return a new bearer secret: 256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def reference() -> str:
    """Return a short reference id that a person can read out, like 'K7QW-2MXD'."""
    return in_fours(readable(8))


def readable(length: int) -> str:
    """Return random letters and digits that a person can read out and type: 4.8 bits each."""
    return "".join(secrets.choice(READABLE) for _ in range(length))


def in_fours(text: str) -> str:
    """Return text in groups of four, as people read it."""
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def fingerprint(secret: str) -> str:
    """Return the SHA-256 of a high-entropy secret in hex, as stored and looked up."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def fold(name: str) -> str:
    """Return the one form of a user name used in storage and look-up alike.

    NFKC, then case folding, then NFKC again (folding can break normal form), without
    surrounding space.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded).strip()
