"""Turn a grant's claims into what userinfo says, as far as the scopes allow."""

from __future__ import annotations

from collections.abc import Mapping

from idp.core.model import Grant

SCOPES = ("openid", "profile", "email", "phone", "groups")

# Attribute, its standard name (OIDC core 5.1), and the scope that asks for it (5.4).
_STANDARD: Mapping[str, tuple[str, str]] = {
    "displayName": ("name", "profile"),
    "givenName": ("given_name", "profile"),
    "sn": ("family_name", "profile"),
    "uid": ("preferred_username", "profile"),
    "mail": ("email", "email"),
    "telephoneNumber": ("phone_number", "phone"),
}
# Always lists, so that an application meets the same type whether there are one or many.
_LISTS = frozenset(
    {"groups", "isMemberOf", "eduPersonAffiliation", "eduPersonScopedAffiliation", "eduPersonEntitlement"}
)
# Names whose meaning is the protocol's: no attribute may speak in their place (RFC 7519 4.1,
# OIDC core 2 and 5.1).
_RESERVED = frozenset(
    {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "azp", "nonce", "auth_time", "acr", "amr", "sid"}
    | {"at_hash", "c_hash", "email_verified", "phone_number_verified"}
    | {name for name, _ in _STANDARD.values()}
)

STANDARD_CLAIMS = ("sub", *(name for name, _ in _STANDARD.values()), "groups")


def userinfo(grant: Grant, scopes: frozenset[str]) -> dict[str, object]:
    """Return the claims by name; the grant holds released attributes only.

    Attributes without a standard name come under their own with scope profile; groups also
    with scope groups. email_verified is left out: nobody here verified it.
    """
    told: dict[str, object] = {"sub": grant.subject.value}
    for attribute, values in _by_type(grant).items():
        if attribute in _STANDARD:
            name, scope = _STANDARD[attribute]
            if scope in scopes:
                told[name] = values[0]
        elif attribute not in _RESERVED and _asked_for(attribute, scopes):
            told[attribute] = values if attribute in _LISTS or len(values) > 1 else values[0]
    return told


def _asked_for(attribute: str, scopes: frozenset[str]) -> bool:
    return "profile" in scopes or (attribute == "groups" and "groups" in scopes)


def _by_type(grant: Grant) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for claim in grant.claims:
        found.setdefault(claim.type, []).append(claim.value)
    return found
