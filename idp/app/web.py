"""Build the web application."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from flask import Flask

from idp.app import authenticator as authenticator_room
from idp.app import channels as channels_room
from idp.app import console, portal, tracing
from idp.app import oidc as oidc_room
from idp.app import saml as saml_room
from idp.app.factors import documents_of
from idp.app.ground import Ground, open_ground
from idp.app.hallway import build_hallway
from idp.authenticator import pages as authenticator_pages
from idp.channels import pages as channel_pages
from idp.core.ports import Door
from idp.directory.hashing import Cost
from idp.factors.call import pages as call_pages
from idp.oidc import pages as oidc_pages
from idp.saml import pages as saml_pages
from idp.settings import Settings
from idp.signin.bans import Bans
from idp.signin.limits import Limits
from idp.store import revision
from idp.web import banned, health, logs
from idp.web.metrics import Metrics, MetricsPages
from idp.web.settings import WebSettings
from idp.web.setup import make_flask
from idp.web.wellknown import WellKnownPages


def build_app(
    ground: Ground, web: WebSettings, *, cost: Cost | None = None, limits: Limits | None = None
) -> Flask:
    """Build the web application on an open ground floor."""
    saml = saml_room.build_saml(ground)
    # A new protocol is its room and its lines here.
    # At sign-out partners are told in this order: first those that don't take the browser away.
    doors: Mapping[str, Door] = {
        door.name: door for door in (console.door(ground), oidc_room.door(ground), saml.door)
    }
    hallway = build_hallway(ground, doors, starts=saml_room.STARTS, cost=cost, limits=limits)
    app = make_flask(
        web,
        open_endpoints=(
            *saml_pages.OPEN_ENDPOINTS,
            *oidc_pages.OPEN_ENDPOINTS,
            *channel_pages.OPEN_ENDPOINTS,
            *call_pages.OPEN_ENDPOINTS,
        ),
        json_endpoints=(
            *oidc_pages.JSON_ENDPOINTS,
            *authenticator_pages.JSON_ENDPOINTS,
            *health.JSON_ENDPOINTS,
        ),
    )
    banned.install(app, Bans(ground.store, ground.clock).covers, open_endpoints=health.JSON_ENDPOINTS)
    for pages in (
        hallway.pages,
        saml_room.pages(ground, saml, hallway),
        oidc_room.pages(ground, hallway),
        channels_room.pages(ground),
        call_pages.CallPages.of(hallway.tools),
        console.pages(ground, hallway),
        portal.pages(ground, hallway),
        portal.reset(ground, hallway),
        authenticator_room.pages(ground, hallway),
        health.HealthPages(checks=_checks(ground)),
        WellKnownPages(documents=documents_of(hallway.flow.judge.factors)),
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
    metrics = Metrics(settings.counts) if settings.metrics_token else None
    ground = open_ground(settings, metrics.saw if metrics else None)
    web = WebSettings.of(base_url=settings.base_url, trusted_proxies=settings.trusted_proxies)
    app = build_app(ground, web)
    if metrics is not None and settings.metrics_token is not None:
        metrics.install(app)
        token = settings.metrics_token.get_secret_value()
        pages = MetricsPages(metrics=metrics, token=token, queues=ground.outbox.queues)
        app.register_blueprint(pages.blueprint())
    if settings.tracing:
        tracing.install(app)
    return app
