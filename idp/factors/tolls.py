"""How many texts and calls may leave: over a sign-in, a person, a number, a network, a country, a day.

They cost money, and some people earn by having others send them. Most limits count those that
nobody answered: a right answer gives them back, so that ordinary sign-ins never come near.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.core.ids import fingerprint
from idp.directory.phones import Phone
from idp.factors.floods import TooMany
from idp.keys import Sealer
from idp.store import Store, Unit
from idp.store.counters import count_up, place
from idp.store.setting import Setting

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TollLimits:
    """What an administrator may set: so many a day in all, so many unanswered an hour to one country.

    countries are the ISO 3166 codes of where they may go; empty means every country.
    """

    daily: int = 5000
    per_country: int = 500
    countries: tuple[str, ...] = ()


class TextLimitsStore(Setting[TollLimits]):
    """The limits on texts in force."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, "texts", TollLimits())


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """One text or call that is to be made: in which sign-in, for whom, where to, asked for from where."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is said when there are too many, and what of countries they don't go to."""

    this_phone: str
    today: str
    for_now: str
    last: str
    country: str


TEXTS = Words(
    this_phone="No more texts can be sent to this phone for now. "
    "Wait an hour and ask again, or use another way.",
    today="No more texts can be sent today. Use another way, or try again tomorrow.",
    for_now="No more texts can be sent for now. Wait an hour and ask again, or use another way.",
    last="That was the last text of this sign-in. Use another way, or cancel and start again.",
    country="Texts are not sent to numbers of that country.",
)
CALLS = Words(
    this_phone="This phone can’t be called any more for now. Wait an hour and ask again, or use another way.",
    today="No more calls can be made today. Use another way, or try again tomorrow.",
    for_now="No more calls can be made for now. Wait an hour and ask again, or use another way.",
    last="That was the last call of this sign-in. Use another way, or cancel and start again.",
    country="Numbers of that country are not called.",
)


class Allowance:
    """Counts texts, or calls, in the database, each before it is sent; kind keeps them apart."""

    def __init__(self, kind: str, words: Words, *, sealer: Sealer, limits: Callable[[], TollLimits]) -> None:
        self._kind = kind
        self._words = words
        self._sealer = sealer
        self._limits = limits

    def countries(self) -> tuple[str, ...]:
        """Return where they may go, () for everywhere."""
        return self._limits().countries

    def spend(self, unit: Unit, spending: Spending, *, now: datetime) -> list[str]:
        """Count one against every limit; return the counters that a right answer gives back.

        Raises TooMany, and the unit must not commit then.
        """
        limits = self._limits()
        if limits.countries and spending.phone.region not in limits.countries:
            raise TooMany(self._words.country, over="countries")
        over = {f"{self._kind}:{name}:{what}": name for name, what in self._over(spending).items()}
        named = _limits(self._words, limits)
        # In one order everywhere, so that two that wait for each other can't be.
        for key in sorted(over):
            limit = named[over[key]]
            if count_up(unit, key, now=now, window=limit.window) > limit.most:
                raise TooMany(limit.public, over=over[key])
        return [key for key in over if named[over[key]].given_back]

    def _over(self, spending: Spending) -> Mapping[str, str]:
        return {
            "sign-in": spending.sign_in,
            "person": spending.person,
            "person's day": spending.person,
            # There are few enough numbers to find one by its plain hash.
            "number": self._sealer.tag(spending.phone.number.encode(), purpose=self._kind),
            "address": fingerprint(place(spending.address)),
            "country": spending.phone.region,
            "day": "",
        }


def _limits(words: Words, limits: TollLimits) -> Mapping[str, _Limit]:
    return {
        "sign-in": _Limit(most=5, window=_HOUR, given_back=False, public=words.last),
        "person": _Limit(most=10, window=_HOUR, given_back=True, public=words.for_now),
        "person's day": _Limit(most=50, window=_DAY, given_back=False, public=words.today),
        "number": _Limit(most=10, window=_HOUR, given_back=True, public=words.this_phone),
        "address": _Limit(most=50, window=_HOUR, given_back=True, public=words.for_now),
        "country": _Limit(most=limits.per_country, window=_HOUR, given_back=True, public=words.for_now),
        "day": _Limit(most=limits.daily, window=_DAY, given_back=False, public=words.today),
    }
