"""idp audit: show who proved what to whom, newest first."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

from idp.cli.opening import office
from idp.cli.output import as_json, moment, table
from idp.core.codec import plain
from idp.core.errors import Refused
from idp.desk.records import Told

_AGO = re.compile(r"([0-9]{1,6})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@click.command()
@click.option("--person", metavar="N", default="", help="Only events of this person (user name).")
@click.option("--partner", metavar="P", default="", help="Only events with this application.")
@click.option("--since", metavar="T", help="Not older than 2026-03-01, 2026-03-01T12:00, 30m, 2h or 7d.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="At most so many."
)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def command(*, person: str, partner: str, since: str | None, limit: int, json_: bool) -> None:
    """Show who proved what to whom, newest first."""
    start = _moment(since) if since else None
    with office() as desk:
        events = desk.records.search(
            person=person, partner=partner, since=start, limit=limit, actor=desk.actor
        )
    if json_:
        as_json([_whole(told) for told in events])
        return
    table(
        ("TIME", "EVENT", "PERSON", "APPLICATION", "FACTOR", "REASON", "ADDRESS", "BY"),
        [_row(told) for told in events],
    )


def _row(told: Told) -> tuple[str, ...]:
    event = told.recorded
    return (
        moment(event.at),
        event.event,
        told.person,
        told.partner or event.partner,
        event.factor,
        event.reason,
        event.address,
        event.actor,
    )


def _whole(told: Told) -> dict[str, object]:
    whole: dict[str, object] = plain(told.recorded)
    return whole | {"person_name": told.person, "partner_name": told.partner}


def _moment(text: str) -> datetime:
    """Return the time meant; without a zone it is UTC. Raises Refused."""
    now = datetime.now(UTC)
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        given = datetime.fromisoformat(text)
        return given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Refused("--since takes a date or time like 2026-03-01T12:00, or 30m, 2h, 7d.") from error
