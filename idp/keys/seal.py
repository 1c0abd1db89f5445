"""Seal secrets at rest: AES-256-GCM under a key per purpose, bound to where they belong."""

from __future__ import annotations

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from idp.core.errors import Refused
from idp.keys.master import KEY_BYTES, MasterKey

# Which master key sealed it: room for changing the master key later.
_GENERATION = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16


class Sealer:
    """Seals bytes so that only this master key opens them, for the same purpose and context.

    purpose is a room's constant ("method", "outbox"); context is the id of the row, so that a
    sealed value copied to another row does not open there.
    """

    def __init__(self, master: MasterKey) -> None:
        self._master = master
        self._ciphers: dict[str, AESGCM] = {}

    def seal(self, data: bytes, *, purpose: str, context: str) -> bytes:
        """Return generation (1 byte), nonce (12) and ciphertext with its tag (16 more than data)."""
        # A random nonce is safe for 2**32 values of one purpose (NIST SP 800-38D 8.3).
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher(purpose).encrypt(nonce, data, _bound_to(purpose, context))
        return _GENERATION + nonce + sealed

    def open(self, sealed: bytes, *, purpose: str, context: str) -> bytes:
        """Return what was sealed. Raises Refused when anything about it was changed."""
        start = 1 + _NONCE_BYTES
        if sealed[:1] != _GENERATION or len(sealed) < start + _TAG_BYTES:
            raise Refused("A stored secret can't be read.", detail=f"{purpose} {context}: unknown form")
        nonce, rest = sealed[1:start], sealed[start:]
        try:
            return self._cipher(purpose).decrypt(nonce, rest, _bound_to(purpose, context))
        except InvalidTag as error:
            raise Refused(
                "A stored secret can't be read.",
                detail=f"{purpose} {context}: changed, moved, or sealed with another master key",
            ) from error

    def tag(self, data: bytes, *, purpose: str) -> str:
        """Return a keyed hash (HMAC-SHA-256, hex): the same for the same data and purpose.

        To look up what is too easily guessed for a plain hash; it says nothing to whoever has
        only the database.
        """
        return hmac.digest(self._key("tag " + purpose), data, "sha256").hex()

    def _key(self, purpose: str) -> bytes:
        info = b"countersign seal " + purpose.encode()
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._master.secret)

    def _cipher(self, purpose: str) -> AESGCM:
        cipher = self._ciphers.get(purpose)
        if cipher is None:
            cipher = self._ciphers[purpose] = AESGCM(self._key(purpose))
        return cipher


def _bound_to(purpose: str, context: str) -> bytes:
    # With the length in front no two pairs give the same bytes.
    return f"{len(purpose)}:{purpose}:{context}".encode()
