"""The carriers that the operator set up, in the order in which they are tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from idp.channels.gateway import HttpGateway, HttpSettings
from idp.channels.smtp import Smtp, SmtpSettings
from idp.channels.twilio import Twilio, TwilioSettings
from idp.channels.twilio_voice import TwilioVoice, TwilioVoiceSettings
from idp.core.codec import build, plain
from idp.core.errors import Refused
from idp.core.model import Actor
from idp.core.ports import Carrier
from idp.keys import Sealer
from idp.store import Change, Store, Unit, change
from idp.store.revisioned import Revisioned
from idp.store.schema import carriers as table

Settings = HttpSettings | TwilioSettings | TwilioVoiceSettings | SmtpSettings

_PURPOSE = "carrier"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_PREFIX = re.compile(r"\+[1-9][0-9]{0,5}")
_LONGEST_SECRET = 1000

_ALL = sa.select(table).order_by(table.c.position, table.c.name)
_DELETE = sa.delete(table).where(table.c.name == sa.bindparam("which"))
_INSERT = sa.insert(table)
_MOVE = sa.update(table).where(table.c.name == sa.bindparam("which")).values(position=sa.bindparam("place"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Type:
    """A type of carrier: what it takes, its settings, and how it is made from name, settings and secret."""

    kind: str
    settings: type[Settings]
    make: Callable[[str, Any, str], Carrier]


# A new carrier is its file in channels/, and its line here.
_TYPES: Mapping[str, _Type] = {
    "http": _Type(kind="text", settings=HttpSettings, make=HttpGateway),
    "twilio": _Type(kind="text", settings=TwilioSettings, make=Twilio),
    "twilio-voice": _Type(kind="call", settings=TwilioVoiceSettings, make=TwilioVoice),
    "smtp": _Type(kind="mail", settings=SmtpSettings, make=Smtp),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """A carrier as it was set up, without its secret.

    prefixes: it takes texts only to numbers that begin so ("+44"); none given, to all.
    """

    name: str
    settings: Settings
    prefixes: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """Return the type's name, as it is stored."""
        return next(name for name, one in _TYPES.items() if one.settings is type(self.settings))

    @property
    def kind(self) -> str:
        """Return what it takes: "text" or "mail"."""
        return _TYPES[self.type].kind

    def serves(self, to: str) -> bool:
        """Say whether a message to a number or address may go this way."""
        return not self.prefixes or to.startswith(self.prefixes)


@dataclass(frozen=True, slots=True)
class Ready:
    """A carrier to hand messages to, and what it was set up with."""

    set_up: SetUp
    carrier: Carrier


class Carriers:
    """Keeps carriers, their secrets sealed; a change reaches every process within two seconds."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._sealer = sealer
        self._ready = Revisioned(store, self._load)

    def ready(self) -> Sequence[Ready]:
        """Return the carriers in order, each with its secret. Raises Refused when one can't be read."""
        return self._ready.get()

    @staticmethod
    def listing(connection: sa.Connection) -> tuple[SetUp, ...]:
        """Return the carriers in order, without their secrets."""
        return tuple(_set_up(row) for row in connection.execute(_ALL).mappings())

    @staticmethod
    def takes(connection: sa.Connection, kind: str) -> bool:
        """Say whether there is a carrier for a kind of message."""
        return any(one.kind == kind for one in Carriers.listing(connection))

    def save(self, unit: Unit, new: SetUp, secret: str, *, actor: Actor, at: datetime) -> bool:
        """Keep a carrier, in the place of the one that had its name; a new one comes last.

        The secret always comes anew: one that stayed would go to wherever the settings point
        now. Return whether there was one of that name. Raises Refused.
        """
        _check(new, secret)
        rows = unit.execute(_ALL).mappings().all()
        before = next((_set_up(row) for row in rows if row["name"] == new.name), None)
        places = {row["name"]: row["position"] for row in rows}
        last = max(places.values(), default=0) + 1
        unit.execute(_DELETE, {"which": new.name})
        row = {
            "name": new.name,
            "type": new.type,
            "position": places.get(new.name, last),
            "prefixes": list(new.prefixes),
            "settings": plain(new.settings),
            "sealed": self._sealer.seal(secret.encode(), purpose=_PURPOSE, context=new.name),
        }
        unit.execute(_INSERT, row)
        _record(unit, new.name, before, new, actor=actor, at=at)
        return before is not None

    def remove(self, unit: Unit, name: str, *, actor: Actor, at: datetime) -> SetUp:
        """Forget a carrier. Raises Refused when there is none of that name."""
        before = self.named(unit.connection, name)
        unit.execute(_DELETE, {"which": name})
        _record(unit, name, before, None, actor=actor, at=at)
        return before

    def reorder(self, unit: Unit, names: Sequence[str], *, actor: Actor, at: datetime) -> None:
        """Have carriers tried in this order. Raises Refused unless each is named once."""
        before = [one.name for one in self.listing(unit.connection)]
        if sorted(names) != sorted(before):
            raise Refused(
                f"Name every carrier once: {', '.join(before)}." if before else "There is no carrier."
            )
        for place, name in enumerate(names):
            unit.execute(_MOVE, {"which": name, "place": place})
        whole = Change(noun="carriers", key="order", before={"order": before}, after={"order": list(names)})
        change(unit, actor=actor, at=at, change=whole)

    def named(self, connection: sa.Connection, name: str) -> SetUp:
        """Return a carrier's settings. Raises Refused when there is none of that name."""
        found = next((one for one in self.listing(connection) if one.name == name), None)
        if found is None:
            raise Refused("There is no carrier of that name.")
        return found

    def _load(self, connection: sa.Connection) -> tuple[Ready, ...]:
        return tuple(self._made(row) for row in connection.execute(_ALL).mappings())

    def _made(self, row: sa.RowMapping) -> Ready:
        set_up = _set_up(row)
        secret = self._sealer.open(row["sealed"], purpose=_PURPOSE, context=set_up.name).decode()
        return Ready(set_up, _TYPES[set_up.type].make(set_up.name, set_up.settings, secret))


def described(one: SetUp) -> dict[str, object]:
    """Return a carrier as it may be shown and recorded."""
    return {
        "name": one.name,
        "type": one.type,
        "prefixes": list(one.prefixes),
        "settings": plain(one.settings),
    }


def _set_up(row: sa.RowMapping) -> SetUp:
    settings = build(_TYPES[row["type"]].settings, row["settings"])
    return SetUp(name=row["name"], settings=settings, prefixes=tuple(row["prefixes"]))


def _check(new: SetUp, secret: str) -> None:
    if not _NAME.fullmatch(new.name):
        raise Refused("A carrier is named by up to 40 small letters, digits and hyphens.")
    if not all(_PREFIX.fullmatch(prefix) for prefix in new.prefixes):
        raise Refused("A prefix is + and the first digits of numbers, like +44.")
    # One line of ASCII: it stands in headers, which must not get a line of its making.
    if len(secret) > _LONGEST_SECRET or not (secret.isascii() and secret.isprintable()):
        raise Refused(f"A secret is one line of at most {_LONGEST_SECRET} ASCII characters.")
    new.settings.check(secret_given=bool(secret))


def _record(
    unit: Unit, name: str, before: SetUp | None, after: SetUp | None, *, actor: Actor, at: datetime
) -> None:
    changed = Change(
        noun="carrier",
        key=name,
        before=None if before is None else described(before),
        after=None if after is None else described(after),
    )
    change(unit, actor=actor, at=at, change=changed)
