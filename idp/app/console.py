"""Build the console on ground, hallway and desk."""

from __future__ import annotations

from datetime import timedelta

from idp.admin.drafts import Drafts
from idp.admin.pages import AdminPages
from idp.app.desk import build_desk
from idp.app.ground import Ground
from idp.app.hallway import Hallway
from idp.core.model import Strength
from idp.partners.own import CONSOLE
from idp.signin.local import LocalDoor, Reception

# Whoever finds a browser that an owner left must not find the console open for a whole day.
_FRESH = timedelta(hours=4)


def door(ground: Ground) -> LocalDoor:
    """Build the door of our own pages."""
    return LocalDoor(issuers=ground.issuers, state=ground.state)


def pages(ground: Ground, hallway: Hallway) -> AdminPages:
    """Build the addresses under /admin."""
    desk = build_desk(
        store=ground.store, clock=ground.clock, sealer=ground.sealer, audit=ground.audit, http=ground.http
    )
    reception = Reception(
        partner=CONSOLE,
        strength=Strength.TWO,
        fresh=_FRESH,
        flow=hallway.flow,
        issuers=ground.issuers,
        state=ground.state,
    )
    return AdminPages(
        signin=hallway.pages,
        reception=reception,
        partners=desk.partners,
        sources=desk.sources,
        drafts=Drafts(state=ground.state),
        clock=ground.clock,
    )
