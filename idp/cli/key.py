"""idp key: list and rotate the signing keys."""

from __future__ import annotations

from collections.abc import Sequence

import click

from idp.cli.opening import office
from idp.cli.output import as_json, moment, table
from idp.keys import PublicKey


@click.group()
def command() -> None:
    """List and rotate the signing keys."""


@command.command(name="list")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def list_(*, json_: bool) -> None:
    """List the keys that applications are told of."""
    with office() as desk:
        _print(desk.keys.listing(actor=desk.actor), json_=json_)


@command.command()
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def rotate(*, json_: bool) -> None:
    """Let the next keys sign from now on, and publish new next ones.

    The former keys stay published for 90 days, so that what they signed can be checked.
    """
    with office() as desk:
        _print(desk.keys.rotate(actor=desk.actor), json_=json_)


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
