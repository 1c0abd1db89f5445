"""The master key in its file, and its change: a next one is accepted before it seals, a former one after."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

from idp.core.errors import Refused
from idp.keys.master import MasterKey, MasterKeys, sync_folder

LOOK_EVERY = 1.0  # seconds between two looks at the file


class MasterFile:
    """Reads the key file, and those beside it: running processes follow a change within a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version = _version(path)
        self._keys = self._read()
        self._looked = monotonic()

    def accepted(self, *, again: bool = False) -> tuple[MasterKey, ...]:
        """Return the keys that open, first the one that seals; again: look now whether one came."""
        if again or monotonic() - self._looked > LOOK_EVERY:
            self._looked, version = monotonic(), _version(self._path)
            if again or version != self._version:
                # What can't be read changes nothing: it may be just being written.
                with suppress(Refused):
                    self._keys, self._version = self._read(), version
        return self._keys

    def _read(self) -> tuple[MasterKey, ...]:
        beside = [path for path in (next_of(self._path), former_of(self._path)) if path.exists()]
        return (MasterKey.load(self._path), *map(MasterKey.load, beside))


class MasterChange:
    """The change of the key in a file, which can be killed anywhere and taken up again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def done(self) -> bool:
        """Say whether the file holds the new key already, with the former one beside it."""
        return former_of(self._path).exists() and not next_of(self._path).exists()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other commands on this machine from changing it meanwhile. Raises Refused when one does."""
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # Freed by the system when its holder is killed.
            _lock(folder)
            yield
        finally:
            os.close(folder)

    def keys(self) -> MasterKeys:
        """Return both keys, first the one that is to seal; a new one is made unless one waits.

        Raises Refused when a key would be lost.
        """
        if self.done:
            return MasterKeys((MasterKey.load(self._path), MasterKey.load(former_of(self._path))))
        current, former = MasterKey.load(self._path), former_of(self._path)
        if former.exists() and MasterKey.load(former) != current:
            raise Refused(f"{former} is a key from an earlier change: move it away first.")
        return MasterKeys((MasterKey.load_or_create(next_of(self._path)), current))

    def swap(self) -> None:
        """Let the next key seal from now on; at every moment both are there."""
        with suppress(FileExistsError):
            os.link(self._path, former_of(self._path))
        next_of(self._path).replace(self._path)
        sync_folder(self._path.parent)


def _lock(folder: int) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Refused("Another command is changing the master key just now.") from error


def next_of(path: Path) -> Path:
    """Return where the key waits that will take the file's place."""
    return path.with_name(path.name + ".next")


def former_of(path: Path) -> Path:
    """Return where the key is that was in the file before."""
    return path.with_name(path.name + ".former")


def _version(path: Path) -> tuple[int, int]:
    try:
        facts = path.stat()
    except OSError:
        return (0, 0)
    return (facts.st_ino, facts.st_mtime_ns)
