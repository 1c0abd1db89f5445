"""Say whether an address lies in a network that a rule names."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


def within(address: str, networks: Iterable[str]) -> bool:
    """Say whether an address lies in one of the CIDR blocks; one that can't be read never does.

    An address with a zone ("fe80::1%eth0") never does either: no remote peer has one. An
    IPv4-mapped IPv6 address is the IPv4 address.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None:
            return False
        parsed = parsed.ipv4_mapped or parsed
    return any(block is not None and parsed in block for block in map(_block, networks))


@lru_cache(maxsize=1024)
def _block(network: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(network, strict=False)
    except ValueError:
        return None
