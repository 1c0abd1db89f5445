"""Build the portal on ground and hallway."""

from __future__ import annotations

from datetime import timedelta

from idp.app.factors import WORTHS
from idp.app.ground import Ground
from idp.app.hallway import Hallway
from idp.core.model import Strength
from idp.desk.own_password import OwnPassword
from idp.desk.security_info import SecurityDesk
from idp.desk.sessions import OwnSessions
from idp.partners.own import PORTAL
from idp.portal.pages import PortalPages
from idp.portal.reset.pages import ResetPages
from idp.signin.local import Reception

# What is changed here opens everything: who has it open must have shown who they are just now.
_FRESH = timedelta(minutes=15)


def pages(ground: Ground, hallway: Hallway) -> PortalPages:
    """Build the addresses under /me."""
    reception = Reception(
        partner=PORTAL,
        strength=Strength.TWO,
        fresh=_FRESH,
        flow=hallway.flow,
        issuers=ground.issuers,
        state=ground.state,
    )
    return PortalPages(
        signin=hallway.pages,
        reception=reception,
        desk=_desk(ground, hallway),
        passwords=_passwords(ground, hallway),
        sessions=_sessions(ground, hallway),
        enrollers=hallway.flow.judge.factors.enrollers,
    )


def reset(ground: Ground, hallway: Hallway) -> ResetPages:
    """Build the addresses under /reset."""
    return ResetPages(signin=hallway.pages, issuers=ground.issuers, passwords=_passwords(ground, hallway))


def _desk(ground: Ground, hallway: Hallway) -> SecurityDesk:
    return SecurityDesk(
        store=ground.store,
        clock=ground.clock,
        people=hallway.people,
        methods=hallway.methods,
        partners=ground.partners,
        devices=hallway.devices,
        farewell=hallway.farewell,
        worths=WORTHS,
        offers=hallway.flow.judge.offers,
        notices=hallway.notices,
        alarm=hallway.tools.alarm,
        audit=ground.audit,
    )


def _sessions(ground: Ground, hallway: Hallway) -> OwnSessions:
    return OwnSessions(
        store=ground.store,
        clock=ground.clock,
        people=hallway.people,
        sessions=ground.sessions,
        partners=ground.partners,
        farewell=hallway.farewell,
        audit=ground.audit,
    )


def _passwords(ground: Ground, hallway: Hallway) -> OwnPassword:
    return OwnPassword(
        store=ground.store,
        clock=ground.clock,
        people=hallway.people,
        local=hallway.local,
        methods=hallway.methods,
        devices=hallway.devices,
        farewell=hallway.farewell,
        records=hallway.flow.records,
        lockout=hallway.flow.attempts.lockout,
        notices=hallway.notices,
        audit=ground.audit,
    )
