"""idp person: add people, look at them, disable, block and unlock them."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence

import click

from idp.cli.moments import moment_meant
from idp.cli.opening import office
from idp.cli.output import as_json, fields, moment, say, table, warn
from idp.cli.paging import MOST_SHOWN, most_shown, paged
from idp.cli.person_sessions import ask_again, sessions, sign_out
from idp.core.codec import plain
from idp.core.errors import Refused
from idp.core.model import Person, Role
from idp.desk.people import PersonSeen
from idp.directory import attributes
from idp.directory.blocks import Blocked
from idp.directory.people import NewPerson, PersonChanges


@click.group()
def command() -> None:
    """Add people, look at them, disable, block and unlock them."""


command.add_command(sessions)
command.add_command(sign_out)
command.add_command(ask_again)


@command.command()
@click.argument("name")
@click.option("--display-name", metavar="T", default="", help="Full name, as applications show it.")
@click.option("--email", metavar="A", default="", help="E-mail address (attribute mail).")
@click.option(
    "--mobile",
    metavar="N",
    default="",
    help="Mobile phone with country code; codes are texted there.",
)
@click.option("--group", "groups", metavar="G", multiple=True, help="A group; may be given several times.")
@click.option("--owner", is_flag=True, help="Make this person an owner of the installation.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input (one line).")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def add(
    *,
    name: str,
    display_name: str,
    email: str,
    mobile: str,
    groups: tuple[str, ...],
    owner: bool,
    password_stdin: bool,
    json_: bool,
) -> None:
    """Add the person who signs in as NAME.

    On a terminal the password is asked for; elsewhere, without --password-stdin, one is made up
    and printed once.
    """
    new = NewPerson(
        name=name,
        display_name=attributes.line(display_name, what="A display name") if display_name else "",
        attributes=_attributes(email, mobile),
        groups=_groups(groups),
        roles=(Role.OWNER.value,) if owner else (),
    )
    password, made_up = _password(from_stdin=password_stdin)
    with office() as desk:
        person = desk.people.add(new, password=password, actor=desk.actor)
    if json_:
        as_json(_summary(person) | ({"password": password} if made_up else {}))
        return
    say(f"Added {person.name}.")
    if made_up:
        say(f"Password: {password}")


@command.command(name="list")
@click.option("--after", metavar="NAME", default="", help="Those that come after this user name.")
@click.option(
    "--limit", type=click.IntRange(1), help=f"At most so many; else {MOST_SHOWN}, and with --json all."
)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def list_(*, after: str, limit: int | None, json_: bool) -> None:
    """List people, by user name."""
    with office() as desk:

        def page(last: Person | None, size: int) -> Sequence[Person]:
            return desk.people.listing(
                after=after if last is None else last.name, limit=size, actor=desk.actor
            )

        people, more = paged(page, None, most=most_shown(limit, json_=json_))
    if json_:
        as_json([_summary(person) for person in people])
        return
    table(
        ("NAME", "DISPLAY NAME", "MAIL", "GROUPS", "OWNER", "ENABLED"),
        [
            (
                person.name,
                person.display_name,
                person.attributes.get("mail", ()),
                person.groups,
                Role.OWNER in person.roles,
                person.enabled,
            )
            for person in people
        ],
    )
    if more:
        warn(f"There are more: --after {people[-1].name}")


@command.command()
@click.argument("name")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def show(*, name: str, json_: bool) -> None:
    """Show one person with attributes and sign-in methods."""
    with office() as desk:
        seen = desk.people.show(name, actor=desk.actor)
    if json_:
        as_json(_whole(seen))
        return
    person = seen.person
    fields(
        {
            "Name": person.name,
            "Id": person.id,
            "Source": person.source,
            **{key: value for key, value in person.attributes.items() if key != "uid"},
            "Owner": Role.OWNER in person.roles,
            "Enabled": person.enabled,
            "Blocked until": moment(person.blocked_until),
            "Locked": seen.locked,
            "Second factor": f"{seen.state} ({seen.strength}, by {_sources(seen)})",
            "Methods": [
                f"{method.label} ({method.factor}, last used {moment(method.last_used_at) or 'never'})"
                for method in seen.methods
            ],
        }
    )


@command.command()
@click.argument("name")
def disable(*, name: str) -> None:
    """Keep NAME from signing in and end their sessions."""
    with office() as desk:
        person = desk.people.disable(name, actor=desk.actor)
    say(f"Disabled {person.name}.")


@command.command()
@click.argument("name")
def enable(*, name: str) -> None:
    """Let NAME sign in again."""
    with office() as desk:
        person = desk.people.enable(name, actor=desk.actor)
    say(f"Enabled {person.name}.")


@command.command()
@click.argument("name")
def unlock(*, name: str) -> None:
    """Forget the wrong tries that locked NAME out."""
    with office() as desk:
        person = desk.people.unlock(name, actor=desk.actor)
    say(f"Unlocked {person.name}.")


@command.command()
@click.argument("name")
@click.option("--reason", metavar="T", required=True, help="Why, for whoever may lift it.")
@click.option("--until", metavar="T", help="When it ends: 2026-03-01T12:00 (UTC), or 2h, 7d ahead; else 90d.")
def block(*, name: str, reason: str, until: str | None) -> None:
    """Let NAME in nowhere for a while: neither by the right password and method, nor by a session."""
    end = moment_meant("--until", until, ahead=True) if until else None
    with office() as desk:
        made = desk.blocks.block(name, reason=reason, until=end, actor=desk.actor)
    say(f"Blocked {made.name} until {moment(made.until)}.")


@command.command()
@click.argument("name")
@click.option("--reason", metavar="T", required=True, help="Why it is safe again.")
def unblock(*, name: str, reason: str) -> None:
    """Let NAME in again. Set another password first, if somebody else may know it."""
    with office() as desk:
        person = desk.blocks.unblock(name, reason=reason, actor=desk.actor)
    say(f"Unblocked {person.name}.")


@command.command()
@click.option("--after", metavar="NAME", default="", help="Those that come after this user name.")
@click.option(
    "--limit", type=click.IntRange(1), help=f"At most so many; else {MOST_SHOWN}, and with --json all."
)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def blocked(*, after: str, limit: int | None, json_: bool) -> None:
    """List the people who are blocked."""
    with office() as desk:

        def page(last: Blocked | None, size: int) -> Sequence[Blocked]:
            return desk.blocks.listing(
                after=after if last is None else last.name, limit=size, actor=desk.actor
            )

        found, more = paged(page, None, most=most_shown(limit, json_=json_))
    if json_:
        as_json(plain(found))
        return
    table(("NAME", "UNTIL", "REASON"), [(one.name, moment(one.until), one.reason) for one in found])
    if more:
        warn(f"There are more: --after {found[-1].name}")


@command.command(name="set")
@click.argument("name")
@click.option("--display-name", metavar="T", default="", help="Full name, as applications show it.")
@click.option("--email", metavar="A", help='E-mail address (attribute mail); "" takes it away.')
@click.option("--group", "groups", metavar="G", multiple=True, help="A group, in place of all before.")
@click.option("--no-groups", is_flag=True, help="Take NAME out of every group.")
@click.option(
    "--owner/--no-owner", default=None, help="Make NAME an owner of the installation, or no longer."
)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def set_(
    *,
    name: str,
    display_name: str,
    email: str | None,
    groups: tuple[str, ...],
    no_groups: bool,
    owner: bool | None,
    json_: bool,
) -> None:
    """Change what is given of NAME; the rest stays."""
    if groups and no_groups:
        raise click.UsageError("Give --group or --no-groups, not both.")
    mail = {} if email is None else {"mail": (attributes.mail(email),) if email else ()}
    changes = PersonChanges(
        display_name=attributes.line(display_name, what="A display name") if display_name else "",
        attributes=mail,
        groups=_groups(groups) if groups or no_groups else None,
        roles=None if owner is None else (Role.OWNER.value,) if owner else (),
    )
    with office() as desk:
        person = desk.people.change(name, changes, actor=desk.actor)
    if json_:
        as_json(_summary(person))
    else:
        say(f"Changed {person.name}.")


@command.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input (one line).")
def set_password(*, name: str, password_stdin: bool) -> None:
    """Give NAME another password, and sign NAME out everywhere.

    It is asked for, read, or made up, as by `idp person add`.
    """
    password, made_up = _password(from_stdin=password_stdin)
    with office() as desk:
        person = desk.people.set_password(name, password, actor=desk.actor)
    say(f"Changed the password of {person.name}.")
    if made_up:
        say(f"Password: {password}")


@command.command()
@click.argument("name")
def export(*, name: str) -> None:
    """Print everything that is known of NAME, as JSON; secrets are left out."""
    with office() as desk:
        as_json(desk.personal.export(name, actor=desk.actor))


@command.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(*, name: str, yes: bool) -> None:
    """Erase NAME for good: account, methods, sessions, and the name in the audit.

    It can not be undone; somebody of the same name would be somebody new to every application.
    """
    if not yes and click.prompt("Type the user name again to erase it", err=True, type=str) != name:
        raise Refused("Nothing was erased.")
    with office() as desk:
        desk.personal.erase(name, actor=desk.actor)
    say("Erased. Rules and applications that name this person still do: idp policy show, idp partner list.")


def _sources(seen: PersonSeen) -> str:
    return ", ".join(seen.sources) or "default"


def _groups(groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(attributes.line(group, what="A group name") for group in groups))


def _attributes(email: str, mobile: str) -> dict[str, tuple[str, ...]]:
    given: dict[str, tuple[str, ...]] = {}
    if email:
        given["mail"] = (attributes.mail(email),)
    if mobile:
        given["mobile"] = (attributes.mobile(mobile),)
    return given


def _password(*, from_stdin: bool) -> tuple[str, bool]:
    """Return the password and whether it was made up here."""
    if from_stdin:
        typed = sys.stdin.readline().rstrip("\r\n")
        if not typed:
            raise Refused("No password came on standard input.")
        return typed, False
    if sys.stdin.isatty():
        return click.prompt("Password", hide_input=True, confirmation_prompt=True, type=str), False
    return secrets.token_urlsafe(12), True


def _summary(person: Person) -> dict[str, object]:
    described: dict[str, object] = plain(person)
    return described


def _whole(seen: PersonSeen) -> dict[str, object]:
    shown = plain(seen)
    return _summary(seen.person) | {name: shown[name] for name in shown if name != "person"}
