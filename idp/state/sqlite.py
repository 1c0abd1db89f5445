"""The SQLite state backend: a file apart from the database, so neither waits for the other."""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from idp.core.ports import Clock, Held

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SWEEP_BATCH = 500

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS held (
        key TEXT PRIMARY KEY, value TEXT NOT NULL, version INTEGER NOT NULL, expires_at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS ix_held_expires ON held (expires_at);
"""
_PUT = """
    INSERT INTO held (key, value, version, expires_at) VALUES (:key, :value, :version, :expires_at)
    ON CONFLICT (key) DO UPDATE SET
        value = excluded.value, version = excluded.version, expires_at = excluded.expires_at
"""
_PUT_ABSENT = _PUT + " WHERE held.expires_at <= :now RETURNING 1"
_GET = "SELECT value, version FROM held WHERE key = :key AND expires_at > :now"
_POP = "DELETE FROM held WHERE key = :key RETURNING value, expires_at"
_CAS = """
    UPDATE held SET value = :value, version = version + 1
    WHERE key = :key AND version = :version AND expires_at > :now RETURNING 1
"""
_INCR = """
    INSERT INTO held (key, value, version, expires_at) VALUES (:key, '1', :version, :expires_at)
    ON CONFLICT (key) DO UPDATE SET
        value = CASE WHEN held.expires_at > :now THEN CAST(held.value AS INTEGER) + 1 ELSE 1 END,
        version = excluded.version,
        expires_at =
            CASE WHEN held.expires_at > :now THEN held.expires_at ELSE excluded.expires_at END
    RETURNING CAST(value AS INTEGER)
"""
_SWEEP = """
    DELETE FROM held WHERE key IN
        (SELECT key FROM held WHERE expires_at <= :now LIMIT :batch)
    RETURNING 1
"""


class SqliteState:
    """State in one SQLite file: exact between threads and processes of one machine."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._local = threading.local()

    def put(self, key: str, value: str, ttl: timedelta, *, absent: bool = False) -> bool:
        """Store a value; with absent only when no live one exists. Return whether stored."""
        row = {"key": key, "value": value, **self._new(ttl)}
        if absent:
            return bool(self._write(_PUT_ABSENT, row))
        self._write(_PUT, row)
        return True

    def get(self, key: str) -> Held | None:
        """Return the live value and its version, or None."""
        cursor = self._handle().connection.execute(_GET, {"key": key, "now": self._now()})
        # To the end of the rows: an unfinished statement would keep its snapshot open.
        rows = cursor.fetchall()
        return Held(value=rows[0][0], version=rows[0][1]) if rows else None

    def pop(self, key: str) -> str | None:
        """Return and delete the live value: of several callers exactly one gets it."""
        rows = self._write(_POP, {"key": key})
        return rows[0][0] if rows and rows[0][1] > self._now() else None

    def cas(self, key: str, version: int, value: str) -> bool:
        """Replace the value if its version is still the one given. Return whether replaced."""
        row = {"key": key, "version": version, "value": value, "now": self._now()}
        return bool(self._write(_CAS, row))

    def incr(self, key: str, ttl: timedelta) -> int:
        """Add one to a counter, made with the ttl if absent. Return the new count."""
        return int(self._write(_INCR, {"key": key, **self._new(ttl)})[0][0])

    def sweep(self) -> int:
        """Delete what has expired; return how many. Writers get in between the batches."""
        swept = 0
        while True:
            count = len(self._write(_SWEEP, {"now": self._now(), "batch": _SWEEP_BATCH}))
            swept += count
            if count < _SWEEP_BATCH:
                return swept

    def _now(self) -> int:
        return (self._clock.now() - _EPOCH) // _MICROSECOND

    def _new(self, ttl: timedelta) -> dict[str, int]:
        # A random version: a value that was popped and put again never fits an old `cas`.
        now = self._now()
        return {
            "now": now,
            "expires_at": now + ttl // _MICROSECOND,
            "version": secrets.randbits(62),
        }

    def _write(self, statement: str, row: dict[str, Any]) -> list[Any]:
        handle = self._handle()
        with handle.alone():
            return handle.connection.execute(statement, row).fetchall()

    def _handle(self) -> _Handle:
        handle: _Handle | None = getattr(self._local, "handle", None)
        if handle is not None and handle.pid == os.getpid():
            return handle
        if handle is not None:
            _inherited.append(handle)
        handle = self._local.handle = _Handle(self._path)
        return handle


# Handles that came through a fork: SQLite forbids even closing them in the child.
_inherited: list[_Handle] = []


class _Handle:
    """What one thread of one process holds: a connection, and its own opening of the lock file.

    SQLite's busy handler polls and is unfair under load (636 ms at worst, measured); the
    kernel queues those who wait for a flock, and frees it when its holder is killed.
    """

    def __init__(self, path: Path) -> None:
        self.pid = os.getpid()
        self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with self.alone():
            _create(path)
            self.connection = sqlite3.connect(
                path, timeout=5.0, isolation_level=None, check_same_thread=False
            )
            self.connection.execute("PRAGMA journal_mode=WAL")
            # NORMAL: a power cut may cost the last second, which state is allowed to lose.
            self.connection.execute("PRAGMA synchronous=NORMAL")
            self.connection.executescript(_SCHEMA)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock file: nobody else writes meanwhile."""
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def __del__(self) -> None:
        connection = getattr(self, "connection", None)
        if connection is not None:
            connection.close()
        if hasattr(self, "_lock"):
            os.close(self._lock)


def _create(path: Path) -> None:
    # Only when absent, and under the lock: closing any descriptor of a database file drops
    # the POSIX locks that this process's other connections hold on it.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
