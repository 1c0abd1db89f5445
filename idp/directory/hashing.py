"""Hash passwords with argon2id, one at a time per process, and say so when too many wait.

One thread: concurrent hashes in request threads cost ten times the memory (glibc keeps a block
per thread) and stall every other page.
"""

from __future__ import annotations

import os
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from idp.core.errors import Busy, Refused

T = TypeVar("T")
LONGEST = 1024  # bytes; a longer password is only somebody feeding the hash
_WAITING = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one argon2id hash costs: memory in KiB, passes over it, lanes."""

    memory: int = 19 * 1024
    passes: int = 2
    lanes: int = 1


class PasswordHasher:
    """Makes and checks password hashes of one cost."""

    def __init__(self, cost: Cost | None = None, *, waiting: int = _WAITING) -> None:
        cost = cost or Cost()
        self._argon2 = argon2.PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory, parallelism=cost.lanes
        )
        self._waiting = waiting
        self._nobody = _hash_of_nobody(cost)
        self._lane = _Lane(waiting)

    def hash(self, password: str) -> str:
        """Return the hash of a new password. Raises Refused on a bad length, Busy."""
        data = _bytes(password)
        if not 1 <= len(data) <= LONGEST:
            raise Refused("A password has at least one character and at most 1024 bytes.")
        return self._in_turn(lambda: self._argon2.hash(data))

    def verify(self, hashed: str | None, password: str) -> bool:
        """Say whether the password is the hashed one; None costs the same and is False. Raises Busy."""
        data = _bytes(password)
        fits = len(data) <= LONGEST
        matches = self._in_turn(lambda: self._matches(hashed or self._nobody, data if fits else b""))
        return matches and fits and hashed is not None

    def outdated(self, hashed: str) -> bool:
        """Say whether a hash was made at another cost than today's."""
        return self._argon2.check_needs_rehash(hashed)

    def _matches(self, hashed: str, data: bytes) -> bool:
        try:
            return self._argon2.verify(hashed, data)
        except (VerificationError, InvalidHashError):
            return False

    def _in_turn(self, work: Callable[[], T]) -> T:
        if self._lane.process != os.getpid():
            # A fork copies the queue but not the thread that empties it.
            self._lane = _Lane(self._waiting)
        return self._lane.run(work)


class _Lane:
    """One thread with a bounded queue; the thread starts with the first piece of work."""

    def __init__(self, waiting: int) -> None:
        self.process = os.getpid()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="password")
        self._places = threading.Semaphore(waiting)

    def run(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise Busy("Too many people are signing in just now. Try again in a moment.")
        try:
            return self._thread.submit(work).result()
        finally:
            self._places.release()


def _hash_of_nobody(cost: Cost) -> str:
    """Return what an unknown person's password is compared with, so that it takes as long.

    Its salt and its 256 bits are drawn, not computed: no password is known that hashes to it.
    """
    salt, digest = (b64encode(os.urandom(length)).rstrip(b"=").decode() for length in (16, 32))
    return f"$argon2id$v=19$m={cost.memory},t={cost.passes},p={cost.lanes}${salt}${digest}"


def _bytes(password: str) -> bytes:
    """Return the one form of a password that is hashed: OpaqueString of RFC 8265 4.2.

    Keyboards and systems differ in how they compose letters and in which space they send.
    """
    # NFC takes quadratic time over accents in the wrong order (minutes for one form): cut first.
    # Composing never brings three characters below two bytes, so what was cut is still too long.
    password = password[: 2 * LONGEST]
    spaced = "".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in password)
    return unicodedata.normalize("NFC", spaced).encode("utf-8", "surrogatepass")
