"""Open the store and the desk for one command; no running server is needed."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

from sqlalchemy.exc import DatabaseError

from idp.app.desk import Desk, build_desk
from idp.app.ground import open_master
from idp.app.outbound import http_client
from idp.audit import AuditLog
from idp.core.clock import SystemClock
from idp.core.errors import Refused, Unavailable
from idp.core.model import Actor
from idp.keys import Issuers, KeyRing, Sealer, VapidKey, check_master, remember_master
from idp.partners.own import ensure_own
from idp.settings import Settings, load_settings
from idp.store import Store, open_store
from idp.store.upgrade import check, is_new, upgrade

_START = Actor(kind="system", id="start")


@dataclass(frozen=True, slots=True, kw_only=True)
class Office(Desk):
    """The desk, and who sits at it."""

    settings: Settings
    actor: Actor


@contextmanager
def office() -> Iterator[Office]:
    """Open the desk. Raises Refused when the data cannot be used, SettingsError."""
    settings = load_settings()
    make_data_folder(settings)
    with opened(settings.database) as store:
        sealer = open_database(store, settings)
        yield _furnished(settings, store, sealer)


@contextmanager
def opened(url: str) -> Iterator[Store]:
    """Open a database, and let go of it afterwards; what is wrong with it is said plainly."""
    store = open_store(url)
    try:
        with said_plainly():
            yield store
    finally:
        store.dispose()


@contextmanager
def said_plainly() -> Iterator[None]:
    """Say what is wrong with the database to whoever runs it: on the terminal nothing is hidden."""
    try:
        yield
    except Unavailable as error:
        raise Refused(f"The database cannot be used: {error.detail}") from error
    except DatabaseError as error:
        raise Refused(f"The database cannot be used: {error.orig}") from error


def make_data_folder(settings: Settings) -> None:
    """Make the data folder; it and what is put there is for our eyes only. Raises Refused."""
    os.umask(0o077)
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"The data folder {settings.data} cannot be made: {error.strerror}.") from error


def open_database(store: Store, settings: Settings) -> Sealer:
    """Set up a new database, or refuse one that is not this version's or another master key's.

    A used one is left as it is: only `idp serve` upgrades, and moves the base address.
    """
    if is_new(store):
        return set_up(store, settings)
    check(store)
    sealer = Sealer(open_master(settings))
    with store.read() as connection:
        check_master(connection, sealer)
    return sealer


def set_up(store: Store, settings: Settings) -> Sealer:
    """Bring the database up to date: schema, issuer at the base address, signing keys.

    Raises Refused when it is a newer version's or another master key's.
    """
    # Only a new database gets a new key: for a used one it would only hide that its own is lost.
    sealer = Sealer(open_master(settings, make=is_new(store)))
    upgrade(store)
    clock, issuers = SystemClock(), Issuers(store)
    # Alone: of several nodes that start at once, one makes the keys.
    with store.write(alone=True) as unit:
        remember_master(unit, sealer)
        issuer = issuers.ensure(unit, settings.base_url, clock.now())
        ensure_own(unit, issuer=issuer, actor=_START, at=clock.now())
        KeyRing(store, sealer, clock).ensure(unit, actor=_START, key_set=issuer.key_set)
        VapidKey(store, sealer).ensure(unit, at=clock.now())
    return sealer


def _furnished(settings: Settings, store: Store, sealer: Sealer) -> Office:
    # The server's log is where events of the server are written; here the database is enough.
    clock = SystemClock()
    desk = build_desk(
        store=store,
        clock=clock,
        sealer=sealer,
        audit=AuditLog(clock, nowhere),
        http=http_client(settings),
    )
    nouns = {noun.name: getattr(desk, noun.name) for noun in fields(Desk)}
    return Office(settings=settings, actor=acting(), **nouns)


def nowhere(line: str) -> None:
    """Drop a log line."""


def acting() -> Actor:
    """Return who runs the command: the account of the process, not LOGNAME, which anybody can set."""
    try:
        account = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        account = str(os.getuid())
    return Actor(kind="cli", id=account)
