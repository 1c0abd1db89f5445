"""Build the desk: what the command line, the console and the jobs do to the configuration.

Light on purpose: a command must not load a protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from idp.app.factors import WORTHS
from idp.app.notices import as_it_is, build_notices
from idp.audit import AuditLog
from idp.channels import Mail, Texts
from idp.channels.carriers import Carriers
from idp.core.ports import Clock
from idp.desk.blocks import BlockDesk
from idp.desk.calls import CallDesk
from idp.desk.channels import ChannelDesk
from idp.desk.consents import ConsentDesk
from idp.desk.keys import KeyDesk
from idp.desk.limits import LimitDesk
from idp.desk.methods import MethodDesk
from idp.desk.partners import PartnerDesk
from idp.desk.passkeys import PasskeyDesk
from idp.desk.people import PeopleDesk
from idp.desk.personal import PersonalDesk
from idp.desk.policies import PolicyDesk
from idp.desk.prefill import PrefillDesk
from idp.desk.records import RecordDesk
from idp.desk.sessions import SessionDesk
from idp.desk.sources import SourceDesk
from idp.desk.texts import TextDesk
from idp.desk.watching import Watching
from idp.directory.hashing import Cost, PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import People
from idp.factors.alarm import AlarmSettingsStore
from idp.factors.call import CallSettingsStore
from idp.factors.passkey import PasskeySettingsStore
from idp.factors.sms import WordingStore
from idp.factors.tolls import TextLimitsStore
from idp.jobs import Outbox
from idp.keys import Issuers, KeyRing, Sealer
from idp.methods import Methods
from idp.net import HttpClient, Reach
from idp.partners.registry import Partners
from idp.policy.rules import Rules
from idp.sessions import Consents, Devices, Grants, Lifetimes, Sessions
from idp.signin.bans import Bans
from idp.signin.farewell import Farewell
from idp.signin.limits import LimitsStore
from idp.signin.lockout import Lockout
from idp.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The desk's nouns."""

    people: PeopleDesk
    personal: PersonalDesk
    sessions: SessionDesk
    consents: ConsentDesk
    methods: MethodDesk
    prefill: PrefillDesk
    partners: PartnerDesk
    policies: PolicyDesk
    channels: ChannelDesk
    keys: KeyDesk
    texts: TextDesk
    passkeys: PasskeyDesk
    calls: CallDesk
    blocks: BlockDesk
    limits: LimitDesk
    records: RecordDesk
    sources: SourceDesk


def build_desk(
    *,
    store: Store,
    clock: Clock,
    sealer: Sealer,
    audit: AuditLog,
    http: HttpClient | None = None,
    cost: Cost | None = None,
    translate: Callable[[str, str], str] = as_it_is,
) -> Desk:
    """Build the desk on an open database. cost is that of a password hash."""
    hasher = PasswordHasher(cost)
    local = LocalSource(store, hasher, clock)
    people, methods = People(store, clock, [local]), Methods(store, sealer, clock)
    issuers, partners, consents = Issuers(store), Partners(store), Consents()
    outbox, grants = Outbox(store, sealer, clock), Grants(store, clock, audit)
    farewell = Farewell(partners=partners, sessions=Sessions(Lifetimes()), grants=grants, outbox=outbox)
    http = http or HttpClient(Reach())
    partner_desk = _partners(store, clock, partners, issuers, http, audit)
    notices = build_notices(store=store, clock=clock, issuers=issuers, outbox=outbox, translate=translate)
    watching = Watching(store=store, clock=clock, partners=partner_desk, http=http, audit=audit)
    method_desk = MethodDesk(
        store=store,
        clock=clock,
        people=people,
        methods=methods,
        farewell=farewell,
        devices=Devices(Lifetimes().device),
        notices=notices,
        audit=audit,
    )
    return Desk(
        people=_people(store, clock, local, hasher, methods, farewell, audit),
        personal=_personal(store, clock, people, farewell, audit),
        sessions=_sessions(store, clock, people, partners, farewell, audit),
        consents=ConsentDesk(
            store=store, people=people, partners=partners, consents=consents, grants=grants, audit=audit
        ),
        methods=method_desk,
        prefill=PrefillDesk(clock=clock, methods=method_desk),
        partners=partner_desk,
        policies=PolicyDesk(store=store, clock=clock, rules=Rules(store), factors=tuple(WORTHS), audit=audit),
        channels=_channels(store, clock, sealer, people, outbox, audit),
        keys=KeyDesk(
            store=store, clock=clock, issuers=issuers, ring=KeyRing(store, sealer, clock), audit=audit
        ),
        texts=TextDesk(
            store=store, clock=clock, limits=TextLimitsStore(store), wording=WordingStore(store), audit=audit
        ),
        passkeys=PasskeyDesk(store=store, clock=clock, settings=PasskeySettingsStore(store), audit=audit),
        calls=CallDesk(store=store, clock=clock, settings=CallSettingsStore(store), audit=audit),
        blocks=_blocks(store, clock, people, farewell, audit),
        limits=_limits(store, clock, audit),
        records=RecordDesk(store=store, people=people, partners=partners, audit=audit),
        sources=SourceDesk(watching=watching),
    )


