"""idp policy: show and set the rules that say what a sign-in needs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from idp.cli.opening import office
from idp.cli.output import as_json, say, table
from idp.core.codec import plain
from idp.core.errors import Refused
from idp.policy.model import Rule


@click.group()
def command() -> None:
    """Show and set the rules that say what a sign-in needs.

    Every rule that applies counts: deny wins, then the strictest. Without rules everyone needs
    two factors.
    """


@command.command()
@click.option("--json", "json_", is_flag=True, help="Print JSON, as `idp policy set` reads it.")
def show(*, json_: bool) -> None:
    """Show the rules in their order."""
    with office() as desk:
        rules = desk.policies.listing(actor=desk.actor)
    if json_:
        as_json(plain(rules))
    elif not rules:
        say("There are no rules: everyone needs two factors.")
    else:
        rows = [(rule.id, rule.name, rule.enabled, *_words(rule)) for rule in rules]
        table(("ID", "NAME", "ENABLED", "WHEN", "DEMANDS"), rows)


@command.command(name="set")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
def set_(*, file: Path) -> None:
    """Put the rules in FILE (a JSON list) in the place of all."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise Refused(f"{file} is not JSON: {error}.") from error
    with office() as desk:
        rules = desk.policies.replace_all(data, actor=desk.actor)
    say(f"{len(rules)} {'rule is' if len(rules) == 1 else 'rules are'} in force within two seconds.")


def _words(rule: Rule) -> tuple[str, str]:
    when, demands = plain(rule.conditions), plain(rule.controls)
    return _said(when) or "always", _said(demands)


def _said(part: dict[str, object]) -> str:
    given = {name: value for name, value in part.items() if value not in (None, False, [])}
    return "; ".join(
        f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in given.items()
    )
