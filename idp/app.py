"""Wire the rooms together: the only file that knows them all."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask

from idp.audit import AuditLog, to_stream
from idp.core.clock import SystemClock
from idp.core.ports import Clock, Door, State
from idp.directory.hashing import Cost, PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import People
from idp.factors.password import Password
from idp.factors.totp import Totp
from idp.keys import Issuers, KeyRing, MasterKey, Sealer
from idp.methods import Methods
from idp.oidc import logout as oidc_logout
from idp.oidc import pages as oidc_pages
from idp.oidc.authorize import Authorize
from idp.oidc.discovery import Discovery
from idp.oidc.door import OidcDoor
from idp.oidc.idtokens import IdTokens
from idp.oidc.token_endpoint import TokenEndpoint
from idp.oidc.userinfo import UserInfo
from idp.partners.registry import Partners
from idp.policy.rules import Rules
from idp.saml import logout as saml_logout
from idp.saml import pages as saml_pages
from idp.saml.door import SamlDoor
from idp.saml.gate import Gate
from idp.saml.inbound import Inbound
from idp.saml.metadata import Metadata
from idp.sessions import Devices, Grants, Lifetimes, Sessions, Subjects
from idp.settings import Settings
from idp.signin.ask_signout import SignOutQuestions
from idp.signin.attempts import Attempts
from idp.signin.flow import Flow
from idp.signin.issue import Issuing
from idp.signin.judge import Factors, Judge
from idp.signin.lockout import Limits, Lockout
from idp.signin.logout import SignOut
from idp.signin.pages import SignInPages
from idp.signin.record import SignIns
from idp.signin.renewal import Renewal
from idp.state import open_state
from idp.store import Store, open_store, revision
from idp.web import health, logs
from idp.web.settings import WebSettings
from idp.web.setup import make_flask


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every room stands on."""

    clock: Clock
    store: Store
    state: State
    sealer: Sealer
    audit: AuditLog
    issuers: Issuers
    keys: KeyRing
    partners: Partners
    sessions: Sessions
    service_name: str = "Countersign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hallway:
    """The rooms along a sign-in, whichever doors lead to it."""

    people: People
    methods: Methods
    grants: Grants
    flow: Flow
    signout: SignOut
    pages: SignInPages


def open_ground(settings: Settings) -> Ground:
    """Open database, state and keys; call it after a fork."""
    clock = SystemClock()
    return make_ground(
        clock=clock,
        store=open_store(settings.database),
        state=open_state(settings.state_url, data=settings.data, clock=clock),
        sealer=Sealer(_master(settings)),
        audit=AuditLog(clock, to_stream(sys.stderr)),
        service_name=settings.issuer_name,
    )


def make_ground(
    *,
    clock: Clock,
    store: Store,
    state: State,
    sealer: Sealer,
    audit: AuditLog,
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
        service_name=service_name,
    )


def _master(settings: Settings) -> MasterKey:
    if settings.master_key is not None:
        return MasterKey.from_text(settings.master_key.get_secret_value())
    return MasterKey.load(settings.data / "master.key")


def build_hallway(
    ground: Ground, doors: Mapping[str, Door], *, cost: Cost | None = None, limits: Limits | None = None
) -> Hallway:
    """Build the way from a request to an answer. cost is that of a password hash."""
    clock, store, lifetimes = ground.clock, ground.store, ground.sessions.lifetimes
    local = LocalSource(store, PasswordHasher(cost), clock)
    people, methods = People(store, clock, [local]), Methods(store, ground.sealer, clock)
    grants, devices = Grants(store, clock, ground.audit), Devices(lifetimes.device)
    judge = Judge(
        store=store,
        clock=clock,
        people=people,
        methods=methods,
        partners=ground.partners,
        rules=Rules(store),
        factors=_factors(ground, people, methods),
    )
    flow = Flow(
        judge=judge,
        issuing=_issuing(ground, doors, grants, devices),
        records=SignIns(ground.state, clock, lifetimes.sign_in),
        attempts=Attempts(
            store=store,
            clock=clock,
            people=people,
            lockout=Lockout(store, clock, limits or Limits()),
            devices=devices,
            audit=ground.audit,
        ),
        renewal=Renewal(judge=judge, sessions=ground.sessions),
    )
    signout = _signout(ground, doors, grants)
    pages = SignInPages(
        flow=flow,
        signout=signout,
        questions=SignOutQuestions(state=ground.state),
        partners=ground.partners,
        clock=clock,
        lifetimes=lifetimes,
    )
    return Hallway(people=people, methods=methods, grants=grants, flow=flow, signout=signout, pages=pages)


