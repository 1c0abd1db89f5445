"""How much is too much: the limits on tries, sign-ins and answers, and how long records are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from idp.core.errors import Refused
from idp.core.model import Actor
from idp.store import Store, Unit
from idp.store.changes import Change, change
from idp.store.revisioned import Revisioned
from idp.store.schema import settings

_KEY = "limits"
_READ = sa.select(settings.c.value).where(settings.c.key == _KEY)
_DELETE = sa.delete(settings).where(settings.c.key == _KEY)
_INSERT = sa.insert(settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many attempts are allowed within one window, by what they are counted over, and more.

    Every attempt counts, right ones too, until a right one clears its own target's count.
    Codes are short, and whoever guesses them has the password already: their window is longer
    (240 guesses a day, of which each hits with 3 in a million).
    arrivals and arrivals_all are sign-ins begun a minute, from one address and in all. answers
    is how often one session answers one application within loop, as AD FS counts.
    """

    tries: int = 10
    address: int = 100
    arrivals: int = 600
    arrivals_all: int = 12_000
    answers: int = 5
    audit_days: int = 730
    personal_days: int = 90
    window: timedelta = timedelta(minutes=15)
    code_window: timedelta = timedelta(hours=1)
    loop: timedelta = timedelta(seconds=20)

    def window_of(self, *, first: bool) -> timedelta:
        """Return how long attempts at one target are counted together; first: of what opens a sign-in."""
        return self.window if first else self.code_window


# What can be set: the lowest and highest number, and what it is.
SETTABLE: Mapping[str, tuple[int, int, str]] = {
    "tries": (3, 100, "wrong tries for one person, in 15 minutes (codes: an hour)"),
    "address": (10, 1_000_000, "wrong tries from one address, in 15 minutes"),
    "arrivals": (10, 1_000_000, "sign-ins begun from one address, in a minute"),
    "arrivals_all": (100, 10_000_000, "sign-ins begun from everywhere, in a minute"),
    "answers": (3, 1_000_000, "answers to one application in one session, in 20 seconds"),
    "audit_days": (1, 36_500, "days that the audit is kept"),
    "personal_days": (1, 36_500, "days that it keeps user names and addresses"),
}


class LimitsStore:
    """The limits in force, from a cache that follows the database."""

    def __init__(self, store: Store) -> None:
        self._held = Revisioned(store, self.read)

    def get(self) -> Limits:
        """Return the limits, the usual ones where no others are set."""
        return self._held.get()

    @staticmethod
    def read(connection: sa.Connection) -> Limits:
        """Return the limits as they are stored at this moment."""
        stored = connection.execute(_READ).scalar() or {}
        return replace(Limits(), **{name: stored[name] for name in SETTABLE if name in stored})

    def put(self, unit: Unit, name: str, number: int, *, actor: Actor, at: datetime) -> Limits:
        """Put another number in force. Raises Refused when there is no such limit, or it is out of bounds."""
        if name not in SETTABLE:
            raise Refused(f"There is no such limit. There are: {', '.join(SETTABLE)}.")
        lowest, highest, _ = SETTABLE[name]
        if not lowest <= number <= highest:
            raise Refused(f"{name} is a number from {lowest} to {highest}.")
        before = unit.execute(_READ).scalar() or {}
        after = {**before, name: number}
        unit.execute(_DELETE)
        unit.execute(_INSERT, {"key": _KEY, "value": after})
        change(unit, actor=actor, at=at, change=Change(noun="setting", key=_KEY, before=before, after=after))
        return self.read(unit.connection)
