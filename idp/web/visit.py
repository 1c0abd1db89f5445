"""Say what a request brings along: its cookies, and from where it truly comes."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from flask import Request

from idp.core.model import Network, Visit
from idp.web import cookies, correlation, settings
from idp.web.cookies import Jar

_Address = IPv4Address | IPv6Address

# No honest chain of proxies is longer, and a header is not a place to spend time in.
_LONGEST_CHAIN = 20
_LONGEST_AGENT = 400


def visit_of(request: Request) -> Visit:
    """Return the cookies and network facts of a request; what can't be trusted is empty."""
    return Visit(
        browser=cookies.read(request, Jar.BROWSER),
        session=cookies.read(request, Jar.SESSION),
        device=cookies.read(request, Jar.DEVICE),
        network=Network(
            address=address_of(request),
            user_agent=_printable(request.headers.get("User-Agent", "")),
        ),
        correlation=correlation.current(),
    )


def address_of(request: Request) -> str:
    """Return where a request comes from, "" when it can't be known."""
    return client_address(
        peer=request.remote_addr or "",
        forwarded=request.headers.get("X-Forwarded-For", ""),
        proxies=settings.current().trusted_proxies,
    )


def client_address(*, peer: str, forwarded: str, proxies: Sequence[IPv4Network | IPv6Network]) -> str:
    """Return the address of the client, or "" when it can't be known.

    X-Forwarded-For counts only from a configured proxy, read from the right: each entry was
    written by the hop after it, so the first that is not a proxy of ours is the client. An
    entry that is no address makes the answer "" and not the proxy's own address, which may
    lie inside a network that policy trusts.
    """
    here = _parse(peer)
    if here is None:
        return ""
    if not _ours(here, proxies):
        return str(here)
    hops = forwarded.split(",")
    for hop in reversed(hops[-_LONGEST_CHAIN:]):
        address = _parse(_without_port(hop.strip()))
        if address is None:
            return ""
        if not _ours(address, proxies):
            return str(address)
        here = address
    return str(here) if len(hops) <= _LONGEST_CHAIN else ""


def _ours(address: _Address, proxies: Sequence[IPv4Network | IPv6Network]) -> bool:
    return any(address in network for network in proxies)


def _parse(text: str) -> _Address | None:
    if "%" in text:  # a zone means something on the machine that wrote it only
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # ::ffff:10.0.0.1 is 10.0.0.1, or a rule about 10.0.0.0/8 would not see it.
    return getattr(address, "ipv4_mapped", None) or address


def _without_port(hop: str) -> str:
    """Return an entry of X-Forwarded-For without the port that some balancers add."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _printable(text: str) -> str:
    text = text[:_LONGEST_AGENT]
    return text if text.isprintable() else "".join(filter(str.isprintable, text))
