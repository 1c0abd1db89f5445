"""What may be done to text messages: look at their limits and words, set others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from idp.audit import AuditLog, Entry, Event
from idp.core.errors import Refused
from idp.core.model import Actor
from idp.core.ports import Clock
from idp.desk.rights import need_owner
from idp.directory.phones import calling_codes
from idp.factors.sms import CODE, SERVICE, Wording, WordingStore
from idp.factors.tolls import TextLimitsStore, TollLimits
from idp.store import Store, Unit

_MOST = 10_000_000
_LONGEST = 300  # characters: more costs more than three texts


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRules:
    """What holds for texts: limits, and words by language in place of our own."""

    limits: TollLimits
    messages: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDesk:
    """The desk's verbs for text messages."""

    store: Store
    clock: Clock
    limits: TextLimitsStore
    wording: WordingStore
    audit: AuditLog

    def show(self, *, actor: Actor) -> TextRules:
        """Return what holds now."""
        need_owner(actor)
        return TextRules(limits=self.limits.get(), messages=self.wording.get().texts)

    def set(
        self,
        *,
        daily: int | None = None,
        per_country: int | None = None,
        countries: Sequence[str] | None = None,
        messages: Mapping[str, str] | None = None,
        actor: Actor,
    ) -> TextRules:
        """Change what is given, and return what holds then. Raises Refused.

        countries are ISO 3166 codes; none of them means that texts go everywhere. messages are by
        language; an empty one goes back to our own words.
        """
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            before = self.limits.read(unit.connection)
            limits = limited(before, daily=daily, per_country=per_country, countries=countries)
            if limits != before:
                self.limits.put(unit, limits, actor=actor, at=self.clock.now())
                self._record(unit, Event.LIMITS_CHANGED, actor)
            said = self.wording.read(unit.connection)
            wording = Wording(texts=by_language(said.texts, messages or {}, _message))
            if wording != said:
                self.wording.put(unit, wording, actor=actor, at=self.clock.now())
                self._record(unit, Event.METHODS_CONFIGURED, actor)
        return TextRules(limits=limits, messages=wording.texts)

    def _record(self, unit: Unit, event: Event, actor: Actor) -> None:
        self.audit.record(unit, Entry(event=event, factor="sms", actor=f"{actor.kind}:{actor.id}"))


def _message(text: str) -> str:
    rest = text.replace(CODE, "", 1).replace(SERVICE, "")
    if CODE not in text or "{" in rest or "}" in rest:
        raise Refused("Write {code} once, where the code is to stand; {service} is the service’s name.")
    if len(text) > _LONGEST or not text.isprintable():
        raise Refused("A text has at most 300 characters, on one line.")
    return text


def by_language(
    before: Mapping[str, str], given: Mapping[str, str], check: Callable[[str], str]
) -> Mapping[str, str]:
    """Return texts by language with those that are given, checked; an empty one goes. Raises Refused."""
    after = dict(before)
    for language, text in given.items():
        if not (1 < len(language) < 36 and language.replace("-", "").isalnum() and language.isascii()):
            raise Refused("A language is written like en, de or pt-BR.")
        if text:
            after[language] = check(text)
        else:
            after.pop(language, None)
    return after


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
