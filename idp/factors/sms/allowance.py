"""How many text messages may leave: over a sign-in, a person, a number, a network, a country, a day.

Texts cost money, and some people earn by having others send them. Most limits count texts that
nobody answered: a right code gives them back, so that ordinary sign-ins never come near.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.core.errors import Unchecked
from idp.core.ids import fingerprint
from idp.directory.phones import Phone
from idp.keys import Sealer
from idp.store import Store, Unit
from idp.store.counters import count_up, place
from idp.store.setting import Setting

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


class TooManyTexts(Unchecked):
    """One text more than a limit allows; over says which ("number", "country", ...)."""

    status = 429

    def __init__(self, public: str, *, over: str) -> None:
        super().__init__(public, detail=f"too many texts: {over}")
        self.over = over


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLimits:
    """What an administrator may set: texts a day in all, unanswered ones an hour to one country.

    countries are the ISO 3166 codes that texts may go to; empty means every country.
    """

    daily: int = 5000
    per_country: int = 500
    countries: tuple[str, ...] = ()


class TextLimitsStore(Setting[TextLimits]):
    """The limits in force."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, "texts", TextLimits())


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """One text that is to be sent: in which sign-in, for whom, where to, asked for from where."""

    sign_in: str
    person: str
    phone: Phone
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    most: int
    window: timedelta
    given_back: bool
    public: str


_THIS_PHONE = (
    "No more texts can be sent to this phone for now. Wait an hour and ask again, or use another way."
)
_TODAY = "No more texts can be sent today. Use another way, or try again tomorrow."
_FOR_NOW = "No more texts can be sent for now. Wait an hour and ask again, or use another way."
_LIMITS: Mapping[str, _Limit] = {
    "sign-in": _Limit(
        most=5,
        window=_HOUR,
        given_back=False,
        public="That was the last text of this sign-in. Use another way, or cancel and start again.",
    ),
    "person": _Limit(most=10, window=_HOUR, given_back=True, public=_FOR_NOW),
    "person's day": _Limit(most=50, window=_DAY, given_back=False, public=_TODAY),
    "number": _Limit(most=10, window=_HOUR, given_back=True, public=_THIS_PHONE),
    "address": _Limit(most=50, window=_HOUR, given_back=True, public=_FOR_NOW),
}


class Allowance:
    """Counts texts in the database, each before it is sent."""

    def __init__(self, *, sealer: Sealer, limits: TextLimitsStore) -> None:
        self._sealer = sealer
        self._limits = limits

    def countries(self) -> tuple[str, ...]:
        """Return where texts may go, () for everywhere."""
        return self._limits.get().countries

    def spend(self, unit: Unit, spending: Spending, *, now: datetime) -> list[str]:
        """Count one text against every limit; return the counters that a right answer gives back.

        Raises TooManyTexts, and the unit must not commit then.
        """
        limits = self._limits.get()
        if limits.countries and spending.phone.region not in limits.countries:
            raise TooManyTexts("Texts are not sent to numbers of that country.", over="countries")
        over = {f"texts:{name}:{what}": name for name, what in self._over(spending).items()}
        named = {**_LIMITS, **_settable(limits)}
        # In one order everywhere, so that two that wait for each other can't be.
        for key in sorted(over):
            limit = named[over[key]]
            if count_up(unit, key, now=now, window=limit.window) > limit.most:
                raise TooManyTexts(limit.public, over=over[key])
        return [key for key in over if named[over[key]].given_back]

    def _over(self, spending: Spending) -> Mapping[str, str]:
        return {
            "sign-in": spending.sign_in,
            "person": spending.person,
            "person's day": spending.person,
            # There are few enough numbers to find one by its plain hash.
            "number": self._sealer.tag(spending.phone.number.encode(), purpose="texts"),
            "address": fingerprint(place(spending.address)),
            "country": spending.phone.region,
            "day": "",
        }


def _settable(limits: TextLimits) -> Mapping[str, _Limit]:
    return {
        "country": _Limit(most=limits.per_country, window=_HOUR, given_back=True, public=_FOR_NOW),
        "day": _Limit(most=limits.daily, window=_DAY, given_back=False, public=_TODAY),
    }
