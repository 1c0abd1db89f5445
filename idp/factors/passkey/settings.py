"""What an administrator says about passkeys: the name they are made for, and what of copies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

import sqlalchemy as sa

from idp.core.codec import build, plain
from idp.core.model import Actor
from idp.partners.origins import origin_of
from idp.store import Change, Store, Unit, change, schema
from idp.store.revisioned import Revisioned

_KEY = "passkeys"
_READ = sa.select(schema.settings.c.value).where(schema.settings.c.key == _KEY)
_DELETE = sa.delete(schema.settings).where(schema.settings.c.key == _KEY)
_INSERT = sa.insert(schema.settings)


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


class PasskeySettingsStore:
    """The settings in force, from a cache that follows the database."""

    def __init__(self, store: Store) -> None:
        self._held = Revisioned(store, self.read)

    def get(self) -> PasskeySettings:
        """Return the settings, the usual ones until others are set."""
        return self._held.get()

    @staticmethod
    def read(connection: sa.Connection) -> PasskeySettings:
        """Return the settings as they are stored at this moment."""
        value = connection.execute(_READ).scalar()
        return PasskeySettings() if value is None else build(PasskeySettings, value)

    def put(self, unit: Unit, settings: PasskeySettings, *, actor: Actor, at: datetime) -> None:
        """Put other settings in force."""
        before = plain(self.read(unit.connection))
        unit.execute(_DELETE)
        unit.execute(_INSERT, {"key": _KEY, "value": plain(settings)})
        changed = Change(noun="setting", key=_KEY, before=before, after=plain(settings))
        change(unit, actor=actor, at=at, change=changed)


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
