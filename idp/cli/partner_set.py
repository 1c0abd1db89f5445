"""idp partner set: change what was chosen for an application."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from idp.cli.opening import office
from idp.cli.output import as_json, say
from idp.cli.partner_oidc import called, read_keys
from idp.desk.oidc_choices import OidcChoices
from idp.desk.partners import PartnerChanges, shown
from idp.desk.saml_choices import SIGN, SamlChoices
from idp.partners.saml import Encrypt, Tolerated, Weak

_WEAK = click.Choice([each.value for each in Weak])


@click.command(name="set")
@click.argument("which", metavar="ID")
@click.option("--name", metavar="T", help="Name that people see.")
@click.option("--notes", metavar="T", help="Notes for administrators.")
@click.option("--release", metavar="ATTR,...", help='Attributes it gets; "" for none.')
@click.option("--groups", metavar="GROUP,...", help='Only people of these groups may enter; "" for no limit.')
@click.option("--people", metavar="NAME,...", help='Only these people may enter; "" for no limit.')
@click.option("--sign", type=click.Choice(tuple(SIGN)), help="SAML: what of an answer is signed.")
@click.option(
    "--encrypt", type=click.Choice([each.value for each in Encrypt]), help="SAML: encrypt assertions."
)
@click.option(
    "--nameid",
    metavar="FORM[:ATTR]",
    help='SAML: persistent, transient, email or unspecified:ATTR; "" for what its metadata says.',
)
@click.option("--clock-skew", metavar="SECONDS", type=int, help="SAML: its clock may be this wrong.")
@click.option(
    "--idp-initiated/--no-idp-initiated", default=None, help="SAML: people may start here (off at first)."
)
@click.option("--relay-state", metavar="T", help="SAML: what goes along when people start here.")
@click.option("--allow", type=_WEAK, help="SAML: allow a weak algorithm; goes with --until.")
@click.option("--until", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]), help="The day --allow ends.")
@click.option("--refuse", type=_WEAK, help="SAML: no longer allow a weak algorithm.")
@click.option("--refresh/--no-refresh", default=None, help="OIDC: it may have refresh tokens.")
@click.option("--ask-consent/--no-ask-consent", default=None, help="OIDC: ask people first.")
@click.option("--require-par/--no-require-par", default=None, help="OIDC: take pushed requests only.")
@click.option(
    "--backchannel-logout-uri",
    "behind",
    metavar="URI",
    help='OIDC: its server hears of sign-outs; "" ends it.',
)
@click.option(
    "--frontchannel-logout-uri", "framed", metavar="URI", help='OIDC: a sign-out loads its page; "" ends it.'
)
@click.option(
    "--api",
    "apis",
    nargs=2,
    metavar="API SCOPE,...",
    multiple=True,
    help='OIDC: an API it may call; "" for not.',
)
@click.option("--scopes", metavar="S,...", help="OIDC: the scopes of an API.")
@click.option(
    "--jwks",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="OIDC: its public keys, instead of the secret or keys it had.",
)
@click.option("--jwks-uri", metavar="URI", default="", help="OIDC: where it publishes them itself, instead.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def set_(
    *,
    which: str,
    name: str | None,
    notes: str | None,
    release: str | None,
    groups: str | None,
    people: str | None,
    sign: str | None,
    encrypt: str | None,
    nameid: str | None,
    clock_skew: int | None,
    idp_initiated: bool | None,
    relay_state: str | None,
    allow: str | None,
    until: datetime | None,
    refuse: str | None,
    refresh: bool | None,
    ask_consent: bool | None,
    require_par: bool | None,
    behind: str | None,
    framed: str | None,
    apis: tuple[tuple[str, str], ...],
    scopes: str | None,
    jwks: Path | None,
    jwks_uri: str,
    json_: bool,
) -> None:
    """Change what was chosen for an application; what is not named stays."""
    choices = SamlChoices(
        sign=sign,
        encrypt=Encrypt(encrypt) if encrypt else None,
        name_id=nameid,
        clock_skew=clock_skew,
        idp_initiated=idp_initiated,
        relay_state=relay_state,
        tolerate=_tolerated(allow, until),
        refuse=Weak(refuse) if refuse else None,
    )
    changes = PartnerChanges(
        name=name,
        notes=notes,
        release=_listed(release),
        groups=_listed(groups),
        people=_listed(people),
        saml=choices,
        oidc=OidcChoices(
            refresh=refresh,
            ask_consent=ask_consent,
            require_pushed=require_par,
            backchannel_logout_uri=behind,
            frontchannel_logout_uri=framed,
            jwks=read_keys(jwks) if jwks else (),
            jwks_uri=jwks_uri,
            may_call=called(apis),
            scopes=_listed(scopes),
        ),
    )
    if changes == PartnerChanges():
        raise click.UsageError("Say what to change.")
    with office() as desk:
        partner = desk.partners.change(which, changes, actor=desk.actor)
    if json_:
        as_json(shown(partner))
        return
    say(f"Changed {partner.name}.")


def _tolerated(allow: str | None, until: datetime | None) -> Tolerated | None:
    if (allow is None) != (until is None):
        raise click.UsageError("--allow and --until go together.")
    if allow is None or until is None:
        return None
    return Tolerated(what=Weak(allow), until=until.replace(tzinfo=UTC))


def _listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())
