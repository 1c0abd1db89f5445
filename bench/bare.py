"""Measure what the cryptography alone costs here: signatures, and one password hash."""

from __future__ import annotations

import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from idp.directory.hashing import PasswordHasher

_RSA = rsa.generate_private_key(65537, 2048)
_P256 = ec.generate_private_key(ec.SECP256R1())
_DATA = bytes(1500)  # about what a SignedInfo or an id_token has
_SHORT = 0.2  # seconds
_PAUSE = 0.02  # seconds


def rsa_2048() -> float:
    """Return the CPU milliseconds of one RSA-2048 signature (PKCS #1 v1.5, SHA-256)."""
    return _each(lambda: _RSA.sign(_DATA, padding.PKCS1v15(), SHA256()))


def p_256() -> float:
    """Return the CPU milliseconds of one P-256 signature (ECDSA, SHA-256)."""
    return _each(lambda: _P256.sign(_DATA, ec.ECDSA(SHA256())))


def password_hash() -> float:
    """Return the CPU milliseconds of checking one password at the product's own cost.

    With a pause after each, as they come in a server: back to back its 19 MiB stay in the
    processor's caches, and a hash takes a tenth less.
    """
    hasher = PasswordHasher()
    hashed = hasher.hash("a password")

    def check() -> None:
        hasher.verify(hashed, "a password")
        time.sleep(_PAUSE)

    return _each(check)


def _each(work: Callable[[], object]) -> float:
    work()
    count, began, until = 0, time.process_time(), time.perf_counter() + _SHORT
    while time.perf_counter() < until:
        work()
        count += 1
    return (time.process_time() - began) / count * 1000