def _people(
    store: Store,
    clock: Clock,
    local: LocalSource,
    hasher: PasswordHasher,
    methods: Methods,
    farewell: Farewell,
    audit: AuditLog,
) -> PeopleDesk:
    return PeopleDesk(
        store=store,
        clock=clock,
        people=People(store, clock, [local]),
        local=local,
        hasher=hasher,
        methods=methods,
        farewell=farewell,
        lockout=Lockout(store, clock, LimitsStore(store).get),
        worths=WORTHS,
        rules=Rules(store),
        audit=audit,
    )


def _partners(
    store: Store, clock: Clock, partners: Partners, issuers: Issuers, http: HttpClient, audit: AuditLog
) -> PartnerDesk:
    return PartnerDesk(
        store=store,
        clock=clock,
        partners=partners,
        issuers=issuers,
        consents=Consents(),
        http=http,
        audit=audit,
    )


def _personal(
    store: Store, clock: Clock, people: People, farewell: Farewell, audit: AuditLog
) -> PersonalDesk:
    return PersonalDesk(
        store=store, clock=clock, people=people, farewell=farewell, worths=WORTHS, audit=audit
    )


def _sessions(
    store: Store, clock: Clock, people: People, partners: Partners, farewell: Farewell, audit: AuditLog
) -> SessionDesk:
    return SessionDesk(
        store=store,
        clock=clock,
        people=people,
        partners=partners,
        farewell=farewell,
        devices=Devices(Lifetimes().device),
        audit=audit,
    )


def _blocks(store: Store, clock: Clock, people: People, farewell: Farewell, audit: AuditLog) -> BlockDesk:
    settings = AlarmSettingsStore(store)
    return BlockDesk(
        store=store, clock=clock, people=people, settings=settings, farewell=farewell, audit=audit
    )


def _limits(store: Store, clock: Clock, audit: AuditLog) -> LimitDesk:
    bans = Bans(store, clock)
    return LimitDesk(store=store, clock=clock, limits=LimitsStore(store), bans=bans, audit=audit)


def _channels(
    store: Store, clock: Clock, sealer: Sealer, people: People, outbox: Outbox, audit: AuditLog
) -> ChannelDesk:
    return ChannelDesk(
        store=store,
        clock=clock,
        people=people,
        carriers=Carriers(store, sealer),
        texts=Texts(outbox, clock),
        mail=Mail(outbox, clock),
        audit=audit,
    )


def _texts(store: Store, clock: Clock, audit: AuditLog) -> TextDesk:
    limits, wording = TextLimitsStore(store), WordingStore(store)
    return TextDesk(store=store, clock=clock, limits=limits, wording=wording, audit=audit)
