"""idp method: hand out, list and remove people's sign-in methods."""

from __future__ import annotations

import click

from idp.cli.opening import office
from idp.cli.output import as_json, fields, moment, say, table
from idp.core.codec import plain
from idp.factors.totp import Shape, base32, new_seed, otpauth_uri, read_seed

_USAGE = {"totp": "totp [--secret BASE32]", "sms": "sms NUMBER"}


@click.group()
def command() -> None:
    """Hand out, list and remove people's sign-in methods."""


@command.command()
@click.argument("name")
@click.argument("kind", type=click.Choice(["totp", "sms"]))
@click.argument("number", required=False)
@click.option("--secret", metavar="BASE32", help="The seed of an existing app or token; else one is made.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def add(*, name: str, kind: str, number: str | None, secret: str | None, json_: bool) -> None:
    """Give NAME an authenticator app or token (totp), or a phone to text codes to (sms NUMBER).

    A seed that is made here is printed once and can not be read again. NUMBER has its country
    code, like "+1 425 555 0123".
    """
    if (kind == "sms") is (number is None) or (kind != "totp" and secret is not None):
        raise click.UsageError(f"Write: idp method add {name} {_USAGE[kind]}")
    if number is None:
        _add_totp(name, secret, json_=json_)
    else:
        _add_sms(name, number, json_=json_)


def _add_sms(name: str, number: str, *, json_: bool) -> None:
    with office() as desk:
        method = desk.methods.add_sms(name, number=number, actor=desk.actor)
        account = desk.people.show(name, actor=desk.actor).person.name
    if json_:
        as_json(plain(method))
        return
    say(f"Added {method.label} to {account}.")
    fields({"Id": method.id})


def _add_totp(name: str, secret: str | None, *, json_: bool) -> None:
    seed = new_seed() if secret is None else read_seed(secret)
    with office() as desk:
        method = desk.methods.add_totp(name, seed=seed, actor=desk.actor)
        account = desk.people.show(name, actor=desk.actor).person.name
        uri = otpauth_uri(seed, Shape(), issuer=desk.settings.issuer_name, account=account)
    made = {"secret": base32(seed), "otpauth_uri": uri} if secret is None else {}
    if json_:
        as_json(plain(method) | made)
        return
    say(f"Added {method.label} to {account}.")
    fields({"Id": method.id, "Secret": made.get("secret", ""), "Address": made.get("otpauth_uri", "")})


@command.command(name="list")
@click.argument("name")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def list_(*, name: str, json_: bool) -> None:
    """List the methods of NAME."""
    with office() as desk:
        methods = desk.methods.listing(name, actor=desk.actor)
    if json_:
        as_json(plain(methods))
        return
    rows = [
        (method.id, method.factor, method.label, moment(method.created_at), moment(method.last_used_at))
        for method in methods
    ]
    table(("ID", "KIND", "LABEL", "ADDED", "LAST USED"), rows)


@command.command()
@click.argument("name")
@click.argument("method_id", metavar="ID")
def remove(*, name: str, method_id: str) -> None:
    """Remove the method ID of NAME, and sign NAME out everywhere.

    Who has none left sets up a new one at the next sign-in.
    """
    with office() as desk:
        last = desk.methods.remove(name, method_id, actor=desk.actor)
    say("Removed. It was the last: the next sign-in sets up a new one." if last else "Removed.")
