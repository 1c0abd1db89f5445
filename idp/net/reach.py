"""Say which addresses may be gone to: public ones over https, and what the operator added.

Whoever can name an address to us (in metadata, at registration) must not get us to speak to what
only we can reach: this machine, its neighbours, a cloud's metadata service (SSRF, CWE-918).
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from idp.core.errors import Refused

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network

PORTS = (443, 8443)
LONGEST_ADDRESS = 2000

# RFC 3986's characters and nothing else: what two readers take apart differently, one of them checks.
_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
# Python's own table knows the rest. These are public by its measure, and lead elsewhere.
_NOT_PUBLIC = tuple(
    ip_network(network)
    for network in (
        "168.63.129.16/32",  # the agent of one large cloud, reachable from inside only
        "192.0.0.0/24",  # protocol assignments; Python's versions differ over parts of it (RFC 6890)
        "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
        "64:ff9b::/96",  # NAT64: any IPv4 address, private ones too (RFC 6052)
        "2001::/23",  # protocol assignments: Teredo, ORCHID (RFC 2928)
        "2002::/16",  # 6to4: any IPv4 address (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291: everything else has a special meaning


class Blocked(Refused):
    """The address is none that we go to; asking again changes nothing."""


class Unanswered(Refused):
    """Nothing that can be used came back; it may, another time."""


class Unreached(Unanswered):
    """There was no connection: the request was certainly not sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An address taken apart once. host is as it stands in a URL, without brackets."""

    secure: bool
    host: str
    port: int
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where requests may go.

    networks are those that may be reached although they are not public; ports those that may be
    used. loopback: the service itself lives on this machine only, and so may its neighbours,
    over http and on any port.
    """

    networks: tuple[_Network, ...] = ()
    ports: Container[int] = PORTS
    loopback: bool = False

    @classmethod
    def of(
        cls, *, networks: Iterable[str] = (), ports: Iterable[int] = PORTS, loopback: bool = False
    ) -> Reach:
        """Return the reach for networks in CIDR form. Raises ValueError on a wrong one."""
        return cls(networks=tuple(map(ip_network, networks)), ports=tuple(ports), loopback=loopback)

    @classmethod
    def operators(cls) -> Reach:
        """Return the reach for addresses that the operator chose: anywhere, by http only to this machine."""
        return cls(networks=_EVERYWHERE, ports=range(1, 65536), loopback=True)

    def place(self, address: str) -> Place:
        """Take an address apart. Raises Blocked when its form alone says no; asks no network."""
        if len(address) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
            raise Blocked("Only complete addresses that start with https:// can be used here.")
        try:
            parts = urlsplit(address)
            port, host = parts.port, parts.hostname
        except ValueError as error:
            raise Blocked("The address has a form that cannot be used.") from error
        if not host or "@" in parts.netloc or parts.fragment or port == 0:
            raise Blocked("The address has a form that cannot be used.")
        secure = parts.scheme == "https"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        place = Place(secure=secure, host=host, port=port or (443 if secure else 80), target=target)
        if not self.loopback:
            self._check_way(place)
        return place

    def admit(self, place: Place, found: Sequence[str]) -> tuple[str, ...]:
        """Return the addresses that a host name stands for, if we may go to every one of them.

        Every one: a name that answers with a public and a private address is a trick. Raises
        Blocked.
        """
        addresses = [_plain(ip_address(each)) for each in found]
        if not (self.loopback and all(address.is_loopback for address in addresses)):
            self._check_way(place)
            if not all(self._open(address) for address in addresses):
                raise Blocked("The address leads into a network that is not open to this service.")
        return tuple(map(str, addresses))

    def _check_way(self, place: Place) -> None:
        if not place.secure:
            raise Blocked("Only complete addresses that start with https:// can be used here.")
        if place.port not in self.ports:
            raise Blocked("The address has a port that this service may not use.")

    def _open(self, address: _Address) -> bool:
        return is_public(address) or any(address in network for network in self.networks)


def is_public(address: _Address) -> bool:
    """Say whether an address can be anybody's on the Internet, and nothing of ours."""
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    special = address.is_multicast or not address.is_global
    return not special and not any(address in network for network in _NOT_PUBLIC)


def _plain(address: _Address) -> _Address:
    # ::ffff:127.0.0.1 goes to 127.0.0.1, so it is judged as that.
    return getattr(address, "ipv4_mapped", None) or address
