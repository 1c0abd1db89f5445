"""Say which scope of OpenID Connect covers an attribute: what is asked for, shown and told alike."""

from __future__ import annotations

from collections.abc import Mapping

_SCOPES: Mapping[str, str] = {
    "mail": "email",
    "telephoneNumber": "phone",
    "mobile": "phone",
    "groups": "groups",
    "street": "address",
    "postalAddress": "address",
    "postalCode": "address",
    "l": "address",
    "st": "address",
    "c": "address",
}


def scope_of(attribute: str) -> str:
    """Return the scope an attribute, in its usual spelling, comes with: profile for most."""
    return _SCOPES.get(attribute, "profile")
