"""What an administrator may choose for an OpenID Connect application, machine or API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from idp.core.errors import Refused
from idp.partners.jwks import Jwk
from idp.partners.oidc import OidcSettings, by_key, check_scopes, check_use, oidc_settings
from idp.partners.registry import Partners

_PLAIN = ("refresh", "ask_consent", "require_pushed", "backchannel_logout_uri", "frontchannel_logout_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcChoices:
    """Changes to make; None leaves a setting as it is.

    jwks or jwks_uri takes the place of a secret or of other keys. may_call gives scopes at APIs, by their
    client ids; no scopes at all take an API away, as "" does a logout address. scopes are those
    that an API itself has.
    """

    refresh: bool | None = None
    ask_consent: bool | None = None
    require_pushed: bool | None = None
    backchannel_logout_uri: str | None = None
    frontchannel_logout_uri: str | None = None
    jwks: tuple[Jwk, ...] = ()
    jwks_uri: str = ""
    may_call: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scopes: tuple[str, ...] | None = None

    def __bool__(self) -> bool:
        """Say whether anything is to be changed."""
        return self != OidcChoices()


def chosen(settings: OidcSettings, choices: OidcChoices) -> OidcSettings:
    """Return the settings with the choices made. Raises Refused for one that could not work."""
    plain = {name: getattr(choices, name) for name in _PLAIN if getattr(choices, name) is not None}
    settings = replace(settings, **plain)
    if choices.jwks or choices.jwks_uri:
        settings = by_key(settings, jwks=choices.jwks, jwks_uri=choices.jwks_uri)
    if choices.scopes is not None:
        if not settings.resource:
            raise Refused("Only an API has scopes of its own.")
        check_scopes(choices.scopes)
        settings = replace(settings, scopes=choices.scopes)
    calls = {**settings.may_call, **choices.may_call}
    settings = replace(settings, may_call={api: scopes for api, scopes in calls.items() if scopes})
    check_use(settings)
    return settings


def check_apis(client_id: str, settings: OidcSettings, partners: Partners, connection: sa.Connection) -> None:
    """Refuse calls to what is no API or has no such scope, and two APIs at one address. Raises Refused."""
    for api, scopes in settings.may_call.items():
        known = partners.stored(connection, "oidc", api)
        called = oidc_settings(known) if known else None
        if called is None or not called.resource:
            raise Refused(f"There is no API {api}: add it with `idp partner add-api` first.")
        unknown = set(scopes) - set(called.scopes)
        if unknown:
            raise Refused(f"The API {api} has no scope {min(unknown)}.")
    if settings.resource:
        there = partners.having(connection, "oidc", "resource", settings.resource)
        if any(one.identifier != client_id for one in there):
            raise Refused("Another API already has this address.")
