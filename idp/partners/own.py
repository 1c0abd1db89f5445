"""Our own pages as partners: people sign in to them by the same way and under the same policy."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from idp.core.model import Actor, Issuer, Partner
from idp.partners.registry import Partners
from idp.store import Unit
from idp.store.schema import partners as table

DOOR = "local"
CONSOLE = "console"
LAUNCHER = "launcher"
PORTAL = "portal"
RESET = "reset"
_NAMES = {
    CONSOLE: "Administration",
    LAUNCHER: "Your applications",
    PORTAL: "Your account",
    RESET: "Password reset",
}


def ensure_own(unit: Unit, *, issuer: Issuer, actor: Actor, at: datetime) -> None:
    """Put our own pages on record where they are missing; what was changed about them stays."""
    known = unit.execute(sa.select(table.c.id).where(table.c.door == DOOR)).scalars().all()
    for name, title in _NAMES.items():
        if name not in known:
            own = Partner(id=name, door=DOOR, identifier=name, name=title, issuer=issuer.id)
            Partners.save(unit, own, actor=actor, at=at)
