"""Count attempts at every factor before they are checked, and lock what is tried too often.

The counts live in the database: they must survive whatever happens to the state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from idp.core.ids import fingerprint
from idp.core.ports import Clock
from idp.signin.limits import Limits
from idp.store import Store, Unit
from idp.store.counters import clear, count_down, count_up, counts, place


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """An attempt that was counted: whether it is one too many, and which counters it raised.

    just_locked is True for the attempt that crossed the target's limit.
    """

    locked: bool
    just_locked: bool
    target_key: str
    address_key: str


class Lockout:
    """Counters over target (person or method), and address; browsers known to a person count apart."""

    def __init__(self, store: Store, clock: Clock, limits: Callable[[], Limits]) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits

    def count(self, *, factor: str, first: bool, target: str, address: str, familiar: bool) -> Counted:
        """Count one attempt, durably, before it is checked; first: at a factor that opens a sign-in.

        familiar keeps a browser that the person signed in on before apart from everybody
        else, so that neither an outsider's guesses nor a neighbour's behind the same address
        can lock the owner out.
        """
        target_key = key_of(factor, target, familiar=familiar)
        address_key = "address:" + fingerprint(place(address))
        now, limits = self._clock.now(), self._limits()
        with self._store.write() as unit:
            of_address = count_up(unit, address_key, now=now, window=limits.window)
            of_target = count_up(unit, target_key, now=now, window=limits.window_of(first=first))
        return Counted(
            locked=of_target > limits.tries or (of_address > limits.address and not familiar),
            just_locked=of_target == limits.tries + 1,
            target_key=target_key,
            address_key=address_key,
        )

    @staticmethod
    def succeeded(unit: Unit, counted: Counted) -> None:
        """Clear the target's count after a right answer, and take it back from the address."""
        count_down(unit, [counted.address_key])
        clear(unit, [counted.target_key])

    def take_back(self, counted: Counted) -> None:
        """Undo a count for an attempt that was not checked."""
        with self._store.write() as unit:
            count_down(unit, [counted.target_key, counted.address_key])

    def locked(self, connection: sa.Connection, *, factor: str, target: str) -> bool:
        """Say whether a target is locked for browsers that the person is not known on."""
        keys = [key_of(factor, target, familiar=False)]
        tries = counts(connection, keys, now=self._clock.now())
        return any(count > self._limits().tries for count in tries.values())


def key_of(factor: str, target: str, *, familiar: bool) -> str:
    """Return the counter's key; the target is hashed, since unknown names are counted as well."""
    return f"{factor}:{'known' if familiar else 'any'}:{fingerprint(target)}"


def forget(unit: Unit, targets: Sequence[tuple[str, str]]) -> None:
    """Clear the counts of (factor, target) pairs, for every place: an administrator's unlock."""
    keys = [key_of(f, t, familiar=known) for f, t in targets for known in (True, False)]
    clear(unit, keys)
