"""idp key: list and rotate the signing keys, change the master key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import sleep

import click

from idp.app.ground import MASTER_KEY, open_master
from idp.cli.opening import Office, office
from idp.cli.output import as_json, moment, say, table, warn
from idp.core.codec import plain
from idp.core.errors import Refused
from idp.keys import LOOK_EVERY, MasterChange, PublicKey, Resealed, Sealer
from idp.keys.master_file import former_of


@click.group()
def command() -> None:
    """List and rotate the signing keys, change the master key."""


@command.command(name="list")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def list_(*, json_: bool) -> None:
    """List the keys that applications are told of."""
    with office() as desk:
        _print(desk.keys.listing(actor=desk.actor), json_=json_)


@command.command()
@click.option("--force", is_flag=True, help="Do so even if applications may not know the next keys yet.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def rotate(*, force: bool, json_: bool) -> None:
    """Let the next keys sign from now on, and publish new next ones.

    The former keys stay published for 90 days, so that what they signed can be checked. Within six
    hours of the last time it is refused: applications keep what they read of our keys so long.
    """
    with office() as desk:
        _print(desk.keys.rotate(actor=desk.actor, force=force), json_=json_)


@command.command(name="rotate-master")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def rotate_master(*, json_: bool) -> None:
    """Seal every secret in the database with a new master key, while the service runs.

    May be stopped and run again at any time: both keys are accepted until it is done. With
    IDP_MASTER_KEY the new key is that one, and IDP_MASTER_KEY_OTHER the one before.
    """
    with office() as desk:
        given = desk.settings.master_key is not None
        resealed = _by_settings(desk) if given else _by_file(desk)
    if json_:
        as_json(plain(resealed))
        return
    say(f"Everything is sealed with the new master key; {resealed.renewed} secrets were not before.")
    if resealed.unreadable:
        warn(f"{resealed.unreadable} secrets could be opened by neither key and stay as they are.")
    if not given:
        former = former_of(desk.settings.data / MASTER_KEY)
        warn(f"{former} opens backups made until now: move it to where those are. While it is there, no")
        warn("newer key is made.")


def _by_settings(desk: Office) -> Resealed:
    if desk.settings.master_key_other is None:
        raise Refused(
            "The master key comes from IDP_MASTER_KEY. Restart every node with the new key as "
            "IDP_MASTER_KEY_OTHER, then with the two exchanged, and then run this again."
        )
    return desk.keys.reseal(Sealer(open_master(desk.settings)), actor=desk.actor)


def _by_file(desk: Office) -> Resealed:
    change = MasterChange(desk.settings.data / MASTER_KEY)
    with change.alone():
        return _changed(desk, change)


def _changed(desk: Office, change: MasterChange) -> Resealed:
    done, sealer = change.done, Sealer(change.keys())
    first = desk.keys.reseal(sealer, actor=desk.actor)
    if done:
        return first
    change.swap()
    # Until now running processes sealed with the key before; from their next look on they don't.
    sleep(LOOK_EVERY + 1)
    second = desk.keys.reseal(sealer, actor=desk.actor)
    return replace(second, renewed=first.renewed + second.renewed)


def _print(keys: Sequence[PublicKey], *, json_: bool) -> None:
    if json_:
        as_json([_shown(key) for key in keys])
        return
    rows = [(key.kid, key.alg, key.state, moment(key.created_at), moment(key.retired_at)) for key in keys]
    table(("ID", "ALGORITHM", "STATE", "MADE", "RETIRED"), rows)


def _shown(key: PublicKey) -> dict[str, object]:
    return {
        "kid": key.kid,
        "alg": key.alg,
        "state": key.state.value,
        "certificate": key.certificate,
        "created_at": key.created_at.isoformat(),
        "retired_at": key.retired_at.isoformat() if key.retired_at else None,
    }
