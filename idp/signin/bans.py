"""Networks that nobody may come from: kept by administrators, looked at before anything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import sqlalchemy as sa

from idp.core.codec import plain
from idp.core.errors import Refused
from idp.core.model import Actor
from idp.core.ports import Clock
from idp.store import Store, Unit
from idp.store.changes import Change, change
from idp.store.revisioned import Revisioned
from idp.store.schema import bans

# AD FS' bound. Each is compared at every request.
MOST_BANS = 300
# Half a continent is a slip of the hand.
_WIDEST = {4: 8, 6: 16}

_ALL = sa.select(bans).order_by(bans.c.created_at, bans.c.network)
_ONE = sa.select(bans).where(bans.c.network == sa.bindparam("which"))
_INSERT = sa.insert(bans)
_DELETE = sa.delete(bans).where(bans.c.network == sa.bindparam("which"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """A banned network, as CIDR; until None means until it is taken away."""

    network: str
    reason: str
    created_at: datetime
    until: datetime | None = None


class Bans:
    """The banned networks."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._clock = clock
        self._held = Revisioned(store, _load)

    def covers(self, address: str) -> bool:
        """Say whether an address lies in a banned network; one that can't be read lies in none."""
        held = self._held.get()
        if not held:
            return False
        try:
            here = ip_address(address)
        except ValueError:
            return False
        now = self._clock.now()
        return any(here in network and (until is None or until > now) for network, until in held)

    def listing(self, connection: sa.Connection) -> tuple[Ban, ...]:
        """Return the bans in force, oldest first."""
        now = self._clock.now()
        every = (_ban(row) for row in connection.execute(_ALL).mappings())
        return tuple(ban for ban in every if ban.until is None or ban.until > now)

    def put(self, unit: Unit, network: str, *, reason: str, until: datetime | None, actor: Actor) -> Ban:
        """Ban a network, or change its ban. Raises Refused."""
        now = self._clock.now()
        ban = Ban(network=_read(network), reason=reason.strip()[:200], created_at=now, until=until)
        if until is not None and until <= now:
            raise Refused("The ban would be over already.")
        before = self._remove(unit, ban.network)
        if len(self.listing(unit.connection)) >= MOST_BANS:
            raise Refused(
                f"There are {MOST_BANS} banned networks already. Put some together, or in the firewall."
            )
        unit.execute(_INSERT, _row(ban))
        self._changed(unit, ban.network, before, plain(ban), actor=actor)
        return ban

    def remove(self, unit: Unit, network: str, *, actor: Actor) -> None:
        """Let a network in again. Raises Refused when it was not banned."""
        before = self._remove(unit, _read(network))
        if before is None:
            raise Refused("That network is not banned.")
        self._changed(unit, str(before["network"]), before, None, actor=actor)

    @staticmethod
    def _remove(unit: Unit, network: str) -> Mapping[str, Any] | None:
        row = unit.execute(_ONE, {"which": network}).mappings().first()
        unit.execute(_DELETE, {"which": network})
        before: Mapping[str, Any] | None = None if row is None else plain(_ban(row))
        return before

    def _changed(
        self,
        unit: Unit,
        network: str,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        *,
        actor: Actor,
    ) -> None:
        changed = Change(noun="ban", key=network, before=before, after=after)
        change(unit, actor=actor, at=self._clock.now(), change=changed)


def _load(connection: sa.Connection) -> tuple[tuple[IPv4Network | IPv6Network, datetime | None], ...]:
    return tuple((ip_network(row.network), row.until) for row in connection.execute(_ALL))


def _read(text: str) -> str:
    """Return a network as CIDR; a single address is a network of one. Raises Refused."""
    try:
        network = ip_network(text.strip())
    except ValueError as error:
        raise Refused("Use an address or a network like 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32.") from error
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None or "%" in text:
        raise Refused("Write an IPv4 network as IPv4, and an IPv6 network without a zone.")
    if network.prefixlen < _WIDEST[network.version]:
        raise Refused("That network is too wide: at least /8, or /16 for IPv6.")
    return str(network)


def _ban(row: Mapping[Any, Any]) -> Ban:
    return Ban(**row)


def _row(ban: Ban) -> Mapping[str, Any]:
    return {
        "network": ban.network,
        "reason": ban.reason,
        "created_at": ban.created_at,
        "until": ban.until,
    }
