"""Build the worker with every background job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from idp.app import authenticator, channels
from idp.app.desk import build_desk
from idp.app.ground import Ground, open_ground
from idp.app.saml import build_saml
from idp.channels import waking
from idp.core.model import Actor
from idp.desk.dropfolder import DropFolder
from idp.desk.sources import SourceDesk
from idp.jobs import CleanUp, Handler, Job, Retention, Schedule, Worker
from idp.oidc.backchannel import BackChannel
from idp.saml.backchannel import BackChannel as SoapBackChannel
from idp.settings import Settings
from idp.signin.farewell import kind_for
from idp.signin.limits import LimitsStore
from idp.web.metrics import Metrics

DROP_FOLDER = "metadata"
_WATCH = Actor(kind="system", id="metadata")


def build_worker(settings: Settings, *, beside_server: bool = False) -> Worker:
    """Return the worker with all jobs; call it after the fork.

    beside_server: a server of this machine shows what it counts.
    """
    counted = beside_server and settings.metrics_token is not None
    ground = open_ground(settings, Metrics(settings.counts).saw if counted else None)
    clean_up = CleanUp(
        ground.store,
        ground.clock,
        sweeps=[ground.state.sweep],
        retention=_retention(LimitsStore(ground.store)),
    )
    sources = _sources(ground)
    folder = DropFolder(folder=settings.data / DROP_FOLDER, watching=sources.watching)
    return Worker(
        Schedule(ground.store, ground.clock),
        ground.outbox,
        jobs=[
            Job(name="clean-up", every=timedelta(minutes=10), run=clean_up.run),
            Job(name="metadata", every=timedelta(minutes=1), run=lambda: sources.refresh_due(actor=_WATCH)),
            Job(name="drop-folder", every=timedelta(seconds=15), run=lambda: folder.look(actor=_WATCH)),
        ],
        handlers=_handlers(ground),
    )


def _retention(limits: LimitsStore) -> Callable[[], Retention]:
    def kept() -> Retention:
        now = limits.get()
        return Retention(
            record=timedelta(days=now.audit_days),
            personal=timedelta(days=min(now.personal_days, now.audit_days)),
        )

    return kept


def _sources(ground: Ground) -> SourceDesk:
    return build_desk(
        store=ground.store,
        clock=ground.clock,
        sealer=ground.sealer,
        audit=ground.audit,
        http=ground.http,
    ).sources


def _handlers(ground: Ground) -> Mapping[str, Handler]:
    """Return who sends the messages of each kind."""
    back_channel = BackChannel(
        partners=ground.partners,
        issuers=ground.issuers,
        ring=ground.keys,
        clock=ground.clock,
        audit=ground.audit,
        http=ground.http,
    )
    by_soap = SoapBackChannel(
        partners=ground.partners, logout=build_saml(ground).logout, audit=ground.audit, http=ground.http
    )
    return {
        kind_for("oidc"): back_channel,
        kind_for("saml"): by_soap,
        waking.KIND: authenticator.waking(ground),
        **channels.handlers(ground),
    }
