"""What may be done to the settings of passkeys: look at them, set others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from idp.audit import AuditLog, Entry, Event
from idp.core.errors import Refused
from idp.core.model import Actor
from idp.core.ports import Clock
from idp.desk.rights import need_owner
from idp.factors.passkey import PasskeySettings, PasskeySettingsStore
from idp.partners.origins import origin_of
from idp.store import Store

# Browsers look at origins of five different names, and no more (WebAuthn 3, 5.11.1).
_MOST_ORIGINS = 20
_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyDesk:
    """The desk's verbs for passkeys."""

    store: Store
    clock: Clock
    settings: PasskeySettingsStore
    audit: AuditLog

    def show(self, *, actor: Actor) -> PasskeySettings:
        """Return the settings in force."""
        need_owner(actor)
        return self.settings.get()

    def set(
        self,
        *,
        name: str | None = None,
        origins: Sequence[str] | None = None,
        refuse_copies: bool | None = None,
        actor: Actor,
    ) -> PasskeySettings:
        """Change what is given, and return the settings then in force. Raises Refused.

        name "" is the service's own host.
        """
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            after = self.settings.read(unit.connection)
            after = after if name is None else replace(after, name=_domain(name))
            after = after if origins is None else replace(after, origins=_origins(origins))
            after = after if refuse_copies is None else replace(after, refuse_copies=refuse_copies)
            self.settings.put(unit, after, actor=actor, at=self.clock.now())
            by = f"{actor.kind}:{actor.id}"
            self.audit.record(unit, Entry(event=Event.METHODS_CONFIGURED, factor="passkey", actor=by))
        return after


def _domain(name: str) -> str:
    domain = name.strip().lower()
    if domain and (len(domain) > 253 or not _NAME.fullmatch(domain)):
        raise Refused("A domain is written like login.example.com, without https:// and path.")
    return domain


def _origins(addresses: Sequence[str]) -> tuple[str, ...]:
    origins = tuple(dict.fromkeys(_origin(address) for address in addresses))
    if len(origins) > _MOST_ORIGINS:
        raise Refused("That are more addresses than browsers look at: 20 at most.")
    return origins


def _origin(address: str) -> str:
    text = address.strip().lower().rstrip("/")
    try:
        origin = origin_of(text)
    except ValueError as error:
        raise Refused("An origin is written like https://login.example.de.") from error
    if not text.startswith("https://") or not _NAME.fullmatch(urlsplit(text).hostname or ""):
        raise Refused("An origin is written like https://login.example.de.")
    return origin
