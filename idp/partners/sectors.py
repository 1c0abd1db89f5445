"""Find out which host speaks for clients on several hosts that share pairwise ids (OIDC core 8.1)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import urlsplit

from idp.core.errors import Refused
from idp.net import Bounds, HttpClient

_BOUNDS = Bounds(size=64 * 1024)


def sector_at(http: HttpClient, address: str, redirect_uris: Sequence[str]) -> str:
    """Return the host of a sector identifier address that lists all the redirect URIs.

    Without that list anybody could join the sector of others, and learn whom they know. Raises
    Refused.
    """
    answer = http.get(address, types={"application/json"}, bounds=_BOUNDS)
    listed = _listed(answer.body) if answer.status == 200 else None
    if not isinstance(listed, list):
        raise Refused("The sector identifier address holds no list of addresses (JSON).")
    if not all(uri in listed for uri in redirect_uris):
        raise Refused("The sector identifier address does not list every redirect URI.")
    return urlsplit(answer.address).hostname or ""


def _listed(body: bytes) -> object:
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found
