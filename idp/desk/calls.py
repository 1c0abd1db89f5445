"""What may be done to the settings of phone calls: look at them, set others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from idp.audit import AuditLog, Entry, Event
from idp.core.model import Actor
from idp.core.ports import Clock
from idp.desk.rights import need_owner
from idp.desk.texts import by_language, limited
from idp.directory import attributes
from idp.factors.call import CallSettings, CallSettingsStore, Mode
from idp.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDesk:
    """The desk's verbs for phone calls. languages are the tags that pages are shown in."""

    store: Store
    clock: Clock
    settings: CallSettingsStore
    audit: AuditLog

    def show(self, *, actor: Actor) -> CallSettings:
        """Return the settings in force."""
        need_owner(actor)
        return self.settings.get()

    def set(
        self,
        *,
        mode: Mode | None = None,
        daily: int | None = None,
        per_country: int | None = None,
        countries: Sequence[str] | None = None,
        greetings: Mapping[str, str] | None = None,
        actor: Actor,
    ) -> CallSettings:
        """Change what is given, and return the settings then in force. Raises Refused.

        greetings are by language; an empty one goes back to our own.
        """
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            after = self.settings.read(unit.connection)
            after = after if mode is None else replace(after, mode=mode)
            limits = limited(after.limits, daily=daily, per_country=per_country, countries=countries)
            after = replace(
                after, limits=limits, greetings=by_language(after.greetings, greetings or {}, _greeting)
            )
            self.settings.put(unit, after, actor=actor, at=self.clock.now())
            by = f"{actor.kind}:{actor.id}"
            self.audit.record(unit, Entry(event=Event.METHODS_CONFIGURED, factor="call", actor=by))
        return after


def _greeting(text: str) -> str:
    return attributes.line(text, what="A greeting")
