"""Copy an SQLite database while it is used, and put a copy in its place when it is not."""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from idp.core.errors import Refused

# What SQLite keeps beside a database, by the database's name: it takes whatever has it for that one's own.
_BESIDE = ("-wal", "-shm", "-journal")
# Where those who have a database open hold it (https://sqlite.org/fileformat2.html#the_lock_byte_page).
_LOCKED_FROM, _LOCKED_BYTES = 0x40000000, 512


def back_up(source: Path, target: Path) -> None:
    """Write a whole, checked copy of a database, for our eyes only; who uses it goes on.

    Raises Refused when there is such a file already, or the database is damaged.
    """
    if target.exists():
        raise Refused(f"{target} is there already: choose another name.")
    with draft_of(source, beside=target) as draft:
        # A link, unlike a rename, never takes the place of another file.
        os.link(draft, target)


@contextmanager
def draft_of(source: Path, *, beside: Path) -> Iterator[Path]:
    """Give a whole, checked copy of a database under a name of its own, which is gone afterwards.

    Raises Refused when it is no database or damaged, or the copy can't be written.
    """
    draft = beside.with_name(f".{beside.name}.{secrets.token_hex(8)}")
    try:
        # Before SQLite, which would let everybody read it.
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        _copy(source, draft)
        yield draft
    except sqlite3.Error as error:
        raise Refused(f"{source} cannot be copied: {error}.") from error
    except OSError as error:
        raise Refused(f"{beside} cannot be written: {error.strerror}.") from error
    finally:
        for end in ("", *_BESIDE):
            _named(draft, end).unlink(missing_ok=True)


def put_in_place(draft: Path, target: Path, *, at: datetime) -> Path | None:
    """Put a draft in the place of a database that nobody uses; return where the old one is now.

    Raises Refused when somebody uses it after all.
    """
    check_unused(target)
    aside = target.with_name(f"{target.name}.replaced-{at:%Y%m%d%H%M%S}")
    replaced = target.exists()
    if replaced:
        os.link(target, aside)
    # A damaged or lost database leaves its log behind, and SQLite would write that into the draft.
    for end in _BESIDE:
        if _named(target, end).exists():
            _named(target, end).replace(_named(aside, end))
    # In one step: at no moment is there none, which a server that starts would take for a new one.
    draft.replace(target)
    _sync(target)
    return aside if replaced else None


def check_unused(target: Path) -> None:
    """Raise Refused when a program has the database open; what was in its log is in the file afterwards.

    A damaged one stays as it is.
    """
    if not target.exists():
        return
    try:
        with closing(sqlite3.connect(target, timeout=0, isolation_level=None)) as database:
            # In this mode the file is locked against everybody who has it open, idle or not.
            database.execute("PRAGMA locking_mode=EXCLUSIVE")
            database.execute("BEGIN EXCLUSIVE")
            database.execute("COMMIT")
            database.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.DatabaseError as error:
        # The lowest byte is the kind (https://sqlite.org/rescode.html#pve).
        kind = error.sqlite_errorcode & 0xFF
        damaged = kind in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
        if kind in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} or (damaged and _held(target)):
            raise Refused("A program uses the database: stop the server and its workers first.") from error
        if not damaged:
            raise Refused(f"{target} cannot be used: {error}.") from error


def _held(target: Path) -> bool:
    """Say whether a program has a database open, where SQLite can't say so since it can't read it."""
    with target.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKED_BYTES, _LOCKED_FROM)
        except BlockingIOError:
            return True
    return False


def _copy(source: Path, draft: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)) as live,
        closing(sqlite3.connect(draft)) as copy,
    ):
        live.backup(copy)
        # One file, not one with a log beside it.
        copy.execute("PRAGMA journal_mode=DELETE")
        if copy.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise Refused(f"{source} is damaged.")
    _sync(draft)


def _named(database: Path, end: str) -> Path:
    return database.with_name(database.name + end)


def _sync(path: Path) -> None:
    for each in (path, path.parent):
        descriptor = os.open(each, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
