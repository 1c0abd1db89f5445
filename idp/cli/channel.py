"""idp channel: set up the carriers that take text messages, calls and mail."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from idp.channels.carriers import SetUp, described
from idp.channels.deliveries import Delivery, Status
from idp.channels.gateway import HttpSettings, Told
from idp.channels.smtp import Security, SmtpSettings
from idp.channels.twilio import API, TwilioSettings
from idp.channels.twilio_voice import TwilioVoiceSettings
from idp.cli.opening import Office, office
from idp.cli.output import as_json, fields, moment, say, table
from idp.core.codec import plain
from idp.core.errors import Refused

_LONGEST_FILE = 256 * 1024
_PATIENCE = 20.0  # seconds to wait for the worker
_LOOK = 0.3

_ca = click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.pem",
    help="Certificates that are trusted beside the system's.",
)
_prefix = click.option(
    "--prefix", "prefixes", multiple=True, metavar="+CC", help="Take only numbers that begin so; repeatable."
)
_secret_stdin = click.option(
    "--secret-stdin", is_flag=True, help="Read the secret from standard input (one line)."
)


@click.group()
def command() -> None:
    """Set up the carriers that take text messages, calls and mail.

    They are tried in order, until one takes a message. To change one, add it again under its
    name, with its secret.
    """


@command.command(name="add-http")
@click.argument("name")
@click.option("--url", required=True, metavar="TEMPLATE", help="Where to ask.")
@click.option("--header", "headers", multiple=True, metavar="NAME:TEMPLATE", help="A header; repeatable.")
@click.option("--form", multiple=True, metavar="NAME=TEMPLATE", help="A form field; repeatable.")
@click.option("--body", default="", metavar="JSON", help="A JSON body whose texts are templates.")
@click.option("--user", default="", help="User name of Basic authentication; the secret is its password.")
@click.option("--accepted", metavar="PATH=WORD,...", help="What its JSON answer must say.")
@click.option("--reference", default="", metavar="PATH", help="Where its answer has its own id.")
@click.option("--delivered", metavar="FIELD=WORD,...", help="What its report of an arrival says.")
@click.option("--undelivered", metavar="FIELD=WORD,...", help="What its report of a loss says.")
@_prefix
@_ca
@_secret_stdin
def add_http(
    *,
    name: str,
    url: str,
    headers: tuple[str, ...],
    form: tuple[str, ...],
    body: str,
    user: str,
    accepted: str | None,
    reference: str,
    delivered: str | None,
    undelivered: str | None,
    prefixes: tuple[str, ...],
    ca: Path | None,
    secret_stdin: bool,
) -> None:
    """Set up an HTTP gateway for text messages.

    A TEMPLATE may have {number} (+14255550123), {digits} (14255550123), {text}, {key} (the same
    when a message is tried again), {secret} and {receipt} (the address to report to).
    """
    settings = HttpSettings(
        url=url,
        headers=dict(_pair(header, ":", "--header") for header in headers),
        form=dict(_pair(field, "=", "--form") for field in form),
        json=body,
        user=user,
        accepted=_told(accepted, "--accepted"),
        reference=reference,
        arrived=_told(delivered, "--delivered"),
        lost=_told(undelivered, "--undelivered"),
        authorities=_certificates(ca),
    )
    _save(SetUp(name=name, settings=settings, prefixes=prefixes), _secret(given=secret_stdin))


@command.command(name="add-twilio")
@click.argument("name")
@click.option("--account", required=True, metavar="AC...", help="The account's SID; the secret is its token.")
@click.option("--from", "sender", required=True, metavar="SENDER", help="Number, name or MG... to send from.")
@click.option("--api", default=API, show_default=True, metavar="URL", help="The API's address.")
@_prefix
@_ca
@_secret_stdin
def add_twilio(
    *,
    name: str,
    account: str,
    sender: str,
    api: str,
    prefixes: tuple[str, ...],
    ca: Path | None,
    secret_stdin: bool,
) -> None:
    """Set up an account at Twilio for text messages."""
    settings = TwilioSettings(account=account, sender=sender, api=api, authorities=_certificates(ca))
    _save(SetUp(name=name, settings=settings, prefixes=prefixes), _secret(given=secret_stdin))


@command.command(name="add-twilio-voice")
@click.argument("name")
@click.option("--account", required=True, metavar="AC...", help="The account's SID; the secret is its token.")
@click.option("--from", "caller", required=True, metavar="NUMBER", help="The number that people see.")
@click.option("--api", default=API, show_default=True, metavar="URL", help="The API's address.")
@_prefix
@_ca
@_secret_stdin
def add_twilio_voice(
    *,
    name: str,
    account: str,
    caller: str,
    api: str,
    prefixes: tuple[str, ...],
    ca: Path | None,
    secret_stdin: bool,
) -> None:
    """Set up an account at Twilio for phone calls."""
    settings = TwilioVoiceSettings(account=account, caller=caller, api=api, authorities=_certificates(ca))
    _save(SetUp(name=name, settings=settings, prefixes=prefixes), _secret(given=secret_stdin))


@command.command(name="add-smtp")
@click.argument("name")
@click.option("--host", required=True, help="The server.")
@click.option("--port", type=click.IntRange(1, 65535), default=587, show_default=True)
@click.option("--from", "sender", required=True, metavar="ADDRESS", help="The address that mail is from.")
@click.option("--from-name", "sender_name", default="", metavar="T", help="The name beside it.")
@click.option(
    "--security",
    type=click.Choice([each.value for each in Security]),
    default=Security.STARTTLS.value,
    show_default=True,
    help="How the way is encrypted; none only on this machine.",
)
@click.option("--user", default="", help="User name to log in with; the secret is its password.")
@_ca
@_secret_stdin
def add_smtp(
    *,
    name: str,
    host: str,
    port: int,
    sender: str,
    sender_name: str,
    security: str,
    user: str,
    ca: Path | None,
    secret_stdin: bool,
) -> None:
    """Set up a mail server."""
    settings = SmtpSettings(
        host=host,
        port=port,
        sender=sender,
        sender_name=sender_name,
        security=Security(security),
        user=user,
        authorities=_certificates(ca),
    )
    _save(SetUp(name=name, settings=settings), _secret(given=secret_stdin))


@command.command(name="list")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def list_(*, json_: bool) -> None:
    """List the carriers, in the order in which they are tried."""
    with office() as desk:
        carriers = desk.channels.listing(actor=desk.actor)
    if json_:
        as_json([described(one) for one in carriers])
        return
    table(("NAME", "TYPE", "TAKES", "NUMBERS"), [_row(one) for one in carriers])


@command.command()
@click.argument("name")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def show(*, name: str, json_: bool) -> None:
    """Show a carrier; its secret is never shown."""
    with office() as desk:
        one = desk.channels.show(name, actor=desk.actor)
    if json_:
        as_json(described(one))
        return
    settings = {name.replace("_", " "): _readable(value) for name, value in plain(one.settings).items()}
    settings["authorities"] = "own certificates" if settings["authorities"] else ""
    lines = {"name": one.name, "type": one.type, "numbers": one.prefixes} | settings
    fields({name.capitalize(): value for name, value in lines.items()})


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def order(*, names: tuple[str, ...]) -> None:
    """Have the carriers tried in this order; name each of them once."""
    with office() as desk:
        desk.channels.reorder(names, actor=desk.actor)
    say(f"Tried in this order: {', '.join(names)}.")


@command.command()
@click.argument("name")
def remove(*, name: str) -> None:
    """Forget a carrier and its secret."""
    with office() as desk:
        removed = desk.channels.remove(name, actor=desk.actor)
    say(f"Removed {removed.name}.")


@command.command()
@click.argument("name")
@click.argument("to", metavar="NUMBER|ADDRESS")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.pass_context
def test(ctx: click.Context, *, name: str, to: str, json_: bool) -> None:
    """Send a test by one carrier, through the running server, and say what came of it.

    Ends with 1 unless the carrier took it.
    """
    with office() as desk:
        delivery = _awaited(desk, desk.channels.test(name, to, actor=desk.actor))
    if json_:
        as_json(plain(delivery))
    else:
        say(_came_of(delivery))
    ctx.exit(0 if delivery.status in {Status.ACCEPTED, Status.DELIVERED} else 1)


@command.command()
@click.option("--person", metavar="NAME", default="", help="Only messages to this person.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def log(*, person: str, limit: int, json_: bool) -> None:
    """Show what became of the newest messages; records are kept for 30 days."""
    with office() as desk:
        found = desk.channels.deliveries(person=person, limit=limit, actor=desk.actor)
    if json_:
        as_json(plain(list(found)))
        return
    rows = [
        (moment(each.created_at), each.kind, each.masked, each.status, each.carrier, each.reason)
        for each in found
    ]
    table(("SENT", "KIND", "TO", "STATUS", "CARRIER", "REASON"), rows)


def _save(new: SetUp, secret: str) -> None:
    with office() as desk:
        known = desk.channels.save(new, secret, actor=desk.actor)
    done = f"{'Updated' if known else 'Added'} {new.name}."
    if new.kind == "call":
        say(f"{done} Try it: idp method add NAME call NUMBER, and sign in.")
        return
    to = "NUMBER" if new.kind == "text" else "ADDRESS"
    say(f"{done} Try it: idp channel test {new.name} {to}")


def _readable(value: object) -> object:
    match value:
        case {"path": path, "words": [*words]}:
            return f"{path}={','.join(words)}"
        case dict():
            return [f"{name}: {template}" for name, template in value.items()]
        case _:
            return value


def _row(one: SetUp) -> tuple[object, ...]:
    return one.name, one.type, one.kind, one.prefixes or "all"


def _awaited(desk: Office, delivery: str) -> Delivery:
    deadline = time.monotonic() + _PATIENCE
    while True:
        known = desk.channels.delivery(delivery, actor=desk.actor)
        if known.status is not Status.WAITING or known.reason or time.monotonic() > deadline:
            return known
        time.sleep(_LOOK)


def _came_of(delivery: Delivery) -> str:
    match delivery.status:
        case Status.ACCEPTED | Status.DELIVERED:
            reference = f" as {delivery.reference}" if delivery.reference else ""
            return f"{delivery.carrier} took the message to {delivery.masked}{reference}."
        case Status.WAITING if not delivery.reason:
            return "Nothing has taken it from the outbox yet: is `idp serve` running?"
        case _:
            return f"It was not taken: {delivery.reason}."


def _pair(text: str, separator: str, option: str) -> tuple[str, str]:
    name, found, value = text.partition(separator)
    if not found or not name.strip():
        raise click.UsageError(f"{option} is written NAME{separator}VALUE.")
    return name.strip(), value.strip()


def _told(text: str | None, option: str) -> Told | None:
    if text is None:
        return None
    path, words = _pair(text, "=", option)
    return Told(path=path, words=tuple(word.strip() for word in words.split(",")))


def _certificates(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        with file.open("rb") as opened:
            return opened.read(_LONGEST_FILE).decode("ascii", "replace")
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}.") from error


def _secret(*, given: bool) -> str:
    if not given:
        return ""
    typed = sys.stdin.readline().rstrip("\r\n")
    if not typed:
        raise Refused("No secret came on standard input.")
    return typed
