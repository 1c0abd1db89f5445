"""Raise the alarm when somebody else tries to sign in as a person: block, record, tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from idp.audit import AuditLog, Entry, Event
from idp.channels.notices import BLOCKED, Notices
from idp.core.model import Person
from idp.core.ports import Clock
from idp.directory import blocks
from idp.directory.people import People
from idp.store import Store, Unit
from idp.store.setting import Setting


class Why(StrEnum):
    """What raised it."""

    FRAUD = "fraud-reported"  # the person said that a sign-in was not theirs
    FLOOD = "too-many-requests"  # they were asked again and again, and said nothing or no
    DISOWNED = "sign-in-disowned"  # they said that a sign-in that was done was not theirs


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSettings:
    """What an administrator says: whether a report blocks at once, and whose addresses are told."""

    block: bool = True
    tell: tuple[str, ...] = ()


class AlarmSettingsStore(Setting[AlarmSettings]):
    """The settings in force."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, "alarm", AlarmSettings())


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """The sign-in that raised it: at which factor and partner, from where."""

    factor: str
    partner: str = ""
    application: str = ""
    address: str = ""
    correlation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Whoever gets this far has the person's password or another of their ways: they must know at once."""

    people: People
    notices: Notices
    settings: Callable[[], AlarmSettings]
    clock: Clock
    audit: AuditLog

    def __call__(self, unit: Unit, person_id: str, why: Why, occasion: Occasion) -> None:
        """Put it on record, block the person where that is to be, and tell them and the named people.

        A flood always blocks, for a day: it only ends when there is nobody left to ask.
        """
        person, settings, now = self.people.get(unit.connection, person_id), self.settings(), self.clock.now()
        if person is None or (person.blocked_until is not None and now < person.blocked_until):
            return  # it was raised before
        if why is Why.FRAUD:
            self._record(unit, Event.FRAUD_REPORTED, person, why, occasion)
        blocking = settings.block or why is Why.FLOOD
        if blocking:
            lasts = blocks.LASTS if why is Why.FRAUD else blocks.FLOOD_LASTS
            if not blocks.block(unit, person.id, reason=why.value, now=now, until=now + lasts):
                return  # by somebody who was faster
            self._record(unit, Event.PERSON_BLOCKED, person, why, occasion)
            self.notices.tell(unit, person, BLOCKED, advice="")
        # Blocked or not, and when a block has ended by itself: the password is enough nowhere.
        self.people.forget_browsers(unit, person.id)
        self._tell(unit, person, why, occasion, then=_BLOCKED if blocking else _OPEN)

    def disowned(self, unit: Unit, person: Person, *, address: str, left: Sequence[str]) -> None:
        """Tell the named people that a person ended everything, and which applications can't be told."""
        then = _ENDED + (_LEFT.format(", ".join(left)) if left else "")
        self._tell(unit, person, Why.DISOWNED, Occasion(factor="", address=address), then=then)

    def _tell(self, unit: Unit, person: Person, why: Why, occasion: Occasion, *, then: str) -> None:
        facts = {
            "person": person.name,
            "why": _SAID[why],
            "application": occasion.application or "-",
            "address": occasion.address or "-",
            "then": then,
        }
        for to in self.settings().tell:
            self.notices.alert(unit, to=to, facts=facts)

    def _record(self, unit: Unit, event: Event, person: Person, why: Why, occasion: Occasion) -> None:
        entry = Entry(
            event=event,
            person=person.id,
            partner=occasion.partner,
            factor=occasion.factor,
            reason=why.value,
            correlation=occasion.correlation,
            name=person.name,
            address=occasion.address,
        )
        self.audit.record(unit, entry)


# For administrators, in the language of the commands they use.
_SAID = {
    Why.FRAUD: "said that a sign-in was not theirs",
    Why.FLOOD: "was asked again and again to confirm sign-ins",
    Why.DISOWNED: "said that somebody else was signed in as them",
}
_BLOCKED = "The account is blocked. When it is safe again: idp person unblock NAME"
_OPEN = "The account is not blocked. To block it: idp person block NAME"
_ENDED = (
    "Every session and token of theirs ended, and no browser is known any more. The account is not blocked. "
    "To block it: idp person block NAME"
)
_LEFT = "\nCould not be told, so they may still be signed in there: {}"
