"""What may be done to limits and networks: look at them, set and ban."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from idp.audit import AuditLog, Entry, Event
from idp.core.model import Actor
from idp.core.ports import Clock
from idp.desk.rights import need_owner
from idp.signin.bans import Ban, Bans
from idp.signin.limits import Limits, LimitsStore
from idp.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitDesk:
    """The desk's verbs for limits and banned networks."""

    store: Store
    clock: Clock
    limits: LimitsStore
    bans: Bans
    audit: AuditLog

    def show(self, *, actor: Actor) -> Limits:
        """Return the limits in force."""
        need_owner(actor)
        return self.limits.get()

    def set(self, limit: str, number: int, *, actor: Actor) -> Limits:
        """Change one limit, and return all then in force. Raises Refused."""
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            after = self.limits.put(unit, limit, number, actor=actor, at=self.clock.now())
            self.audit.record(unit, _entry(Event.LIMITS_CHANGED, actor, limit=limit, number=number))
        return after

    def banned(self, *, actor: Actor) -> tuple[Ban, ...]:
        """Return the banned networks, oldest ban first."""
        need_owner(actor)
        with self.store.read() as connection:
            return self.bans.listing(connection)

    def ban(self, network: str, *, reason: str, until: datetime | None = None, actor: Actor) -> Ban:
        """Turn away everybody in a network, until a time or for good. Raises Refused."""
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            ban = self.bans.put(unit, network, reason=reason, until=until, actor=actor)
            self.audit.record(unit, _entry(Event.NETWORK_BANNED, actor, network=ban.network))
        return ban

    def unban(self, network: str, *, actor: Actor) -> None:
        """Let a network in again. Raises Refused when it was not banned."""
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            self.bans.remove(unit, network, actor=actor)
            self.audit.record(unit, _entry(Event.NETWORK_UNBANNED, actor, network=network))


def _entry(event: Event, actor: Actor, **detail: str | int) -> Entry:
    return Entry(event=event, detail=detail, actor=f"{actor.kind}:{actor.id}")
