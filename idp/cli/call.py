"""idp call: show and set how phone calls go, and the limits on them."""

from __future__ import annotations

import click

from idp.cli.opening import office
from idp.cli.output import as_json, fields
from idp.core.codec import plain
from idp.factors.call import CallSettings, Mode

_MODES = {
    Mode.KEY: "people press the hash key",
    Mode.PIN: "people type a PIN of their own",
    Mode.CODE: "people hear a code, and type it on the page",
}


@click.group()
def command() -> None:
    """Show and set how phone calls go, and the limits on them."""


@command.command()
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def show(*, json_: bool) -> None:
    """Show the settings in force."""
    with office() as desk:
        _show(desk.calls.show(actor=desk.actor), json_=json_)


@command.command(name="set")
@click.option("--mode", type=click.Choice([mode.value for mode in Mode]), help="What people do in a call.")
@click.option("--per-day", type=int, metavar="N", help="At most N calls in 24 hours, in all.")
@click.option(
    "--per-country", type=int, metavar="N", help="At most N an hour to one country that come to nothing."
)
@click.option("--country", "countries", metavar="CC", multiple=True, help="Only this country is called.")
@click.option("--all-countries", is_flag=True, help="Every country is called.")
@click.option(
    "--greeting",
    "greetings",
    metavar="LANG=TEXT",
    multiple=True,
    help="Said first in that language; LANG= for ours.",
)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def set_(
    *,
    mode: str | None,
    per_day: int | None,
    per_country: int | None,
    countries: tuple[str, ...],
    all_countries: bool,
    greetings: tuple[str, ...],
    json_: bool,
) -> None:
    """Change settings; what is not given stays.

    With --mode pin only phones are called that a PIN was set for. --country and --greeting may be
    given several times. Servers follow within two seconds.
    """
    if countries and all_countries:
        raise click.UsageError("Give --country or --all-countries, not both.")
    if any("=" not in greeting for greeting in greetings):
        raise click.UsageError('Write --greeting de="Guten Tag."')
    with office() as desk:
        after = desk.calls.set(
            mode=Mode(mode) if mode else None,
            daily=per_day,
            per_country=per_country,
            countries=countries if countries or all_countries else None,
            greetings={one.partition("=")[0]: one.partition("=")[2] for one in greetings},
            actor=desk.actor,
        )
    _show(after, json_=json_)


def _show(shown: CallSettings, *, json_: bool) -> None:
    if json_:
        as_json(plain(shown))
        return
    fields(
        {
            "In a call": _MODES[shown.mode],
            "Calls in 24 hours": shown.limits.daily,
            "In vain an hour to one country": shown.limits.per_country,
            "Countries": shown.limits.countries or "all",
            "Greetings": [f"{language}: {text}" for language, text in shown.greetings.items()] or "our own",
        }
    )
