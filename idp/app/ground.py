"""Open and put together what every room stands on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from idp.app.outbound import http_client
from idp.audit import AuditLog, Entry, to_stream
from idp.core.clock import SystemClock
from idp.core.ports import Clock
from idp.jobs import Outbox
from idp.keys import Issuers, KeyRing, MasterFile, MasterKey, MasterKeys, Masters, Sealer
from idp.net import HttpClient, Reach
from idp.partners.registry import Partners
from idp.sessions import Lifetimes, Sessions
from idp.settings import Settings
from idp.state import StateBackend, open_state
from idp.store import Store, open_store

MASTER_KEY = "master.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every room stands on."""

    clock: Clock
    store: Store
    state: StateBackend
    sealer: Sealer
    audit: AuditLog
    issuers: Issuers
    keys: KeyRing
    partners: Partners
    sessions: Sessions
    http: HttpClient
    outbox: Outbox
    service_name: str = "Countersign"


def open_ground(settings: Settings, watch: Callable[[Entry], None] | None = None) -> Ground:
    """Open database, state and keys; call it after a fork. watch is told what goes on record."""
    clock = SystemClock()
    return make_ground(
        clock=clock,
        store=open_store(settings.database, connections=settings.threads + 4),
        state=open_state(settings.state_url, data=settings.data, clock=clock),
        sealer=Sealer(open_master(settings)),
        audit=AuditLog(clock, to_stream(sys.stderr), watch),
        http=http_client(settings),
        service_name=settings.issuer_name,
    )


def make_ground(
    *,
    clock: Clock,
    store: Store,
    state: StateBackend,
    sealer: Sealer,
    audit: AuditLog,
    http: HttpClient | None = None,
    service_name: str = "Countersign",
    lifetimes: Lifetimes | None = None,
) -> Ground:
    """Put the ground floor together from what was opened."""
    return Ground(
        clock=clock,
        store=store,
        state=state,
        sealer=sealer,
        audit=audit,
        issuers=Issuers(store),
        keys=KeyRing(store, sealer, clock),
        partners=Partners(store),
        sessions=Sessions(lifetimes or Lifetimes()),
        http=http or HttpClient(Reach()),
        outbox=Outbox(store, sealer, clock),
        service_name=service_name,
    )


def open_master(settings: Settings, *, make: bool = False) -> Masters:
    """Return the master key from the settings or its file; make may make the file. Raises Refused."""
    if settings.master_key is not None:
        given = (settings.master_key, settings.master_key_other)
        return MasterKeys(tuple(MasterKey.from_text(key.get_secret_value()) for key in given if key))
    path = settings.data / MASTER_KEY
    if make:
        MasterKey.load_or_create(path)
    return MasterFile(path)
