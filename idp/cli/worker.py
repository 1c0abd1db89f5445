"""idp worker: run the background jobs without the server, for farms."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import click

from idp.cli.opening import make_data_folder, open_database, opened
from idp.cli.output import say
from idp.settings import load_settings


@click.command()
def command() -> None:
    """Run the background jobs until told to stop (Ctrl-C, SIGTERM).

    `idp serve` does so too, unless it is told --no-worker; any number may run at once, on any
    number of machines.
    """
    settings = load_settings()
    make_data_folder(settings)
    with opened(settings.database) as store:
        open_database(store, settings)
    # Here, since it loads half of the service: wrong settings are said before, and --help is quick.
    from idp.app.work import build_worker

    stop = threading.Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, told)
    signal.signal(signal.SIGTERM, told)
    worker = build_worker(settings)
    say("The worker runs.")
    worker.run(stop)
