"""A cache of configuration that follows the database within two seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

import sqlalchemy as sa

from idp.store.changes import revision
from idp.store.database import Store

T = TypeVar("T")
CHECK_EVERY = 1.0  # seconds; the promise to administrators is two


class Revisioned(Generic[T]):
    """Holds what `load` read, and reads it again when the revision has moved.

    A reader never waits for another: while one thread reloads, others use the old value.
    """

    def __init__(self, store: Store, load: Callable[[sa.Connection], T]) -> None:
        self._store = store
        self._load = load
        self._held: tuple[int, T] | None = None
        self._checked = 0.0
        self._own_changes = 0
        self._lock = threading.Lock()

    def get(self) -> T:
        """Return the value: with every change of this process, CHECK_EVERY seconds behind others."""
        held = self._held
        if held is not None and self._lately_checked():
            return held[1]
        with self._lock:
            return self._refresh()

    def _lately_checked(self) -> bool:
        lately = monotonic() - self._checked < CHECK_EVERY
        return lately and self._own_changes == self._store.own_changes

    def _refresh(self) -> T:
        held = self._held
        if held is not None and self._lately_checked():
            return held[1]
        # Before the read: others go on with the old value meanwhile, and a change of our own
        # that comes in between is not lost.
        self._checked, self._own_changes = monotonic(), self._store.own_changes
        with self._store.read() as connection:
            # The revision first: a change in between is then noticed at the next check.
            latest = revision(connection)
            if held is None or held[0] != latest:
                held = self._held = (latest, self._load(connection))
        return held[1]
