"""idp text: show and set the limits on text messages, and what they say."""

from __future__ import annotations

import click

from idp.cli.opening import office
from idp.cli.output import as_json, fields
from idp.core.codec import plain
from idp.desk.texts import TextRules


@click.group()
def command() -> None:
    """Show and set the limits on text messages, and what they say."""


@command.command()
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def limits(*, json_: bool) -> None:
    """Show the limits on text messages, and what they say."""
    with office() as desk:
        _show(desk.texts.show(actor=desk.actor), json_=json_)


@command.command(name="set")
@click.option("--per-day", type=int, metavar="N", help="At most N texts in 24 hours, in all.")
@click.option(
    "--per-country", type=int, metavar="N", help="At most N texts an hour to one country that nobody answers."
)
@click.option("--country", "countries", metavar="CC", multiple=True, help="Texts go to this country only.")
@click.option("--all-countries", is_flag=True, help="Texts go to every country.")
@click.option(
    "--message",
    "messages",
    metavar="LANG=TEXT",
    multiple=True,
    help="What texts say in that language, with {code} in it; LANG= for our own words.",
)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def set_(
    *,
    per_day: int | None,
    per_country: int | None,
    countries: tuple[str, ...],
    all_countries: bool,
    messages: tuple[str, ...],
    json_: bool,
) -> None:
    """Set limits on text messages, and what they say; what is not given stays.

    --country and --message may be given several times. Servers follow within two seconds.
    """
    if any("=" not in message for message in messages):
        raise click.UsageError('Write --message en="{code} is your code for {service}."')
    if countries and all_countries:
        raise click.UsageError("Give --country or --all-countries, not both.")
    with office() as desk:
        after = desk.texts.set(
            daily=per_day,
            per_country=per_country,
            countries=countries if countries or all_countries else None,
            messages={one.partition("=")[0]: one.partition("=")[2] for one in messages},
            actor=desk.actor,
        )
    _show(after, json_=json_)


def _show(rules: TextRules, *, json_: bool) -> None:
    shown = rules.limits
    if json_:
        as_json({**plain(shown), "messages": dict(rules.messages)})
        return
    fields(
        {
            "Texts in 24 hours": shown.daily,
            "Unanswered an hour to one country": shown.per_country,
            "Countries": shown.countries or "all",
            "Messages": tuple(f"{tag}: {text}" for tag, text in rules.messages.items()) or "our own",
        }
    )