def _issuing(ground: Ground, doors: Mapping[str, Door], grants: Grants, devices: Devices) -> Issuing:
    return Issuing(
        store=ground.store,
        clock=ground.clock,
        doors=doors,
        sessions=ground.sessions,
        grants=grants,
        subjects=Subjects(ground.store),
        devices=devices,
        audit=ground.audit,
        lifetimes=ground.sessions.lifetimes,
    )


def _signout(ground: Ground, doors: Mapping[str, Door], grants: Grants) -> SignOut:
    return SignOut(
        store=ground.store,
        state=ground.state,
        clock=ground.clock,
        doors=doors,
        partners=ground.partners,
        sessions=ground.sessions,
        grants=grants,
        audit=ground.audit,
    )


def _factors(ground: Ground, people: People, methods: Methods) -> Factors:
    # A new factor is its file in factors/, its template, and one line here.
    password = Password(store=ground.store, people=people, clock=ground.clock)
    totp = Totp(
        store=ground.store,
        methods=methods,
        sealer=ground.sealer,
        clock=ground.clock,
        issuer_name=ground.service_name,
    )
    return Factors(
        provers={factor.name: factor for factor in (password, totp)},
        enrollers={factor.name: factor for factor in (totp,)},
    )


# The doors ------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class _Saml:
    gate: Gate
    logout: saml_logout.Logout
    door: SamlDoor


def _saml(ground: Ground) -> _Saml:
    gate = Gate(partners=ground.partners, issuers=ground.issuers, state=ground.state, clock=ground.clock)
    logout = saml_logout.Logout(gate=gate, keys=ground.keys, store=ground.store, sessions=ground.sessions)
    door = SamlDoor(
        partners=ground.partners,
        issuers=ground.issuers,
        keys=ground.keys,
        logout=logout,
        clock=ground.clock,
    )
    return _Saml(gate=gate, logout=logout, door=door)


def _saml_pages(ground: Ground, saml: _Saml, hallway: Hallway) -> saml_pages.SamlPages:
    return saml_pages.SamlPages(
        signin=hallway.pages,
        inbound=Inbound(gate=saml.gate),
        door=saml.door,
        logout=saml.logout,
        metadata=Metadata(issuers=ground.issuers, keys=ground.keys),
        store=ground.store,
        audit=ground.audit,
    )


def _oidc_pages(ground: Ground, hallway: Hallway) -> oidc_pages.OidcPages:
    partners, issuers = ground.partners, ground.issuers
    id_tokens = IdTokens(partners=partners, issuers=issuers, ring=ground.keys)
    return oidc_pages.OidcPages(
        signin=hallway.pages,
        authorize=Authorize(partners=partners, issuers=issuers, id_tokens=id_tokens),
        token=TokenEndpoint(
            partners=partners,
            issuers=issuers,
            grants=hallway.grants,
            flow=hallway.flow,
            id_tokens=id_tokens,
            clock=ground.clock,
        ),
        userinfo=UserInfo(grants=hallway.grants, flow=hallway.flow),
        discovery=Discovery(issuers=issuers, ring=ground.keys),
        logout=oidc_logout.Logout(
            partners=partners,
            id_tokens=id_tokens,
            sessions=ground.sessions,
            store=ground.store,
            clock=ground.clock,
        ),
    )


def build_app(
    ground: Ground, web: WebSettings, *, cost: Cost | None = None, limits: Limits | None = None
) -> Flask:
    """Build the web application on an open ground floor."""
    saml = _saml(ground)
    # A new protocol is its room and its lines here.
    doors: Mapping[str, Door] = {
        door.name: door for door in (saml.door, OidcDoor(partners=ground.partners, issuers=ground.issuers))
    }
    hallway = build_hallway(ground, doors, cost=cost, limits=limits)
    app = make_flask(
        web,
        open_endpoints=(*saml_pages.OPEN_ENDPOINTS, *oidc_pages.OPEN_ENDPOINTS),
        json_endpoints=(*oidc_pages.JSON_ENDPOINTS, *health.JSON_ENDPOINTS),
    )
    for pages in (
        hallway.pages,
        _saml_pages(ground, saml, hallway),
        _oidc_pages(ground, hallway),
        health.HealthPages(checks=_checks(ground)),
    ):
        app.register_blueprint(pages.blueprint())
    return app


def _checks(ground: Ground) -> Mapping[str, health.Check]:
    def database() -> None:
        with ground.store.read() as connection:
            revision(connection)

    def state() -> None:
        ground.state.incr("readyz", timedelta(minutes=1))

    def keys() -> None:
        ground.keys.signer(ground.issuers.default().key_set, "RS256")

    return {"database": database, "state": state, "keys": keys}


def create_app(settings: Settings) -> Flask:
    """Open everything that the settings name and build the application; call it after a fork."""
    logs.configure(settings.log_format)
    web = WebSettings.of(base_url=settings.base_url, trusted_proxies=settings.trusted_proxies)
    return build_app(open_ground(settings), web)
