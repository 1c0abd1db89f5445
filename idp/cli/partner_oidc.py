"""idp partner add-oidc, add-api: bring in applications, machines and APIs of OpenID Connect."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import click

from idp.cli.opening import office
from idp.cli.output import as_json, fields, say, warn
from idp.core.errors import Refused
from idp.core.ids import new_secret
from idp.core.model import Partner
from idp.desk.partners import shown
from idp.partners import jwks as key_sets
from idp.partners import oidc
from idp.partners.jwks import Jwk

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(name="add-oidc")
@click.argument("client_id", metavar="CLIENT_ID")
@click.option("--redirect-uri", "redirects", metavar="URI", multiple=True, help="Where answers go.")
@click.option("--name", metavar="T", default="", help="Name that people see; else the client id.")
@click.option("--secret-stdin", is_flag=True, help="Read the client secret from standard input (one line).")
@click.option("--jwks", metavar="FILE", type=_FILE, help="Its public keys (a JWK Set), instead of a secret.")
@click.option("--jwks-uri", metavar="URI", default="", help="Where it publishes them itself, instead.")
@click.option("--public", is_flag=True, help="A client that can keep no secret (native or single-page app).")
@click.option(
    "--post-logout-redirect-uri", "logouts", metavar="URI", multiple=True, help="Where sign-out may lead."
)
@click.option(
    "--backchannel-logout-uri",
    "behind",
    metavar="URI",
    default="",
    help="Where its server hears of sign-outs.",
)
@click.option(
    "--frontchannel-logout-uri", "framed", metavar="URI", default="", help="Its page that a sign-out loads."
)
@click.option("--refresh", is_flag=True, help="It may have refresh tokens, and offline access with consent.")
@click.option("--machine", is_flag=True, help="It may have tokens of its own, about nobody.")
@click.option("--api", "apis", nargs=2, metavar="API SCOPE,...", multiple=True, help="An API it may call.")
@click.option("--require-par", is_flag=True, help="Take its requests only if they were pushed (PAR).")
@click.option("--ask-consent", is_flag=True, help="Ask people before it learns anything about them.")
@click.option("--pairwise", is_flag=True, help="Know people by ids that only applications of its host share.")
@click.option(
    "--sector-identifier-uri", "sector_uri", metavar="URI", default="", help="The same over several hosts."
)
@click.option(
    "--id-token-alg", "alg", type=click.Choice(oidc.ID_TOKEN_ALGS), default="RS256", show_default=True
)
@click.option(
    "--release", metavar="ATTR,...", default="", help="Attributes it gets; else uid,mail,displayName."
)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def add_oidc(
    *,
    client_id: str,
    redirects: tuple[str, ...],
    name: str,
    secret_stdin: bool,
    jwks: Path | None,
    jwks_uri: str,
    public: bool,
    logouts: tuple[str, ...],
    behind: str,
    framed: str,
    refresh: bool,
    machine: bool,
    apis: tuple[tuple[str, str], ...],
    require_par: bool,
    ask_consent: bool,
    pairwise: bool,
    sector_uri: str,
    alg: str,
    release: str,
    json_: bool,
) -> None:
    """Trust an OpenID Connect application, or a machine that calls APIs.

    Without --secret-stdin, --jwks, --jwks-uri and --public a secret is made and printed once.
    """
    if not redirects and not machine:
        raise click.UsageError("Say where answers go (--redirect-uri), or that it is a machine (--machine).")
    ways = [secret_stdin, public, jwks is not None, bool(jwks_uri)]
    if ways.count(True) > 1:
        raise click.UsageError("--secret-stdin, --jwks, --jwks-uri and --public exclude one another.")
    keyless = any(ways)
    secret = _secret(from_stdin=secret_stdin) if secret_stdin or not keyless else ""
    settings = oidc.register(
        redirect_uris=redirects,
        post_logout_redirect_uris=logouts,
        secret=secret,
        jwks=read_keys(jwks) if jwks else (),
        jwks_uri=jwks_uri,
        id_token_alg=alg,
        backchannel_logout_uri=behind,
        frontchannel_logout_uri=framed,
        sector=oidc.sector_of(redirects) if pairwise and not sector_uri else "",
        ask_consent=ask_consent,
        require_pushed=require_par,
        refresh=refresh,
        machine=machine,
        may_call=called(apis),
    )
    with office() as desk:
        if sector_uri:
            sector = desk.partners.sector_at(sector_uri, redirects, actor=desk.actor)
            settings = replace(settings, sector=sector)
        partner = desk.partners.add_oidc(
            client_id, settings, name=name, release=listed(release), actor=desk.actor
        )
    for address in filter(oidc.unprotected, (*redirects, *logouts)):
        warn(f"Note: answers to {address} travel unencrypted (http).")
    _added(partner, made="" if keyless else secret, json_=json_)


@click.command(name="add-api")
@click.argument("client_id", metavar="CLIENT_ID")
@click.argument("resource", metavar="ADDRESS")
@click.option("--scope", "scopes", metavar="S", multiple=True, required=True, help="A scope it knows.")
@click.option("--name", metavar="T", default="", help="Name that people see; else the client id.")
@click.option(
    "--access-token-alg",
    "alg",
    type=click.Choice(oidc.ID_TOKEN_ALGS),
    help="It reads signed tokens (RFC 9068) by itself; without this it asks about opaque ones.",
)
@click.option("--secret-stdin", is_flag=True, help="Read its secret from standard input (one line).")
@click.option("--jwks", metavar="FILE", type=_FILE, help="Its public keys (a JWK Set), instead of a secret.")
@click.option("--jwks-uri", metavar="URI", default="", help="Where it publishes them itself, instead.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def add_api(
    *,
    client_id: str,
    resource: str,
    scopes: tuple[str, ...],
    name: str,
    alg: str | None,
    secret_stdin: bool,
    jwks: Path | None,
    jwks_uri: str,
    json_: bool,
) -> None:
    """Add an API that applications and machines call with access tokens.

    ADDRESS is what its tokens are for. With CLIENT_ID and a secret, which is made and printed once
    unless you give one, it asks what a token it was shown is worth.
    """
    ways = [secret_stdin, jwks is not None, bool(jwks_uri)]
    if ways.count(True) > 1:
        raise click.UsageError("--secret-stdin, --jwks and --jwks-uri exclude one another.")
    secret = "" if jwks or jwks_uri else _secret(from_stdin=secret_stdin)
    settings = oidc.register_api(
        resource,
        scopes=scopes,
        secret=secret,
        jwks=read_keys(jwks) if jwks else (),
        jwks_uri=jwks_uri,
        access_token_alg=alg or "",
    )
    with office() as desk:
        partner = desk.partners.add_oidc(client_id, settings, name=name, actor=desk.actor)
    _added(partner, made="" if any(ways) else secret, json_=json_)


def read_keys(file: Path) -> tuple[Jwk, ...]:
    """Return the public keys in a file. Raises Refused."""
    try:
        return key_sets.read(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} cannot be read.") from error


def called(apis: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return scopes by API from pairs of options."""
    return {api: listed(scopes) for api, scopes in apis}


def listed(text: str) -> tuple[str, ...]:
    """Return the parts of a list with commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _added(partner: Partner, *, made: str, json_: bool) -> None:
    if json_:
        as_json(shown(partner) | ({"client_secret": made} if made else {}))
        return
    say(f"Added {partner.name}.")
    fields({"Id": partner.id, "Client id": partner.identifier, "Client secret": made})


def _secret(*, from_stdin: bool) -> str:
    if not from_stdin:
        return new_secret()
    typed = sys.stdin.readline().rstrip("\r\n")
    if not typed:
        raise Refused("No client secret came on standard input.")
    return typed
