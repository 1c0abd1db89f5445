"""What factors are built from: each takes what it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from idp.audit import AuditLog
from idp.core.ports import Clock
from idp.directory.people import People
from idp.factors.alarm import Alarm
from idp.factors.elsewhere import Elsewhere
from idp.jobs import Outbox
from idp.keys import Issuers, Sealer
from idp.methods import Methods
from idp.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The rooms below.

    application gives a partner's name by its id, translate a text in the language of whoever is
    answered, language what that is (BCP 47; see `web.i18n`).
    """

    store: Store
    clock: Clock
    sealer: Sealer
    people: People
    methods: Methods
    issuers: Issuers
    outbox: Outbox
    audit: AuditLog
    alarm: Alarm
    application: Callable[[str], str]
    service_name: str
    translate: Callable[[str, str], str]
    language: Callable[[str], str]

    def elsewhere(self, name: str, lasts: timedelta) -> Elsewhere:
        """Return what a factor needs that asks elsewhere than on the page."""
        return Elsewhere(
            name=name,
            lasts=lasts,
            store=self.store,
            clock=self.clock,
            alarm=self.alarm,
            application=self.application,
            audit=self.audit,
        )
