"""What may be done to the limits on text messages: look at them, set others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from idp.audit import AuditLog, Entry, Event
from idp.core.errors import Refused
from idp.core.model import Actor
from idp.core.ports import Clock
from idp.desk.rights import need_owner
from idp.directory.phones import calling_codes
from idp.factors.tolls import TextLimitsStore, TollLimits
from idp.store import Store

_MOST = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDesk:
    """The desk's verbs for text messages."""

    store: Store
    clock: Clock
    limits: TextLimitsStore
    audit: AuditLog

    def show(self, *, actor: Actor) -> TollLimits:
        """Return the limits in force."""
        need_owner(actor)
        return self.limits.get()

    def set(
        self,
        *,
        daily: int | None = None,
        per_country: int | None = None,
        countries: Sequence[str] | None = None,
        actor: Actor,
    ) -> TollLimits:
        """Change what is given, and return the limits then in force. Raises Refused.

        countries are ISO 3166 codes; none of them means that texts go everywhere.
        """
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            before = self.limits.read(unit.connection)
            limits = limited(before, daily=daily, per_country=per_country, countries=countries)
            self.limits.put(unit, limits, actor=actor, at=self.clock.now())
            by = f"{actor.kind}:{actor.id}"
            self.audit.record(unit, Entry(event=Event.LIMITS_CHANGED, factor="sms", actor=by))
        return limits


def limited(
    limits: TollLimits, *, daily: int | None, per_country: int | None, countries: Sequence[str] | None
) -> TollLimits:
    """Return the limits with what is given in the place of what was. Raises Refused."""
    limits = limits if daily is None else replace(limits, daily=_number(daily))
    limits = limits if per_country is None else replace(limits, per_country=_number(per_country))
    return limits if countries is None else replace(limits, countries=_countries(countries))


def _number(number: int) -> int:
    if not 0 <= number <= _MOST:
        raise Refused("A limit is a number from 0 to 10,000,000.")
    return number


def _countries(countries: Sequence[str]) -> tuple[str, ...]:
    wanted = {country.strip().upper() for country in countries}
    if not wanted <= calling_codes().keys():
        raise Refused("Countries are given by their two letters, like US, DE or EG.")
    return tuple(sorted(wanted))
