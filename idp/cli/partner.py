"""idp partner: bring in the applications that people sign in to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from idp.cli import partner_oidc, partner_set, partner_sources
from idp.cli.opening import office
from idp.cli.output import as_json, fields, say, table, warn
from idp.cli.paging import MOST_SHOWN, most_shown, paged
from idp.cli.partner_sources import one_of_many
from idp.core.errors import Refused
from idp.core.model import Partner
from idp.desk.partners import shown
from idp.desk.saml_choices import SIGN, SamlChoices
from idp.partners.documents import LARGEST_AGGREGATE
from idp.partners.keyfacts import key_facts
from idp.partners.saml import Encrypt
from idp.partners.sources import Mode


@click.group()
def command() -> None:
    """Bring in the applications that people sign in to.

    ID is the id that `idp partner list` shows, an entity id or a client id.
    """


for _each in (
    partner_oidc.add_oidc,
    partner_oidc.add_api,
    partner_set.set_,
    partner_sources.source,
    partner_sources.refresh,
    partner_sources.approve,
    partner_sources.reject,
):
    command.add_command(_each)


@command.command(name="import")
@click.argument("place", metavar="FILE.xml|URL")
@click.option("--name", metavar="T", default="", help="Name that people see; else the metadata's.")
@click.option(
    "--release", metavar="ATTR,...", default="", help="Attributes it gets; else uid,mail,displayName."
)
@click.option(
    "--sign",
    type=click.Choice(tuple(SIGN)),
    help="What of an answer is signed: response and assertion (the default), or one of them.",
)
@click.option(
    "--encrypt",
    type=click.Choice([each.value for each in Encrypt]),
    help="Encrypt assertions always, never, or when the metadata has a key for it (auto, the default).",
)
@click.option("--entity", metavar="ID", default="", help="Which of many applications in the metadata.")
@click.option(
    "--fingerprint", metavar="HEX", default="", help="SHA-256 of the certificate that must have signed it."
)
@click.option("--hold", is_flag=True, help="Later changes at the URL wait for `idp partner approve`.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def import_(
    *,
    place: str,
    name: str,
    release: str,
    sign: str | None,
    encrypt: str | None,
    entity: str,
    fingerprint: str,
    hold: bool,
    json_: bool,
) -> None:
    """Trust a SAML application by its metadata, or bring a known one up to date.

    The metadata at a URL is looked at again and again from then on, and changes are applied; see
    `idp partner source`.
    """
    address = place if place.startswith(("https://", "http://")) else ""
    if hold and not address:
        raise click.UsageError("--hold is for metadata at a URL: a file does not change by itself.")
    chosen: Any = {
        "entity_id": entity,
        "signer": fingerprint,
        "name": name,
        "release": _names(release),
        "choices": SamlChoices(sign=sign, encrypt=Encrypt(encrypt) if encrypt else None),
    }
    with office() as desk, one_of_many():
        if address:
            published = desk.sources.fetch(address, actor=desk.actor)
            mode = Mode.HOLD if hold else Mode.AUTOMATIC
            imported = desk.sources.watch(address, published, mode=mode, actor=desk.actor, **chosen)
        else:
            imported = desk.partners.import_metadata(_content(Path(place)), actor=desk.actor, **chosen)
    for problem in imported.problems:
        warn(f"Note: {problem}")
    if json_:
        as_json(shown(imported.partner) | {"problems": list(imported.problems)})
        return
    say(f"{'Updated' if imported.updated else 'Added'} {imported.partner.name}.")
    fields({"Id": imported.partner.id, "Entity id": imported.partner.identifier})


@command.command(name="list")
@click.option("--search", metavar="T", default="", help="Only those with this in the name or identifier.")
@click.option("--after", metavar="ID", default="", help="Those that come after this one.")
@click.option(
    "--limit", type=click.IntRange(1), help=f"At most so many; else {MOST_SHOWN}, and with --json all."
)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def list_(*, search: str, after: str, limit: int | None, json_: bool) -> None:
    """List the applications, by name."""
    with office() as desk:
        last = desk.partners.show(after, actor=desk.actor) if after else None

        def page(last: Partner | None, size: int) -> Sequence[Partner]:
            return desk.partners.listing(search=search, after=last, limit=size, actor=desk.actor)

        partners, more = paged(page, last, most=most_shown(limit, json_=json_))
    if json_:
        as_json([shown(partner) for partner in partners])
        return
    rows = [(one.id, one.door, one.name, one.identifier, one.enabled) for one in partners]
    table(("ID", "PROTOCOL", "NAME", "IDENTIFIER", "ENABLED"), rows)
    if more:
        warn(f"There are more: --after {partners[-1].id}")


@command.command()
@click.argument("which", metavar="ID")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def show(*, which: str, json_: bool) -> None:
    """Show one application; secrets are never shown."""
    with office() as desk:
        partner = desk.partners.show(which, actor=desk.actor)
    if json_:
        as_json(shown(partner))
        return
    fields(_lines(partner))


@command.command()
@click.argument("which", metavar="ID")
def disable(*, which: str) -> None:
    """Switch an application off: nobody gets in any more."""
    with office() as desk:
        partner = desk.partners.set_enabled(which, enabled=False, actor=desk.actor)
    say(f"Disabled {partner.name}.")


@command.command()
@click.argument("which", metavar="ID")
def enable(*, which: str) -> None:
    """Switch an application on again."""
    with office() as desk:
        partner = desk.partners.set_enabled(which, enabled=True, actor=desk.actor)
    say(f"Enabled {partner.name}.")


@command.command()
@click.argument("which", metavar="ID")
def remove(*, which: str) -> None:
    """Forget an application; what was recorded about it stays."""
    with office() as desk:
        partner = desk.partners.remove(which, actor=desk.actor)
    say(f"Removed {partner.name}.")


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST_AGGREGATE + 1)
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}.") from error
    if len(data) > LARGEST_AGGREGATE:
        raise Refused(f"{file} is too large: {LARGEST_AGGREGATE // 1024 // 1024} MB are read at most.")
    return data


def _names(release: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in release.split(",") if name.strip())


def _lines(partner: Partner) -> dict[str, object]:
    settings = shown(partner)["settings"]
    own = settings if isinstance(settings, dict) else {}
    return {
        "Name": partner.name,
        "Id": partner.id,
        "Protocol": partner.door,
        "Identifier": partner.identifier,
        "Issuer": partner.issuer,
        "Enabled": partner.enabled,
        "Release": partner.release,
        "People": partner.access.people,
        "Groups": partner.access.groups,
        "Notes": partner.notes,
        **{key.replace("_", " ").capitalize(): _brief(value) for key, value in own.items()},
    }


def _brief(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items() if part not in ("", None))
    if isinstance(value, list):
        return [_brief(part) for part in value]
    return _certificate(str(value)) if str(value).startswith("-----BEGIN") else value


def _certificate(pem: str) -> str:
    facts = key_facts(pem)
    return f"SHA-256 {facts.fingerprint} ({facts.key}, until {facts.not_after:%Y-%m-%d})"
