"""The master key, under which every secret in the database is sealed."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

from idp.core.errors import Refused

KEY_BYTES = 32
_LONGEST = 4096


class Masters(Protocol):
    """The master keys in force: one, or two while it is being changed."""

    def accepted(self, *, again: bool = False) -> tuple[MasterKey, ...]:
        """Return the keys that open, first the one that seals; again: look now whether one came."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    """32 random bytes; never printed."""

    secret: bytes = field(repr=False)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the key from base64 text (a file's content, an environment variable).

        Raises Refused unless it is 32 bytes.
        """
        with suppress(binascii.Error, ValueError):
            secret = base64.b64decode(text.strip(), validate=True)
            if len(secret) == KEY_BYTES:
                return cls(secret)
        raise Refused("The master key is damaged: it must be 32 bytes in base64 (44 characters).")

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        """Read the key file, made with mode 0600 if there is none.

        Raises Refused when others than the owner may read it, or it holds no key.
        """
        if not path.exists():
            _create(path)
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the key file. Raises Refused when it is missing, readable by others, or holds no key."""
        try:
            # A damaged file may hold any bytes: from_text tells, not the decoder.
            with path.open(encoding="ascii", errors="replace") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                text = file.read(_LONGEST)
        except OSError as error:
            raise Refused(f"The master key file {path} can't be read: {error.strerror}.") from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Refused(f"Others can read the master key file. Run: chmod 600 {path}")
        return cls.from_text(text)

    def accepted(self, *, again: bool = False) -> tuple[MasterKey, ...]:
        """Return this one alone."""
        return (self,)


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """Keys that were given, first the one that seals."""

    keys: tuple[MasterKey, ...]

    def accepted(self, *, again: bool = False) -> tuple[MasterKey, ...]:
        """Return all of them."""
        return self.keys


def _create(path: Path) -> None:
    """Make the key file appear whole: of several processes that start at once one makes it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        file.flush()
        # On disk before anything is sealed with it: without the key nothing can be read again.
        os.fsync(descriptor)
    # A link, unlike a rename, never replaces a key that another process made meanwhile.
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
