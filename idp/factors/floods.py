"""How often a person's phones may be asked, before nobody may ask any more.

Whoever makes a phone ring all night hopes for one tired yes. An approval gives back what was
counted, so that ordinary days never come near.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.core.errors import Unchecked
from idp.store import Unit
from idp.store.counters import clear, count_up

_QUARTER, _DAY = timedelta(minutes=15), timedelta(days=1)
_A_SIGN_IN = 5
_A_QUARTER = 5
_A_DAY = 15  # asked in vain
_NOES = 3  # a day


class TooMany(Unchecked):
    """One request, text or call more than a limit allows; over says which.

    endless: it goes on and on, and it is time to raise the alarm.
    """

    status = 429

    def __init__(self, public: str, *, over: str, endless: bool = False) -> None:
        super().__init__(public, detail=f"too many: {over}")
        self.over = over
        self.endless = endless


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    key: str
    over: str
    most: int
    window: timedelta
    public: str
    endless: bool = False


def count_request(unit: Unit, *, person: str, sign_in: str, now: datetime) -> None:
    """Count one request before it is made. Raises TooMany, and the unit must not commit then."""
    for limit in sorted(_limits(person, sign_in), key=lambda one: one.key):
        if count_up(unit, limit.key, now=now, window=limit.window) > limit.most:
            raise TooMany(limit.public, over=limit.over, endless=limit.endless)


def count_no(unit: Unit, *, person: str, now: datetime) -> bool:
    """Count one that the person turned down. Return whether it is time to raise the alarm."""
    return count_up(unit, f"asked:no:{person}", now=now, window=_DAY) >= _NOES


def forget(unit: Unit, *, person: str) -> None:
    """Forget what was counted: the person has said yes."""
    clear(unit, [f"asked:{span}:{person}" for span in ("day", "no", "quarter")])


def _limits(person: str, sign_in: str) -> tuple[_Limit, ...]:
    return (
        _Limit(
            key=f"asked:day:{person}",
            over="day",
            most=_A_DAY,
            window=_DAY,
            public="Your phone was asked too often. Use another way.",
            endless=True,
        ),
        _Limit(
            key=f"asked:quarter:{person}",
            over="quarter of an hour",
            most=_A_QUARTER,
            window=_QUARTER,
            public="Your phone was asked several times and nobody said yes. "
            "Wait a quarter of an hour, or use another way.",
        ),
        _Limit(
            key=f"asked:sign-in:{sign_in}",
            over="sign-in",
            most=_A_SIGN_IN,
            window=_DAY,
            public="That was the last time for this sign-in. Use another way, or cancel and start again.",
        ),
    )
