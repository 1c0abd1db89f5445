"""idp consent: list and take back what people agreed to at applications."""

from __future__ import annotations

import click

from idp.cli.opening import office
from idp.cli.output import as_json, moment, say, table
from idp.core.codec import plain


@click.group()
def command() -> None:
    """List and take back what people agreed to at applications."""


@command.command(name="list")
@click.argument("name")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def list_(*, name: str, json_: bool) -> None:
    """List what NAME lets applications have."""
    with office() as desk:
        agreed = desk.consents.listing(name, actor=desk.actor)
    if json_:
        as_json(plain(agreed))
        return
    rows = [(one.identifier, one.name, " ".join(one.scopes), moment(one.since)) for one in agreed]
    table(("IDENTIFIER", "NAME", "SCOPES", "SINCE"), rows)


@command.command()
@click.argument("name")
@click.argument("which", metavar="ID")
def withdraw(*, name: str, which: str) -> None:
    """Take back what NAME agreed to at an application (its id or client id)."""
    with office() as desk:
        person = desk.consents.withdraw(name, which, actor=desk.actor)
    say(f"{person.name} is asked again there.")
