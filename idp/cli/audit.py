"""idp audit: show who proved what to whom, newest first."""

from __future__ import annotations

import csv
import difflib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import StrEnum

import click

from idp.audit import Event, Filter, Result
from idp.cli.moments import moment_meant
from idp.cli.opening import Office, office
from idp.cli.output import as_json, fields, moment, say, table
from idp.core.codec import plain
from idp.core.errors import Refused
from idp.desk.records import Told
from idp.desk.stories import tell

_PAGE = 1000
_SHOWN = 100
_COLUMNS = (
    *("id", "at", "event", "event_id", "person", "person_name", "partner", "partner_name", "factor"),
    *("verdict", "reason", "rules", "correlation", "reference", "name", "address", "actor", "detail"),
    "result",
)
# A spreadsheet takes what begins like this for a formula, and user names come from outside.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@click.group(invoke_without_command=True)
@click.option("--person", metavar="N", default="", help="Only events of this person (user name or id).")
@click.option("--partner", metavar="P", default="", help="Only events with this application.")
@click.option("--event", metavar="E", default="", help="Only this kind of event, like token-denied.")
@click.option("--factor", metavar="F", default="", help="Only with this factor, like password or totp.")
@click.option("--reason", metavar="R", default="", help="Only for this reason, like wrong or access.")
@click.option(
    "--result", metavar="R", default="", help="Only with this result, like wrong-code or fraud-reported."
)
@click.option("--reference", metavar="ID", default="", help="The reference that a person was shown.")
@click.option("--correlation", metavar="ID", default="", help="All that one sign-in left.")
@click.option("--since", metavar="T", help="Not older than 2026-03-01, 2026-03-01T12:00, 30m, 2h or 7d.")
@click.option("--until", metavar="T", help="Only what is older than this; the same forms.")
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), help="At most so many; else 100, and with --csv all."
)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.option("--csv", "csv_", is_flag=True, help="Print CSV.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    since: str | None,
    until: str | None,
    limit: int | None,
    json_: bool,
    csv_: bool,
    **given: str,
) -> None:
    """Show who proved what to whom, newest first; or explain one sign-in."""
    if ctx.invoked_subcommand is not None:
        return
    if json_ and csv_:
        raise click.UsageError("--json and --csv exclude each other.")
    _check("event", given["event"], Event)
    _check("result", given["result"], Result)
    wanted = Filter(
        person=given["person"],
        partner=given["partner"],
        event=given["event"],
        factor=given["factor"],
        reason=given["reason"],
        result=given["result"],
        reference=given["reference"].upper(),
        correlation=given["correlation"],
        since=moment_meant("--since", since) if since else None,
        until=moment_meant("--until", until) if until else None,
    )
    with office() as desk:
        events = _events(desk, wanted, limit=limit if limit or csv_ else _SHOWN)
        if csv_:
            _print_csv(events)
        elif json_:
            as_json([_whole(told) for told in events])
        else:
            table(
                (
                    *("TIME", "EVENT", "PERSON", "APPLICATION", "FACTOR", "RESULT", "REASON"),
                    *("REFERENCE", "ADDRESS", "BY"),
                ),
                [_row(told) for told in events],
            )


@command.command()
@click.argument("reference", metavar="REFERENCE")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def explain(*, reference: str, json_: bool) -> None:
    """Tell the story of one sign-in in plain words.

    REFERENCE is the one that a person was shown (K7QW-2MXD), or the correlation id of any of its
    events.
    """
    with office() as desk:
        story = tell(desk.records.story(reference, actor=desk.actor))
    if json_:
        as_json(plain(story))
        return
    fields({"Person": story.person, "Application": story.partner, "From": story.address})
    for line in story.lines:
        say(f"{moment(line.at)}  {line.text}")


def _events(desk: Office, wanted: Filter, *, limit: int | None) -> Iterator[Told]:
    """Give events page by page, so that a long record never has to fit into memory."""
    left = limit if limit is not None else sys.maxsize
    while left > 0:
        page = desk.records.search(wanted, limit=min(left, _PAGE), actor=desk.actor)
        yield from page
        if len(page) < min(left, _PAGE):
            return
        left -= len(page)
        wanted = replace(wanted, before=page[-1].recorded)


def _check(what: str, name: str, there: type[StrEnum]) -> None:
    known = [one.value for one in there]
    if name and name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else f" There are: {', '.join(known)}."
        raise Refused(f"There is no {what} {name}.{hint}")


def _print_csv(events: Iterable[Told]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for told in events:
        whole = _whole(told)
        writer.writerow(_csv_cell(whole[column]) for column in _COLUMNS)


def _csv_cell(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(told: Told) -> tuple[str, ...]:
    event = told.recorded
    return (
        moment(event.at),
        event.event,
        told.person,
        told.partner or event.partner,
        event.factor,
        event.result,
        event.reason,
        event.reference,
        event.address,
        event.actor,
    )


def _whole(told: Told) -> dict[str, object]:
    whole: dict[str, object] = plain(told.recorded)
    names = {"person_name": told.person, "partner_name": told.partner}
    return whole | names | {"result": told.recorded.result}
