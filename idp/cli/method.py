"""idp method: hand out, list and remove people's sign-in methods."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from idp.cli.moments import moment_meant
from idp.cli.opening import office
from idp.cli.output import as_json, fields, moment, say, table
from idp.core.codec import plain
from idp.core.errors import Refused
from idp.core.ids import in_fours
from idp.factors.access_pass import PassTerms
from idp.factors.call import PLACES
from idp.factors.codes import Shape
from idp.factors.totp import base32, new_seed, otpauth_uri, read_seed

_USAGE = {
    "totp": "totp [--secret BASE32]",
    "sms": "sms NUMBER",
    "call": "call NUMBER [--extension N] [--place PLACE] [--pin]",
    "recovery": "recovery",
    "pass": "pass [--lifetime M] [--start T] [--once] [--length N]",
}
_MOST_MINUTES = 10**6  # more than any pass may last; a larger number is no time


@click.group()
def command() -> None:
    """Hand out, list and remove people's sign-in methods."""


@command.command()
@click.argument("name")
@click.argument("kind", type=click.Choice(list(_USAGE)))
@click.argument("number", required=False)
@click.option("--secret", metavar="BASE32", help="totp: the seed of an existing app; else one is made.")
@click.option("--extension", metavar="N", help="call: dialled once somebody picks up.")
@click.option("--place", type=click.Choice(PLACES), help="call: whose phone it is (mobile).")
@click.option("--pin", is_flag=True, help="call: a PIN is made, to be typed in each call.")
@click.option("--lifetime", metavar="M", type=int, help="pass: how many minutes it works (60).")
@click.option("--start", metavar="T", help="pass: when it begins to work, like 2026-03-01T08:00 (UTC).")
@click.option("--once", is_flag=True, help="pass: it works once.")
@click.option("--length", metavar="N", type=int, help="pass: how many characters it has (8).")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def add(
    *,
    name: str,
    kind: str,
    number: str | None,
    secret: str | None,
    extension: str | None,
    place: str | None,
    pin: bool,
    json_: bool,
    **terms: Any,
) -> None:
    """Give NAME a way to prove who they are, besides the password.

    totp is an authenticator app or token, sms NUMBER a phone that codes are texted to, call NUMBER
    one that is called, recovery a list of recovery codes, pass a temporary access pass.

    What is made here is printed once and can not be read again. New recovery codes and a new
    pass take the place of the old ones. NUMBER has its country code, like "+1 425 555 0123".
    """
    wrong = (
        (kind in {"sms", "call"}) is (number is None),
        kind != "call" and (extension or place or pin),
        kind != "totp" and secret is not None,
        kind != "pass" and any(terms.values()),
    )
    if any(wrong):
        raise click.UsageError(f"Write: idp method add {name} {_USAGE[kind]}")
    if kind == "call":
        _add_call(name, str(number), extension=extension or "", place=place or "mobile", pin=pin, json_=json_)
    elif number is not None:
        _add_sms(name, number, json_=json_)
    elif kind == "recovery":
        _add_recovery(name, json_=json_)
    elif kind == "pass":
        _add_pass(name, _terms(**terms), json_=json_)
    else:
        _add_totp(name, secret, json_=json_)


def _terms(*, lifetime: int | None, start: str | None, once: bool, length: int | None) -> PassTerms:
    usual = PassTerms()
    return PassTerms(
        lifetime=usual.lifetime if lifetime is None else timedelta(minutes=min(lifetime, _MOST_MINUTES)),
        starts_at=moment_meant("--start", start, ahead=True) if start else None,
        once=once,
        letters=usual.letters if length is None else length,
    )


def _add_sms(name: str, number: str, *, json_: bool) -> None:
    with office() as desk:
        method = desk.methods.add_sms(name, number=number, actor=desk.actor)
        account = desk.people.show(name, actor=desk.actor).person.name
    if json_:
        as_json(plain(method))
        return
    say(f"Added {method.label} to {account}.")
    fields({"Id": method.id})


