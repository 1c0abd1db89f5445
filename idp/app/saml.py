"""Build SAML on ground and hallway."""

from __future__ import annotations

from dataclasses import dataclass

from idp.app.ground import Ground
from idp.app.hallway import Hallway
from idp.saml import logout as saml_logout
from idp.saml import pages as saml_pages
from idp.saml.door import SamlDoor
from idp.saml.gate import DOOR, Gate
from idp.saml.inbound import Inbound, starts_at
from idp.saml.metadata import Metadata

STARTS = {DOOR: starts_at}
"""Where people open an application of this protocol from our own page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saml:
    """The parts that both the door and the pages need."""

    gate: Gate
    logout: saml_logout.Logout
    door: SamlDoor


def build_saml(ground: Ground) -> Saml:
    """Build the gate, sign-out and door."""
    gate = Gate(partners=ground.partners, issuers=ground.issuers, state=ground.state, clock=ground.clock)
    logout = saml_logout.Logout(gate=gate, keys=ground.keys, store=ground.store, sessions=ground.sessions)
    door = SamlDoor(
        partners=ground.partners,
        issuers=ground.issuers,
        keys=ground.keys,
        logout=logout,
        clock=ground.clock,
    )
    return Saml(gate=gate, logout=logout, door=door)


def pages(ground: Ground, saml: Saml, hallway: Hallway) -> saml_pages.SamlPages:
    """Build the addresses under /saml."""
    return saml_pages.SamlPages(
        signin=hallway.pages,
        inbound=Inbound(gate=saml.gate),
        door=saml.door,
        logout=saml.logout,
        metadata=Metadata(issuers=ground.issuers, keys=ground.keys),
        partners=ground.partners,
        store=ground.store,
        audit=ground.audit,
    )
