"""Check an address before a browser is sent there, and name its origin for the page's policy."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from idp.core.errors import BadMessage

# The partner registered the address; this is the last look, which no registration can talk past.
_RUNS_IN_OUR_PAGE = frozenset(
    {"javascript", "data", "vbscript", "file", "filesystem", "blob", "about", "view-source", "ws", "wss"}
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")


@lru_cache(maxsize=1024)  # the same few partners again and again
def check_post(address: str) -> str:
    """Return an address that a form may post to: http or https. Raises BadMessage."""
    if _split(address).scheme not in {"http", "https"}:
        raise _unusable(address)
    return address


def check_follow(address: str) -> str:
    """Return an address to redirect to: http, https or a native app's scheme. Raises BadMessage."""
    if _split(address).scheme in _RUNS_IN_OUR_PAGE:
        raise _unusable(address)
    return address


@lru_cache(maxsize=1024)
def csp_source(address: str) -> str:
    """Return the source expression for the address's origin (CSP 3, 2.3.1). Raises BadMessage."""
    parts = _split(check_follow(address))
    host = parts.hostname or ""
    # CSP can't say an IPv6 host, nor the origin of a native app's scheme: the scheme stands for it.
    if parts.scheme not in {"http", "https"} or ":" in host:
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{_ascii(host, address)}{_port(parts)}"


def is_web(address: str) -> bool:
    """Say whether the address is http or https."""
    return urlsplit(address).scheme in {"http", "https"}


def _split(address: str) -> SplitResult:
    # Browsers drop tabs and line breaks, and read \ as /: such an address means two things.
    if not address.isprintable() or " " in address or "\\" in address:
        raise _unusable(address)
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018  (raises when the port is no number)
    except ValueError as error:
        raise _unusable(address) from error
    if not _SCHEME.fullmatch(parts.scheme):
        raise _unusable(address)
    if parts.scheme in {"http", "https"} and (not parts.hostname or "@" in parts.netloc):
        raise _unusable(address)
    return parts


def _ascii(host: str, address: str) -> str:
    try:
        name = host.encode("idna").decode()
    except UnicodeError as error:
        raise _unusable(address) from error
    if not _HOST.fullmatch(name):  # nothing that could end the source expression
        raise _unusable(address)
    return name


def _port(parts: SplitResult) -> str:
    return "" if parts.port is None else f":{parts.port}"


def _unusable(address: str) -> BadMessage:
    return BadMessage(
        "The address to send you back to can’t be used.", detail=f"unusable address {address[:200]!r}"
    )
