"""Know from which web origins applications without a server call us (CORS)."""

from __future__ import annotations

from urllib.parse import urlsplit

import sqlalchemy as sa

from idp.partners.oidc import oidc_settings
from idp.partners.registry import Partners
from idp.store import Store
from idp.store.revisioned import Revisioned

_DEFAULT_PORTS = {"http": 80, "https": 443}


class BrowserOrigins:
    """The origins of the redirect URIs of enabled public clients, at most two seconds old."""

    def __init__(self, store: Store) -> None:
        self._cache = Revisioned(store, _load)

    def __contains__(self, origin: str) -> bool:
        """Say whether a public client is at home there; compared as browsers write origins."""
        return origin in self._cache.get()


def _load(connection: sa.Connection) -> frozenset[str]:
    return frozenset(
        origin
        for partner in Partners.listing(connection, "oidc")
        if partner.enabled and oidc_settings(partner).public
        for origin in map(origin_of, oidc_settings(partner).redirect_uris)
        if origin
    )


def origin_of(address: str) -> str:
    """Return an address's origin as browsers write it (RFC 6454 6.2), "" for an app's own scheme."""
    parts = urlsplit(address)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
