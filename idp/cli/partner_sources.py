"""idp partner source, refresh, approve, reject: metadata that is watched at addresses and in files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from idp.cli.opening import office
from idp.cli.output import as_json, fields, moment, say, table, warn
from idp.core.errors import Refused
from idp.desk.sources import Watched
from idp.desk.watching import Outcome
from idp.partners.differences import Difference
from idp.partners.documents import SeveralEntities
from idp.partners.sources import Mode

_MOST_SHOWN = 20
_SAID = {
    Outcome.UNCHANGED: "Nothing has changed.",
    Outcome.APPLIED: "The changes are applied.",
    Outcome.HELD: "The changes wait for `idp partner approve`.",
}


@contextmanager
def one_of_many() -> Iterator[None]:
    """Name the applications in metadata of many when none was chosen."""
    try:
        yield
    except SeveralEntities as several:
        for entity_id in several.entities[:_MOST_SHOWN]:
            warn(f"  {entity_id}")
        more = len(several.entities) - _MOST_SHOWN
        raise Refused(
            f"{several.public} Choose with --entity{f' ({more} more are not shown)' if more > 0 else ''}."
        ) from several


@click.command()
@click.argument("which", metavar="ID", default="")
@click.option("--hold/--automatic", "hold", default=None, help="Whether changes wait to be approved.")
@click.option(
    "--fingerprint", metavar="HEX", help="SHA-256 of the certificate that must sign it; '' for none."
)
@click.option("--forget", is_flag=True, help="Watch it no more; the application stays as it is.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def source(*, which: str, hold: bool | None, fingerprint: str | None, forget: bool, json_: bool) -> None:
    """Show where metadata comes from (without an ID: of all applications), or change how it is watched."""
    if not which and (forget or hold is not None or fingerprint is not None):
        raise click.UsageError("Say which application: give its ID.")
    with office() as desk:
        if not which:
            _print_all(desk.sources.listing(actor=desk.actor), json_=json_)
            return
        if forget:
            gone = desk.sources.forget(which, actor=desk.actor)
            say(f"Forgot {gone.place}.")
            return
        if hold is not None or fingerprint is not None:
            mode = None if hold is None else Mode.HOLD if hold else Mode.AUTOMATIC
            desk.sources.change(which, mode=mode, signer=fingerprint, actor=desk.actor)
        watched = desk.sources.show(which, actor=desk.actor)
    if watched is None:
        raise Refused("This application's metadata was brought by hand: nothing is watched.")
    if json_:
        as_json(described(watched))
        return
    fields(_lines(watched))
    _print(watched.waiting)


@click.command()
@click.argument("which", metavar="ID", default="")
@click.option("--all", "everything", is_flag=True, help="Every application whose metadata is at an address.")
def refresh(*, which: str, everything: bool) -> None:
    """Look at the address of an application's metadata now."""
    if bool(which) == everything:
        raise click.UsageError("Give an ID, or --all.")
    failed = False
    with office() as desk:
        names = [which] if which else desk.sources.addresses(actor=desk.actor)
        for name in names:
            checked = desk.sources.refresh(name, actor=desk.actor)
            said = _SAID.get(checked.outcome) or f"{checked.source.error} What is trusted stays as it is."
            say(f"{checked.source.place}: {said}")
            _print(checked.differences)
            failed |= checked.outcome is Outcome.FAILED
    if failed:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("which", metavar="ID")
def approve(*, which: str) -> None:
    """Apply the changes of an application's metadata that wait."""
    with office() as desk:
        checked = desk.sources.approve(which, actor=desk.actor)
    _print(checked.differences)
    say("The changes are applied.")


@click.command()
@click.argument("which", metavar="ID")
def reject(*, which: str) -> None:
    """Drop the changes that wait; the same metadata is not held again."""
    with office() as desk:
        checked = desk.sources.reject(which, actor=desk.actor)
    say(f"The changes at {checked.source.place} are dropped.")


def described(watched: Watched) -> dict[str, object]:
    """Return a source as programs read it."""
    source = watched.source
    return {
        "partner": source.partner,
        "name": watched.partner.name if watched.partner else "",
        "kind": source.kind.value,
        "place": source.place,
        "fingerprint": source.signer,
        "mode": source.mode.value,
        "checked_at": source.checked_at.isoformat() if source.checked_at else None,
        "valid_until": source.valid_until.isoformat() if source.valid_until else None,
        "expired": watched.expired,
        "error": source.error,
        "waiting": [
            {"change": each.said, "lost": each.lost, "grave": each.grave} for each in watched.waiting
        ],
    }


def _print_all(sources: Sequence[Watched], *, json_: bool) -> None:
    if json_:
        as_json([described(each) for each in sources])
        return
    rows = [
        (
            each.partner.name if each.partner else "",
            each.source.place,
            each.source.mode.value,
            moment(each.source.checked_at),
            _state(each),
        )
        for each in sources
    ]
    table(("NAME", "PLACE", "MODE", "LOOKED AT", "STATE"), rows)


def _state(watched: Watched) -> str:
    if watched.source.error:
        return watched.source.error
    if watched.waiting:
        return "changes wait for approval"
    return "expired" if watched.expired else "fine"


def _lines(watched: Watched) -> dict[str, object]:
    source = watched.source
    return {
        "Name": watched.partner.name if watched.partner else "",
        "Kind": source.kind.value,
        "Place": source.place,
        "Must be signed by": source.signer,
        "Changes are": "held for approval" if source.mode is Mode.HOLD else "applied",
        "Looked at": moment(source.checked_at),
        "Next look": moment(source.due_at),
        "Valid until": moment(source.valid_until),
        "State": _state(watched),
    }


def _print(found: Sequence[Difference]) -> None:
    for each in found:
        mark = "!" if each.grave else "-" if each.lost else "+"
        say(f"  {mark} {each.said}")
