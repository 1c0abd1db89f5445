"""idp network: ban networks, and let them in again."""

from __future__ import annotations

import click

from idp.cli.moments import moment_meant
from idp.cli.opening import office
from idp.cli.output import as_json, moment, say, table
from idp.core.codec import plain


@click.group()
def command() -> None:
    """Turn away everybody in a network, before anything is done for them."""


@command.command()
@click.argument("network", metavar="CIDR")
@click.option("--until", metavar="T", help="When the ban ends: 2026-03-01T12:00 (UTC), or 30m, 2h, 7d ahead.")
@click.option("--reason", metavar="T", default="", help="Why, for whoever reads the list.")
def ban(*, network: str, until: str | None, reason: str) -> None:
    """Ban the address or network CIDR. Servers follow within two seconds."""
    end = moment_meant("--until", until, ahead=True) if until else None
    with office() as desk:
        made = desk.limits.ban(network, reason=reason, until=end, actor=desk.actor)
    say(f"Banned {made.network}" + (f" until {moment(made.until)}." if made.until else "."))


@command.command()
@click.argument("network", metavar="CIDR")
def unban(*, network: str) -> None:
    """Let the network CIDR in again."""
    with office() as desk:
        desk.limits.unban(network, actor=desk.actor)
    say("Not banned any more.")


@command.command(name="list")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def list_(*, json_: bool) -> None:
    """List the banned networks."""
    with office() as desk:
        bans = desk.limits.banned(actor=desk.actor)
    if json_:
        as_json(plain(bans))
        return
    rows = [(ban.network, moment(ban.created_at), moment(ban.until), ban.reason) for ban in bans]
    table(("NETWORK", "SINCE", "UNTIL", "REASON"), rows)
