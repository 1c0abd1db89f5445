"""Turn a grant's claims into what clients are told, as far as scopes and the claims parameter go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from idp.claims import scope_of
from idp.core.model import Grant
from idp.oidc import wanted
from idp.oidc.wanted import Member

SCOPES = ("openid", "profile", "email", "phone", "address", "groups")

OFFLINE = "offline_access"
# Attributes by their standard names (OIDC core 5.1); the first that is known speaks.
_STANDARD: Mapping[str, tuple[str, ...]] = {
    "name": ("displayName",),
    "given_name": ("givenName",),
    "family_name": ("sn",),
    "nickname": ("eduPersonNickname",),
    "preferred_username": ("uid",),
    "locale": ("preferredLanguage",),
    "email": ("mail",),
    "phone_number": ("telephoneNumber", "mobile"),
}
# The parts of the address claim (5.1.1).
_ADDRESS: Mapping[str, str] = {
    "formatted": "postalAddress",
    "street_address": "street",
    "locality": "l",
    "region": "st",
    "postal_code": "postalCode",
    "country": "c",
}
# Always lists, so that an application meets the same type whether there are one or many.
_LISTS = frozenset(
    {"groups", "isMemberOf", "eduPersonAffiliation", "eduPersonScopedAffiliation", "eduPersonEntitlement"}
)
# Names whose meaning is the protocol's: no attribute may speak in their place (RFC 7519 4.1,
# OIDC core 2 and 5.1).
_RESERVED = frozenset(
    {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "azp", "nonce", "auth_time", "acr", "amr", "sid"}
    | {"at_hash", "c_hash", "events", "cnf", "email_verified", "phone_number_verified", "address"}
    | set(_STANDARD)
)

STANDARD_CLAIMS = ("sub", *_STANDARD, "address", "groups")


def userinfo(grant: Grant, scopes: frozenset[str]) -> dict[str, object]:
    """Return the claims by name; the grant holds released attributes only.

    Attributes without a standard name come under their own with the scope that covers them,
    groups also with profile. email_verified is left out: nobody here verified it.
    """
    asked = wanted.from_echo(grant.request.echo).userinfo
    told = {
        name: value
        for name, scope, value in _known(grant)
        if scope in scopes or (name == "groups" and "profile" in scopes) or _asked(asked, name, value)
    }
    return {"sub": grant.subject.value, **told}


def in_id_token(grant: Grant) -> dict[str, object]:
    """Return the claims that the claims parameter wants in the ID token: scopes put none there."""
    asked = wanted.from_echo(grant.request.echo).id_token
    return {name: value for name, _, value in _known(grant) if _asked(asked, name, value)}


def covering(names: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes that would tell these claims; the protocol's own need none."""
    scopes: dict[str, None] = {}
    for name in names:
        if name == "address":
            scopes[name] = None
        elif name in _STANDARD or name not in _RESERVED:
            scopes[scope_of(_STANDARD.get(name, (name,))[0])] = None
    return tuple(scopes)


def _asked(asked: Mapping[str, Member], name: str, value: object) -> bool:
    return name in asked and asked[name].takes(value)


def _known(grant: Grant) -> Iterator[tuple[str, str, object]]:
    """Yield name, scope and value of everything that could be told."""
    held = _by_type(grant)
    for name, attributes in _STANDARD.items():
        attribute = next((one for one in attributes if one in held), None)
        if attribute is not None:
            yield name, scope_of(attribute), held.pop(attribute)[0]
    address = {part: held.pop(one)[0] for part, one in _ADDRESS.items() if one in held}
    if address:
        yield "address", "address", address
    for attribute, values in held.items():
        if attribute not in _RESERVED:
            value = values if attribute in _LISTS or len(values) > 1 else values[0]
            yield attribute, scope_of(attribute), value


def _by_type(grant: Grant) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for claim in grant.claims:
        found.setdefault(claim.type, []).append(claim.value)
    return found
