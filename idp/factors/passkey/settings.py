"""What an administrator says about passkeys: the name they are made for, and what of copies."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from idp.partners.origins import origin_of
from idp.store import Store
from idp.store.setting import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeySettings:
    """How passkeys are made and taken.

    name is the domain that they are made for (RP ID), empty for the service's own host; passkeys
    made for another are no longer asked for. origins are further addresses whose pages may use them
    (WebAuthn 3, 5.11). copies says whether a passkey that behaves like a copy is refused, or only
    put on record.
    """

    name: str = ""
    origins: tuple[str, ...] = ()
    refuse_copies: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """For which domain passkeys are made, and at which origins they are shown."""

    name: str
    origins: tuple[str, ...]


class PasskeySettingsStore(Setting[PasskeySettings]):
    """The settings in force."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, "passkeys", PasskeySettings())


def site_of(base_url: str, settings: PasskeySettings) -> Site | None:
    """Return the site at an address, None where browsers know no passkeys.

    They want a name, not a number, and https except on this very machine (WebAuthn 3, 5.1.3).
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if _is_address(host) or (parts.scheme != "https" and host != "localhost"):
        return None
    return Site(name=settings.name or host, origins=(origin_of(base_url), *settings.origins))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
