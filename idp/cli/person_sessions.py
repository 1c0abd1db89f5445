"""idp person sessions, sign-out, ask-again: show where somebody is signed in, and end it."""

from __future__ import annotations

import click

from idp.cli.opening import office
from idp.cli.output import as_json, moment, say, table, warn
from idp.core.codec import plain
from idp.desk.sessions import SessionSeen


@click.command(name="sessions")
@click.argument("name")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def sessions(*, name: str, json_: bool) -> None:
    """List where NAME is signed in: browser, address, and the applications opened there."""
    with office() as desk:
        seen = desk.sessions.listing(name, actor=desk.actor)
    if json_:
        as_json([_plain(one) for one in seen])
        return
    table(
        ("ID", "BROWSER", "ADDRESS", "SINCE", "LAST USED", "ENDS", "APPLICATIONS"),
        [
            (
                one.opened.id,
                _browser(one),
                one.opened.address,
                moment(one.opened.created_at),
                moment(one.opened.last_used_at),
                moment(one.opened.expires_at),
                one.applications,
            )
            for one in seen
        ],
    )


@click.command(name="sign-out")
@click.argument("name")
@click.option("--session", metavar="ID", default="", help="Only this one (idp person sessions NAME).")
def sign_out(*, name: str, session: str) -> None:
    """End NAME's sessions and tokens everywhere, and forget the browsers they are known on.

    With --session, end one session and what applications were given in it; the rest stays.
    """
    with office() as desk:
        if session:
            person, ended = desk.sessions.end(name, session, actor=desk.actor)
        else:
            person, ended = desk.sessions.end_all(name, actor=desk.actor)
    say(f"Signed {person.name} out of {ended.sessions} session{'' if ended.sessions == 1 else 's'}.")
    if ended.left:
        warn(f"Could not be told, so {person.name} may still be signed in there: {', '.join(ended.left)}")


@click.command(name="ask-again")
@click.argument("name")
def ask_again(*, name: str) -> None:
    """Have NAME confirm each sign-in again, in browsers too where they chose not to be asked for a while."""
    with office() as desk:
        person, browsers = desk.sessions.ask_again(name, actor=desk.actor)
    say(f"{person.name} is asked again in {browsers} browser{'' if browsers == 1 else 's'}.")


def _browser(seen: SessionSeen) -> str:
    return " on ".join(filter(None, (seen.opened.software, seen.opened.system)))


def _plain(seen: SessionSeen) -> dict[str, object]:
    shown: dict[str, object] = plain(seen.opened)
    del shown["parts"], shown["person"]
    return shown | {"applications": list(seen.applications)}
