"""Ask a carrier over HTTP: where it may be, what its answers mean, and what they say."""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from idp.core.errors import Refused
from idp.core.ports import Handover, Taken
from idp.net import Blocked, Bounds, HttpClient, Reach, Unanswered, Unreached

BOUNDS = Bounds(seconds=8, size=64 * 1024)
# Told by the server itself, before it did anything: wrong credentials, too much, not just now.
_NOT_DONE = frozenset({401, 402, 403, 404, 405, 407, 408, 425, 429, 503})
_DEEPEST = 8
_LONGEST_PATH = 200


def client(authorities: str = "") -> HttpClient:
    """Return a client for addresses that the operator chose; authorities (PEM) are trusted too."""
    return HttpClient(Reach.operators(), authorities=authorities)


def check_address(address: str) -> None:
    """Raise Refused unless it is an https address, or one of this very machine."""
    place = Reach.operators().place(address)
    if not place.secure and not is_here(place.host):
        raise Refused("Only addresses that start with https:// can be used, except on this very machine.")


def check_authorities(pem: str) -> None:
    """Raise Refused unless the text is certificates, PEM."""
    try:
        ssl.create_default_context().load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise Refused("The file of certificates cannot be read: PEM is expected.") from error


def basic(user: str, secret: str) -> str:
    """Return the value of an Authorization header (RFC 7617)."""
    return "Basic " + b64encode(f"{user}:{secret}".encode()).decode()


def refusal(status: int) -> Handover:
    """Return what an answer means whose status is not of 200 to 299."""
    if status in _NOT_DONE or status < 400:
        taken = Taken.NOT_NOW
    else:
        # A server that breaks, or a proxy that waits in vain, may have done what was asked.
        taken = Taken.PERHAPS if status >= 500 else Taken.NEVER
    return Handover(taken=taken, reason=f"HTTP {status}")


def unanswered(error: Blocked | Unanswered) -> Handover:
    """Return what it means that no answer came. The error's own text stays out: it may quote."""
    if isinstance(error, Blocked):
        return Handover(taken=Taken.NEVER, reason="address")
    taken = Taken.NOT_NOW if isinstance(error, Unreached) else Taken.PERHAPS
    match error.__cause__:
        case ssl.SSLCertVerificationError():
            return Handover(taken=taken, reason="certificate")
        case TimeoutError():
            return Handover(taken=taken, reason="timeout")
        case _:
            return Handover(taken=taken, reason="unreachable" if taken is Taken.NOT_NOW else "no answer")


def flat(body: bytes) -> Mapping[str, str]:
    """Return the texts, numbers and flags of a JSON document by their paths ("messages.0.id").

    Whatever is not JSON has none; what lies too deep, or under names too long, is left out.
    """
    try:
        return dict(_fields(json.loads(body), "", _DEEPEST))
    except (ValueError, RecursionError):
        return {}


def _fields(value: object, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items if depth else ():
            below = f"{path}.{key}" if path else str(key)
            # One long name above many values would be copied for each of them.
            if len(below) <= _LONGEST_PATH:
                yield from _fields(item, below, depth - 1)
    elif isinstance(value, bool):
        yield path, "true" if value else "false"
    elif value is not None:
        yield path, str(value)


def is_here(host: str) -> bool:
    """Say whether a host is this very machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
