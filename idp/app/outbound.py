"""Build the HTTP client for addresses that others chose."""

from __future__ import annotations

from urllib.parse import urlsplit

from idp.net import HttpClient, Reach
from idp.settings import Settings, is_loopback


def http_client(settings: Settings) -> HttpClient:
    """Return the client that goes where the settings allow."""
    reach = Reach.of(
        networks=settings.outbound_networks,
        ports=settings.outbound_ports,
        loopback=is_loopback(urlsplit(settings.base_url).hostname or ""),
    )
    return HttpClient(reach, ca=str(settings.outbound_ca or ""))
