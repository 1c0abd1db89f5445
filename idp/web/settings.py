"""Hold what the web plumbing must know about the place it runs at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import cast
from urllib.parse import urlsplit

from flask import Flask, current_app

_EXTENSION = "countersign.web"


# No slots: what follows from the address is asked for many times a request, and kept.
@dataclass(frozen=True, kw_only=True)
class WebSettings:
    """What the pages need to know; base_url has no trailing slash.

    trusted_proxies are the networks whose X-Forwarded-For is believed.
    """

    base_url: str
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, *, base_url: str, trusted_proxies: tuple[str, ...] = ()) -> WebSettings:
        """Return settings from text, proxies as CIDR. Raises ValueError on a wrong network."""
        networks = tuple(ip_network(text) for text in trusted_proxies)
        return cls(base_url=base_url.rstrip("/"), trusted_proxies=networks)

    @cached_property
    def origin(self) -> str:
        """Return scheme, host and port as a browser writes them in the Origin header."""
        parts = urlsplit(self.base_url)
        default = {"https": 443, "http": 80}.get(parts.scheme)
        host = parts.hostname or ""
        name = f"[{host}]" if ":" in host else host
        port = "" if parts.port in (None, default) else f":{parts.port}"
        return f"{parts.scheme}://{name}{port}"

    @cached_property
    def https(self) -> bool:
        """Say whether people reach the service by https."""
        return urlsplit(self.base_url).scheme == "https"

    @cached_property
    def loopback(self) -> bool:
        """Say whether the service is reached on this machine only."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")


def remember(app: Flask, settings: WebSettings) -> None:
    """Keep the settings with the application, for `current`."""
    app.extensions[_EXTENSION] = settings


def current() -> WebSettings:
    """Return the settings of the application that handles this request."""
    return cast(WebSettings, current_app.extensions[_EXTENSION])
