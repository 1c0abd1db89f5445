"""idp alarm: show and set what happens when somebody else tries to sign in as a person."""

from __future__ import annotations

import click

from idp.cli.opening import office
from idp.cli.output import as_json, fields
from idp.core.codec import plain
from idp.factors.alarm import AlarmSettings


@click.group()
def command() -> None:
    """Show and set what happens when somebody else tries to sign in as a person.

    People say so on their phone, or are asked again and again. Such a flood always blocks the person.
    """


@command.command()
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def show(*, json_: bool) -> None:
    """Show the settings in force."""
    with office() as desk:
        _show(desk.blocks.show(actor=desk.actor), json_=json_)


@command.command(name="set")
@click.option("--block/--no-block", default=None, help="Whether a person's report blocks them at once.")
@click.option("--tell", metavar="ADDRESS", multiple=True, help="Who is told by mail; may be given ten times.")
@click.option("--tell-nobody", is_flag=True, help="Only the person is told.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def set_(*, block: bool | None, tell: tuple[str, ...], tell_nobody: bool, json_: bool) -> None:
    """Change settings; what is not given stays. Servers follow within two seconds."""
    if tell and tell_nobody:
        raise click.UsageError("Give --tell or --tell-nobody, not both.")
    with office() as desk:
        after = desk.blocks.set(block=block, tell=tell if tell or tell_nobody else None, actor=desk.actor)
    _show(after, json_=json_)


def _show(shown: AlarmSettings, *, json_: bool) -> None:
    if json_:
        as_json(plain(shown))
        return
    fields({"A report blocks": shown.block, "Told by mail": shown.tell or "only the person"})
