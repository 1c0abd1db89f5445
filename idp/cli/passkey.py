"""idp passkey: show and set how passkeys are made and taken."""

from __future__ import annotations

from urllib.parse import urlsplit

import click

from idp.cli.opening import office
from idp.cli.output import as_json, fields
from idp.core.codec import plain
from idp.factors.passkey import PasskeySettings


@click.group()
def command() -> None:
    """Show and set how passkeys and security keys are made and taken."""


@command.command()
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def show(*, json_: bool) -> None:
    """Show the settings in force."""
    with office() as desk:
        _show(desk.passkeys.show(actor=desk.actor), json_=json_)


@command.command(name="set")
@click.option("--domain", metavar="NAME", help="Passkeys are made for this domain, and taken of no other.")
@click.option("--own-domain", is_flag=True, help="They are made for the host of the service's address.")
@click.option("--origin", "origins", metavar="ADDRESS", multiple=True, help="Pages there may use them too.")
@click.option("--no-origins", is_flag=True, help="Only the service's own pages may use them.")
@click.option(
    "--copies", type=click.Choice(("refuse", "record")), help="What becomes of one that behaves like a copy."
)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def set_(
    *,
    domain: str | None,
    own_domain: bool,
    origins: tuple[str, ...],
    no_origins: bool,
    copies: str | None,
    json_: bool,
) -> None:
    """Change settings; what is not given stays.

    Set --domain before people have passkeys: those that were made for another are no longer asked
    for. --origin may be given several times. Servers follow within two seconds.
    """
    if (domain and own_domain) or (origins and no_origins):
        raise click.UsageError("Give --domain or --own-domain, and --origin or --no-origins, not both.")
    with office() as desk:
        after = desk.passkeys.set(
            name="" if own_domain else domain,
            origins=origins if origins or no_origins else None,
            refuse_copies=None if copies is None else copies == "refuse",
            actor=desk.actor,
        )
        host = urlsplit(desk.settings.base_url).hostname or ""
    _show(after, json_=json_)
    if after.name and not f".{host}".endswith(f".{after.name}"):
        click.echo(
            f"Mind: {host} is no part of {after.name}. Browsers use these passkeys here only if "
            f"https://{after.name}/.well-known/webauthn lists this service.",
            err=True,
        )


def _show(shown: PasskeySettings, *, json_: bool) -> None:
    if json_:
        as_json(plain(shown))
        return
    fields(
        {
            "Domain": shown.name or "the host of the service's address",
            "Further origins": shown.origins or "none",
            "Copies are": "refused" if shown.refuse_copies else "recorded",
        }
    )
