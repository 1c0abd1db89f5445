"""idp db: bring the database up to date, copy it, restore it."""

from __future__ import annotations

from pathlib import Path

import click
import sqlalchemy as sa

from idp.app.ground import open_master
from idp.audit import AuditLog
from idp.cli.opening import acting, make_data_folder, nowhere, opened, set_up
from idp.cli.output import as_json, say, warn
from idp.core.clock import SystemClock
from idp.core.errors import Refused
from idp.desk.restoring import RestoringDesk
from idp.keys import Sealer, check_master
from idp.settings import Settings, load_settings
from idp.store import schema
from idp.store.backup import back_up, check_unused, draft_of, put_in_place
from idp.store.upgrade import check, is_new
from idp.store.upgrade import upgrade as upgrade_store

_FILE = click.Path(path_type=Path, dir_okay=False)
_json = click.option("--json", "json_", is_flag=True, help="Print JSON.")


@click.group()
def command() -> None:
    """Bring the database up to date, copy it, restore it."""


@command.command()
@_json
def upgrade(*, json_: bool) -> None:
    """Bring the database to this version's schema, as `idp serve` does when it starts.

    Makes a new one with all that belongs to it. Several nodes may do this at once: one does it.
    """
    settings = load_settings()
    make_data_folder(settings)
    with opened(settings.database) as store:
        set_up(store, settings)
        version = check(store)
    as_json({"schema": version}) if json_ else say(f"The database has schema {version}.")


@command.command()
@click.argument("file", type=_FILE)
@_json
def backup(*, file: Path, json_: bool) -> None:
    """Copy the database to FILE while it is used: whole, checked, readable by this account only.

    The copy is of no use without the master key; keep that elsewhere.
    """
    settings = load_settings()
    back_up(_sqlite_file(settings, _dumping(settings)), file)
    size = file.stat().st_size
    as_json({"file": str(file), "bytes": size}) if json_ else say(f"{file} has {size} bytes.")
    if settings.master_key is None:
        warn(f"{settings.data / 'master.key'} is not in it. Without that key the copy opens nothing.")


@command.command()
@click.argument("file", type=_FILE)
@click.option("--force", is_flag=True, help="Replace a database that has people in it.")
@_json
def restore(*, file: Path, force: bool, json_: bool) -> None:
    """Put the copy in FILE in the place of the database; nothing may use that meanwhile.

    Everybody has to sign in again: what was signed out since the copy was made would be signed in.
    The database that was there stays beside it, under another name.
    """
    settings = load_settings()
    make_data_folder(settings)
    target = _sqlite_file(settings, "Use pg_restore, and start the service again.")
    if not file.exists():
        raise Refused(f"{file} does not exist.")
    check_unused(target)
    if not force and _people(target):
        raise Refused(f"{target} has people in it, or is damaged. To replace it all the same: --force.")
    with draft_of(file, beside=target) as draft:
        _settle(draft, settings, file)
        aside = put_in_place(draft, target, at=SystemClock().now())
    if json_:
        as_json({"database": str(target), "replaced": str(aside or "")})
        return
    say(f"{target} is the copy from {file}. Everybody has to sign in again.")
    if aside:
        say(f"The one before is {aside}.")


def _settle(draft: Path, settings: Settings, file: Path) -> None:
    """See that a copy is ours and fits this version and key, and end what must not go on."""
    clock, sealer = SystemClock(), Sealer(open_master(settings))
    with opened(f"sqlite:///{draft}") as store:
        # An empty file is a whole database to SQLite.
        if is_new(store):
            raise Refused(f"{file} is no copy of a database of ours.")
        upgrade_store(store)
        with store.read() as connection:
            check_master(connection, sealer)
        desk = RestoringDesk(store=store, clock=clock, audit=AuditLog(clock, nowhere))
        desk.settle(sealer, actor=acting())
    check_unused(draft)  # which also leaves one file


def _people(target: Path) -> bool:
    """Say whether a database has people in it, as one that can't be read may have."""
    if not target.exists():
        return False
    try:
        with opened(f"sqlite:///{target}") as store, store.read() as connection:
            known = sa.inspect(connection).has_table(schema.people.name)
            return known and connection.execute(sa.select(schema.people.c.id).limit(1)).first() is not None
    except Refused:
        return True


def _sqlite_file(settings: Settings, otherwise: str) -> Path:
    url = sa.make_url(settings.database)
    if url.get_backend_name() != "sqlite" or not url.database:
        raise Refused(f"The database is on a PostgreSQL server. {otherwise}")
    return Path(url.database)


def _dumping(settings: Settings) -> str:
    """Return what to run for a copy; the password is left to the program's own ways of getting it."""
    url = sa.make_url(settings.database)
    if url.get_backend_name() == "sqlite":
        return ""
    plain = url._replace(drivername="postgresql", password=None).render_as_string()
    return f"Run: pg_dump --format=custom --file=FILE '{plain}'"
