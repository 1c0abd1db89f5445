"""Build the way from a request to an answer, with every factor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from idp.app.factors import build_factors
from idp.app.ground import Ground
from idp.app.notices import build_notices
from idp.channels.notices import Notices
from idp.core.model import Partner
from idp.core.ports import Door
from idp.directory.hashing import Cost, PasswordHasher
from idp.directory.local import LocalSource
from idp.directory.people import People
from idp.factors.alarm import Alarm, AlarmSettingsStore
from idp.factors.tools import Tools
from idp.methods import Methods
from idp.policy.rules import Rules
from idp.sessions import Consents, Devices, Grants, Subjects
from idp.signin.ask_signout import SignOutQuestions
from idp.signin.attempts import Attempts
from idp.signin.farewell import Farewell
from idp.signin.flow import Flow
from idp.signin.issue import Issuing
from idp.signin.judge import Judge
from idp.signin.launcher import Launcher, Start
from idp.signin.limits import Limits, LimitsStore
from idp.signin.lockout import Lockout
from idp.signin.logout import SignOut
from idp.signin.pages import SignInPages
from idp.signin.record import SignIns
from idp.signin.renewal import Renewal
from idp.web.i18n import language_for, translate_for
from idp.web.pacing import Pace

# A second, of all pages that wait in one process: a tenth of what it can do (bench/README.md).
_LOOKS = 67
# Seconds that a page rests at most, so that 1,000 ask no more often; waiting.js goes by no more.
_RESTS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hallway:
    """The rooms along a sign-in, whichever doors lead to it."""

    people: People
    local: LocalSource
    methods: Methods
    devices: Devices
    farewell: Farewell
    notices: Notices
    grants: Grants
    flow: Flow
    signout: SignOut
    pages: SignInPages
    tools: Tools


def build_hallway(
    ground: Ground,
    doors: Mapping[str, Door],
    *,
    starts: Mapping[str, Start] | None = None,
    cost: Cost | None = None,
    limits: Limits | None = None,
) -> Hallway:
    """Build the way from a request to an answer. cost is that of a password hash.

    starts tells by door where people open an application from here.
    """
    clock, store, lifetimes = ground.clock, ground.store, ground.sessions.lifetimes
    in_force = LimitsStore(store).get if limits is None else lambda: limits
    local = LocalSource(store, PasswordHasher(cost), clock)
    people, methods = People(store, clock, [local]), Methods(store, ground.sealer, clock)
    grants, devices = Grants(store, clock, ground.audit), Devices(lifetimes.device)
    notices = _notices(ground)
    tools = _tools(ground, people, methods, notices)
    judge = _judge(ground, tools, devices)
    farewell = Farewell(
        partners=ground.partners, sessions=ground.sessions, grants=grants, outbox=ground.outbox
    )
    flow = Flow(
        judge=judge,
        issuing=_issuing(ground, doors, grants, devices, farewell, notices, in_force),
        records=SignIns(ground.state, clock, lifetimes.sign_in, in_force),
        attempts=_attempts(ground, people, devices, notices, in_force),
        renewal=Renewal(judge=judge, sessions=ground.sessions),
    )
    signout = _signout(ground, doors, farewell)
    pages = SignInPages(
        flow=flow,
        signout=signout,
        questions=SignOutQuestions(state=ground.state),
        launcher=Launcher(judge=judge, sessions=ground.sessions, starts=starts or {}),
        partners=ground.partners,
        issuers=ground.issuers,
        clock=clock,
        lifetimes=lifetimes,
        pace=Pace(_LOOKS, latest=_RESTS),
    )
    return Hallway(
        people=people,
        local=local,
        methods=methods,
        devices=devices,
        farewell=farewell,
        notices=notices,
        grants=grants,
        flow=flow,
        signout=signout,
        pages=pages,
        tools=tools,
    )


def _judge(ground: Ground, tools: Tools, devices: Devices) -> Judge:
    return Judge(
        store=ground.store,
        clock=ground.clock,
        people=tools.people,
        methods=tools.methods,
        partners=ground.partners,
        rules=Rules(ground.store),
        factors=build_factors(tools),
        consents=Consents(),
        devices=devices,
    )


def _notices(ground: Ground) -> Notices:
    return build_notices(
        store=ground.store,
        clock=ground.clock,
        issuers=ground.issuers,
        outbox=ground.outbox,
        service_name=ground.service_name,
        translate=translate_for,
    )


def _attempts(
    ground: Ground, people: People, devices: Devices, notices: Notices, limits: Callable[[], Limits]
) -> Attempts:
    return Attempts(
        store=ground.store,
        clock=ground.clock,
        people=people,
        lockout=Lockout(ground.store, ground.clock, limits),
        devices=devices,
        notices=notices,
        audit=ground.audit,
    )


def _issuing(
    ground: Ground,
    doors: Mapping[str, Door],
    grants: Grants,
    devices: Devices,
    farewell: Farewell,
    notices: Notices,
    limits: Callable[[], Limits],
) -> Issuing:
    return Issuing(
        store=ground.store,
        clock=ground.clock,
        doors=doors,
        sessions=ground.sessions,
        grants=grants,
        consents=Consents(),
        subjects=Subjects(ground.store),
        devices=devices,
        farewell=farewell,
        notices=notices,
        audit=ground.audit,
        lifetimes=ground.sessions.lifetimes,
        limits=limits,
    )


def _signout(ground: Ground, doors: Mapping[str, Door], farewell: Farewell) -> SignOut:
    return SignOut(
        store=ground.store,
        state=ground.state,
        clock=ground.clock,
        doors=doors,
        partners=ground.partners,
        sessions=ground.sessions,
        farewell=farewell,
        audit=ground.audit,
    )


def _tools(ground: Ground, people: People, methods: Methods, notices: Notices) -> Tools:
    return Tools(
        store=ground.store,
        clock=ground.clock,
        sealer=ground.sealer,
        people=people,
        methods=methods,
        issuers=ground.issuers,
        outbox=ground.outbox,
        audit=ground.audit,
        alarm=Alarm(
            people=people,
            notices=notices,
            settings=AlarmSettingsStore(ground.store).get,
            clock=ground.clock,
            audit=ground.audit,
        ),
        application=lambda partner: _name(ground.partners.get(partner)),
        service_name=ground.service_name,
        translate=translate_for,
        language=language_for,
    )


def _name(partner: Partner | None) -> str:
    return partner.name if partner else ""
