"""Say of an application what its page shows, in the words of the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from idp.core.model import Partner
from idp.partners.keyfacts import KeyFacts, key_facts
from idp.partners.oidc import oidc_settings
from idp.partners.saml import HTTP_POST, HTTP_REDIRECT, SamlSettings, saml_settings

_BINDINGS = {HTTP_POST: "POST", HTTP_REDIRECT: "Redirect"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An address and what is to be known of it; first marks the one used unless another is asked for."""

    address: str
    binding: str
    first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A certificate, and whether its date has passed."""

    facts: KeyFacts
    expired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlFacts:
    """What a SAML application's metadata says."""

    answers: tuple[Place, ...]
    sign_out: tuple[Place, ...]
    signing: tuple[Key, ...]
    encryption: tuple[Key, ...]
    requests_signed: bool
    formats: tuple[str, ...]
    wanted: tuple[str, ...]
    required: tuple[str, ...]


def saml_facts(settings: SamlSettings, *, now: datetime) -> SamlFacts:
    """Return what to show of SAML settings."""
    return SamlFacts(
        answers=tuple(
            Place(address=each.location, binding=_short(each.binding), first=each == settings.default_acs)
            for each in settings.acs
        ),
        sign_out=tuple(Place(address=each.location, binding=_short(each.binding)) for each in settings.slo),
        signing=_keys(settings.certificates, now),
        encryption=_keys([each.certificate for each in settings.encryption_keys if each.declared], now),
        requests_signed=settings.authn_requests_signed,
        formats=tuple(dict.fromkeys(each.rpartition(":")[2] for each in settings.name_id_formats)),
        wanted=tuple(dict.fromkeys(name for each in settings.attribute_sets for name in each.wanted)),
        required=tuple(dict.fromkeys(name for each in settings.attribute_sets for name in each.required)),
    )


def saml_facts_of(partner: Partner, *, now: datetime) -> SamlFacts | None:
    """Return what to show of a SAML application, None for others."""
    return saml_facts(saml_settings(partner), now=now) if partner.door == "saml" else None


def redirects_of(partner: Partner) -> tuple[str, ...]:
    """Return where answers to an OpenID Connect application go; none for others."""
    return oidc_settings(partner).redirect_uris if partner.door == "oidc" else ()


def _short(binding: str) -> str:
    return _BINDINGS.get(binding) or binding.rpartition(":")[2].removeprefix("HTTP-")


def _keys(certificates: Iterable[str], now: datetime) -> tuple[Key, ...]:
    facts = [key_facts(pem) for pem in certificates]
    return tuple(Key(facts=each, expired=each.not_after <= now) for each in facts)
