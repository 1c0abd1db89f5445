"""Open the store and the desk for one command; no running server is needed."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import DatabaseError

from idp.audit import AuditLog
from idp.core.clock import SystemClock
from idp.core.errors import Refused
from idp.core.model import Actor
from idp.desk.keys import KeyDesk
from idp.desk.methods import MethodDesk
from idp.desk.partners import PartnerDesk
from idp.desk.people import PeopleDesk
from idp.desk.policies import PolicyDesk
from idp.desk.records import RecordDesk
from idp.directory.hashing import PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import People
from idp.keys import Issuers, KeyRing, MasterKey, Sealer, check_master, remember_master
from idp.methods import Methods
from idp.partners.registry import Partners
from idp.policy.rules import Rules
from idp.sessions import Lifetimes, Sessions
from idp.settings import Settings, load_settings
from idp.signin.lockout import Limits, Lockout
from idp.store import Store, open_store
from idp.store.upgrade import check, is_new, upgrade

MASTER_KEY = "master.key"
_START = Actor(kind="system", id="start")


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The desk's nouns, and who sits at it."""

    settings: Settings
    actor: Actor
    people: PeopleDesk
    methods: MethodDesk
    partners: PartnerDesk
    policies: PolicyDesk
    keys: KeyDesk
    records: RecordDesk


@contextmanager
def office() -> Iterator[Office]:
    """Open the desk. Raises Refused when the data cannot be used, SettingsError."""
    settings = load_settings()
    make_data_folder(settings)
    store = open_store(settings.database)
    try:
        sealer = open_database(store, settings)
        yield _furnished(settings, store, sealer)
    except DatabaseError as error:
        raise Refused(f"The database cannot be used: {error.orig}") from error
    finally:
        store.dispose()


def make_data_folder(settings: Settings) -> None:
    """Make the data folder; it and what is put there is for our eyes only. Raises Refused."""
    os.umask(0o077)
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"The data folder {settings.data} cannot be made: {error.strerror}.") from error


def master_key(settings: Settings, *, make: bool = False) -> MasterKey:
    """Return the master key from the settings or its file; make may make the file. Raises Refused."""
    if settings.master_key is not None:
        return MasterKey.from_text(settings.master_key.get_secret_value())
    path = settings.data / MASTER_KEY
    return MasterKey.load_or_create(path) if make else MasterKey.load(path)


def open_database(store: Store, settings: Settings) -> Sealer:
    """Set up a new database, or refuse one that is not this version's or another master key's.

    A used one is left as it is: only `idp serve` upgrades, and moves the base address.
    """
    if is_new(store):
        return set_up(store, settings)
    check(store)
    sealer = Sealer(master_key(settings))
    with store.read() as connection:
        check_master(connection, sealer)
    return sealer


def set_up(store: Store, settings: Settings) -> Sealer:
    """Bring the database up to date: schema, issuer at the base address, signing keys.

    Raises Refused when it is a newer version's or another master key's.
    """
    # Only a new database gets a new key: for a used one it would only hide that its own is lost.
    sealer = Sealer(master_key(settings, make=is_new(store)))
    upgrade(store)
    clock, issuers = SystemClock(), Issuers(store)
    with store.write() as unit:
        remember_master(unit, sealer)
        issuer = issuers.ensure(unit, settings.base_url, clock.now())
        KeyRing(store, sealer, clock).ensure(unit, actor=_START, key_set=issuer.key_set)
    return sealer


def _furnished(settings: Settings, store: Store, sealer: Sealer) -> Office:
    clock = SystemClock()
    # The server's log is where events of the server are written; here the database is enough.
    audit = AuditLog(clock, _nowhere)
    hasher = PasswordHasher()
    local = LocalSource(store, hasher, clock)
    people = People(store, clock, [local])
    methods = Methods(store, sealer, clock)
    issuers = Issuers(store)
    partners = Partners(store)
    return Office(
        settings=settings,
        actor=Actor(kind="cli", id=_account()),
        people=PeopleDesk(
            store=store,
            clock=clock,
            people=people,
            local=local,
            hasher=hasher,
            methods=methods,
            sessions=Sessions(Lifetimes()),
            lockout=Lockout(store, clock, Limits()),
            audit=audit,
        ),
        methods=MethodDesk(
            store=store,
            clock=clock,
            people=people,
            methods=methods,
            sessions=Sessions(Lifetimes()),
            audit=audit,
        ),
        partners=PartnerDesk(store=store, clock=clock, partners=partners, issuers=issuers, audit=audit),
        policies=PolicyDesk(store=store, clock=clock, rules=Rules(store), audit=audit),
        keys=KeyDesk(
            store=store, clock=clock, issuers=issuers, ring=KeyRing(store, sealer, clock), audit=audit
        ),
        records=RecordDesk(store=store, people=people, partners=partners, audit=audit),
    )


def _nowhere(line: str) -> None:
    """Drop a log line."""


def _account() -> str:
    # From the process, not from LOGNAME, which anybody can set.
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