def _add_call(name: str, number: str, *, extension: str, place: str, pin: bool, json_: bool) -> None:
    with office() as desk:
        method, made = desk.methods.add_call(
            name, number=number, extension=extension, place=place, pin=pin, actor=desk.actor
        )
    if json_:
        as_json(plain(method) | ({"pin_made": made} if made else {}))
        return
    say(f"Added {method.label} to {name}.")
    fields({"Id": method.id} | ({"PIN": made} if made else {}))


def _add_recovery(name: str, *, json_: bool) -> None:
    with office() as desk:
        method, codes = desk.methods.add_recovery(name, actor=desk.actor)
    grouped = [in_fours(code) for code in codes]
    if json_:
        as_json(plain(method) | {"codes": grouped})
        return
    say(f"Added recovery codes to {name}. Each works once:")
    for code in grouped:
        say(code)


def _add_pass(name: str, terms: PassTerms, *, json_: bool) -> None:
    with office() as desk:
        method, code = desk.methods.add_pass(name, terms, actor=desk.actor)
    if json_:
        as_json(plain(method) | {"pass": in_fours(code)})
        return
    say(f"Added a temporary access pass to {name}.")
    starts_at = datetime.fromisoformat(method.data["starts_at"])
    fields({"Pass": in_fours(code), "Works from": moment(starts_at), "Until": moment(method.ends_at)})


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


@command.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.csv")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def import_(*, file: Path, dry_run: bool, json_: bool) -> None:
    """Fill in people's phones from a table.

    The first line names the columns: name, and any of mobile (texts), alternate and office (calls) and
    extension (of the office). UTF-8, with commas or semicolons. Numbers have their country code. Phones
    that people have stay as they are; an office's number takes the place of the former.

    Nothing is filled in unless the whole file is right; what is not is listed by line and column.
    """
    with office() as desk:
        rows, problems = desk.prefill.read(file.read_bytes(), actor=desk.actor)
        if problems:
            for bad in problems:
                click.echo(f"line {bad.line}, {bad.column or 'end'}: {bad.text}", err=True)
            raise Refused("Nothing was filled in.")
        with click.progressbar(
            rows, label="Filling in", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            done = [desk.prefill.fill(row, dry=dry_run, actor=desk.actor) for row in bar]
    if json_:
        as_json(plain(done))
        return
    for one in done:
        for what, labels in (("added", one.added), ("removed", one.removed)):
            for label in labels:
                say(f"{one.name}: {'would be ' if dry_run else ''}{what} {label}")
    added = sum(len(one.added) for one in done)
    say(f"{len(done)} people, {added} phones {'would be ' if dry_run else ''}added.")


@command.command()
@click.argument("name")
def reset(*, name: str) -> None:
    """Remove everything that NAME registered, so that they register again at the next sign-in.

    Their sessions end. Give them a pass first (idp method add NAME pass), or the password alone is what
    lets them register.
    """
    with office() as desk:
        removed = desk.methods.reset(name, actor=desk.actor)
    say(f"Removed {removed} of {name}'s methods.")


@command.command(name="list")
@click.argument("name")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def list_(*, name: str, json_: bool) -> None:
    """List the methods of NAME."""
    with office() as desk:
        methods = desk.methods.listing(name, actor=desk.actor)
        left = desk.methods.codes_left(name, actor=desk.actor)
    if json_:
        as_json([plain(method) | {"codes_left": left.get(method.id)} for method in methods])
        return
    rows = [
        (
            method.id,
            method.factor,
            method.label,
            moment(method.created_at),
            moment(method.last_used_at),
            moment(method.ends_at),
            left.get(method.id, ""),
        )
        for method in methods
    ]
    table(("ID", "KIND", "LABEL", "ADDED", "LAST USED", "ENDS", "CODES LEFT"), rows)


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
