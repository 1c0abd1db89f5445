"""The desk's nouns on an empty database, an owner, and somebody without rights."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from idp.audit import AuditLog
from idp.core.model import Actor
from idp.desk.keys import KeyDesk
from idp.desk.methods import MethodDesk
from idp.desk.partners import PartnerDesk
from idp.desk.people import PeopleDesk
from idp.desk.policies import PolicyDesk
from idp.desk.records import RecordDesk
from idp.directory.hashing import Cost, PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import People
from idp.keys import Issuers, KeyRing, MasterKey, Sealer
from idp.methods import Methods
from idp.partners.registry import Partners
from idp.policy.rules import Rules
from idp.sessions import Lifetimes, Sessions
from idp.signin.lockout import Limits, Lockout

OWNER = Actor(kind="person", id="i-owner", roles=("owner",))
NOBODY = Actor(kind="person", id="i-nobody")


@dataclass(frozen=True, kw_only=True)
class Desk:
    people: PeopleDesk
    methods: MethodDesk
    partners: PartnerDesk
    keys: KeyDesk
    policies: PolicyDesk
    records: RecordDesk
    log: list[str]


@pytest.fixture
def desk(store, clock) -> Desk:
    log: list[str] = []
    sealer, audit = Sealer(MasterKey(b"k" * 32)), AuditLog(clock, log.append)
    hasher = PasswordHasher(Cost(memory=8, passes=1))
    local = LocalSource(store, hasher, clock)
    people, methods = People(store, clock, [local]), Methods(store, sealer, clock)
    issuers, partners, ring = Issuers(store), Partners(store), KeyRing(store, sealer, clock)
    with store.write() as unit:
        issuers.ensure(unit, "https://login.example.org", clock.now())
    return Desk(
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
        keys=KeyDesk(store=store, clock=clock, issuers=issuers, ring=ring, audit=audit),
        policies=PolicyDesk(store=store, clock=clock, rules=Rules(store), audit=audit),
        records=RecordDesk(store=store, people=people, partners=partners, audit=audit),
        log=log,
    )
