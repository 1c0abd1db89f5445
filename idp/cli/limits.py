"""idp limits: show and set how much is too much."""

from __future__ import annotations

import click

from idp.cli.opening import office
from idp.cli.output import as_json, table
from idp.signin.limits import SETTABLE, Limits


@click.group()
def command() -> None:
    """Show and set how much is too much: wrong tries, sign-ins begun, answers, days kept."""


@command.command()
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def show(*, json_: bool) -> None:
    """Show the limits in force."""
    with office() as desk:
        _print(desk.limits.show(actor=desk.actor), json_=json_)


@command.command(name="set")
@click.argument("limit", metavar="NAME", type=click.Choice(list(SETTABLE)))
@click.argument("number", type=int)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def set_(*, limit: str, number: int, json_: bool) -> None:
    """Set the limit NAME to NUMBER. Servers follow within two seconds."""
    with office() as desk:
        _print(desk.limits.set(limit, number, actor=desk.actor), json_=json_)


def _print(limits: Limits, *, json_: bool) -> None:
    shown: dict[str, int] = {name: getattr(limits, name) for name in SETTABLE}
    if json_:
        as_json(shown)
        return
    table(("NAME", "NUMBER", "OF"), [(name, number, SETTABLE[name][2]) for name, number in shown.items()])
