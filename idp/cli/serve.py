"""idp serve: run the identity provider."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from threading import Event

import click

from idp.cli.background import Background
from idp.cli.opening import make_data_folder, opened, set_up
from idp.cli.output import say
from idp.cli.server import Server
from idp.core.model import Role
from idp.directory.people import has_role
from idp.settings import Settings, checked_bind, load_settings


def _bind(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    try:
        return checked_bind(value) if value is not None else None
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error


@click.command()
@click.option("--bind", metavar="HOST:PORT", callback=_bind, help="Where to listen; else IDP_BIND.")
@click.option("--no-worker", is_flag=True, help="Leave the background jobs to `idp worker`.")
def command(*, bind: str | None, no_worker: bool) -> None:
    """Run the identity provider until it is told to stop (Ctrl-C, SIGTERM).

    Makes what is missing at the first start: data folder, database, master key, signing keys.
    """
    settings = load_settings()
    if bind is not None:
        settings = settings.model_copy(update={"bind": bind})
    make_data_folder(settings)
    owned = _prepare(settings)
    if settings.metrics_token is not None:
        _share_counts(settings.counts)
    # Here, since it loads every protocol: wrong settings are said before, and --help is quick.
    # Still before the server forks, so that its processes share the code.
    from idp.app import tracing
    from idp.app.web import create_app
    from idp.app.work import build_worker

    if settings.tracing:
        tracing.check()

    def work(stop: Event) -> None:
        build_worker(settings, beside_server=True).run(stop)

    Server(
        settings,
        make=create_app,
        background=None if no_worker else Background(work),
        ready=lambda: _announce(settings, owned=owned),
    ).run()


def _share_counts(folder: Path) -> None:
    """Have all processes keep their counts in one folder, empty at the start as Prometheus wants it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    # Where prometheus_client looks, when it is imported.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _prepare(settings: Settings) -> bool:
    """Set the database up and let go of it; return whether somebody owns the installation."""
    # Nothing of it may be open when the server forks.
    with opened(settings.database) as store:
        set_up(store, settings)
        with store.read() as connection:
            return has_role(connection, Role.OWNER)


def _announce(settings: Settings, *, owned: bool) -> None:
    say(f"Countersign is at {settings.base_url} (listening on {settings.listen}).")
    if not owned:
        say("Nobody owns this installation yet. Run: idp person add NAME --owner")
