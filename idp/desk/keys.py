"""What may be done to keys: look at those that sign, let the next ones sign, change the master key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from idp.audit import AuditLog, Entry, Event
from idp.core.errors import Refused
from idp.core.model import Actor
from idp.core.ports import Clock
from idp.desk.rights import need_owner
from idp.keys import (
    KEY_SET_KEPT,
    METADATA_KEPT,
    Issuers,
    KeyRing,
    PublicKey,
    Resealed,
    Sealer,
    renew_master,
    reseal,
)
from idp.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDesk:
    """The desk's verbs for the signing keys of the default issuer."""

    store: Store
    clock: Clock
    issuers: Issuers
    ring: KeyRing
    audit: AuditLog

    def listing(self, *, actor: Actor) -> tuple[PublicKey, ...]:
        """Return the published keys, those that sign first."""
        need_owner(actor)
        return self.ring.published(self.issuers.default().key_set)

    def rotate(self, *, actor: Actor, force: bool = False) -> tuple[PublicKey, ...]:
        """Let the next keys sign, retire the active ones, make new next ones; return all.

        Raises Refused, unless forced, while applications may not know the next keys yet.
        """
        need_owner(actor)
        key_set = self.issuers.default().key_set
        with self.store.write(alone=True) as unit:
            if not force:
                _check_known(self.ring.rotated_at(unit, key_set), now=self.clock.now())
            self.ring.rotate(unit, actor=actor, key_set=key_set)
            entry = Entry(
                event=Event.KEYS_ROTATED,
                detail={"key_set": key_set},
                actor=f"{actor.kind}:{actor.id}",
            )
            self.audit.record(unit, entry)
        return self.ring.published(key_set)

    def reseal(self, sealer: Sealer, *, actor: Actor) -> Resealed:
        """Seal every secret anew with the first of the sealer's master keys.

        Takes a while; may be killed anywhere and run again.
        """
        need_owner(actor)
        resealed = reseal(self.store, sealer)
        now = self.clock.now()
        with self.store.write(alone=True) as unit:
            if renew_master(unit, sealer, actor=actor, at=now):
                entry = Entry(event=Event.MASTER_KEY_CHANGED, actor=f"{actor.kind}:{actor.id}")
                self.audit.record(unit, entry)
        return resealed


def _check_known(rotated_at: datetime | None, *, now: datetime) -> None:
    """Refuse to let keys sign that were first published so lately that some never read them."""
    if rotated_at is None or now - rotated_at >= METADATA_KEPT:
        return
    told = [f"{rotated_at + kept:%Y-%m-%d %H:%M} UTC" for kept in (KEY_SET_KEPT, METADATA_KEPT)]
    raise Refused(
        "The keys were rotated lately. Applications that go by what they read before don't know the waiting "
        f"ones, and would refuse sign-ins. OpenID Connect applications know them by {told[0]}, SAML ones "
        f"by {told[1]}. Wait until then; if keys may have been stolen, don't: --force."
    )
