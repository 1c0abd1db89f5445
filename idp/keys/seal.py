"""Seal secrets at rest: AES-256-GCM under a key per purpose, bound to where they belong."""

from __future__ import annotations

import hmac
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import chain

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from idp.core.errors import Refused
from idp.keys.master import KEY_BYTES, MasterKey, Masters

# Which master key sealed it: room for changing the master key later.
_GENERATION = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16


class Sealer:
    """Seals bytes so that only this master key opens them, for the same purpose and context.

    purpose is a room's constant ("method", "outbox"); context is the id of the row, so that a
    sealed value copied to another row does not open there. While the master key is being changed
    there are two: the first seals, both open.
    """

    def __init__(self, masters: Masters) -> None:
        self._masters = masters
        self._ciphers: dict[tuple[MasterKey, str], AESGCM] = {}

    def seal(self, data: bytes, *, purpose: str, context: str) -> bytes:
        """Return generation (1 byte), nonce (12) and ciphertext with its tag (16 more than data)."""
        # A random nonce is safe for 2**32 values of one purpose (NIST SP 800-38D 8.3).
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher(self._first, purpose).encrypt(nonce, data, _bound_to(purpose, context))
        return _GENERATION + nonce + sealed

    def open(self, sealed: bytes, *, purpose: str, context: str) -> bytes:
        """Return what was sealed. Raises Refused when anything about it was changed."""
        _, data = self._opened(sealed, purpose, context)
        return data

    def renewed(self, sealed: bytes, *, purpose: str, context: str) -> bytes | None:
        """Return it sealed with the key that seals now; None when it is already. Raises Refused."""
        master, data = self._opened(sealed, purpose, context)
        return None if master == self._first else self.seal(data, purpose=purpose, context=context)

    @property
    def _first(self) -> MasterKey:
        return self._masters.accepted()[0]

    def _opened(self, sealed: bytes, purpose: str, context: str) -> tuple[MasterKey, bytes]:
        start = 1 + _NONCE_BYTES
        if sealed[:1] != _GENERATION or len(sealed) < start + _TAG_BYTES:
            raise Refused("A stored secret can't be read.", detail=f"{purpose} {context}: unknown form")
        nonce, rest = sealed[1:start], sealed[start:]
        known = self._masters.accepted()
        # What none of them opens may be sealed with a key that just came.
        for master in chain(known, _later(self._masters, known)):
            with suppress(InvalidTag):
                return master, self._cipher(master, purpose).decrypt(nonce, rest, _bound_to(purpose, context))
        raise Refused(
            "A stored secret can't be read.",
            detail=f"{purpose} {context}: changed, moved, or sealed with another master key",
        )

    def tag(self, data: bytes, *, purpose: str) -> str:
        """Return a keyed hash (HMAC-SHA-256, hex): the same for the same data and purpose.

        To look up what is too easily guessed for a plain hash; it says nothing to whoever has
        only the database.
        """
        return hmac.digest(_key(self._first, "tag " + purpose), data, "sha256").hex()

    def _cipher(self, master: MasterKey, purpose: str) -> AESGCM:
        cipher = self._ciphers.get((master, purpose))
        if cipher is None:
            cipher = self._ciphers[master, purpose] = AESGCM(_key(master, purpose))
        return cipher


def _later(masters: Masters, known: Collection[MasterKey]) -> Iterator[MasterKey]:
    """Yield keys that came since; looks only when it is asked for the first."""
    yield from (master for master in masters.accepted(again=True) if master not in known)


def _key(master: MasterKey, purpose: str) -> bytes:
    info = b"countersign seal " + purpose.encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(master.secret)


def _bound_to(purpose: str, context: str) -> bytes:
    # With the length in front no two pairs give the same bytes.
    return f"{len(purpose)}:{purpose}:{context}".encode()
