"""Write messages: what every one of ours has in common, and how it becomes XML."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from lxml import etree
from saml2 import SamlBase, saml, samlp, xmldsig

from idp.core.ids import new_id
from idp.core.model import Issuer

ALG: Final = "RS256"  # the one that every partner's software can check
ISSUER_TAG = f"{{{saml.NAMESPACE}}}Issuer"
_PREFIXES = {
    "saml": saml.NAMESPACE,
    "samlp": samlp.NAMESPACE,
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "ds": xmldsig.NAMESPACE,
}


def timestamp(at: datetime) -> str:
    """Return an instant as SAML writes it: UTC, whole seconds (core 1.3.3)."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def heading(*, issuer: Issuer, destination: str, now: datetime) -> dict[str, Any]:
    """Return the fields that every protocol message of ours begins with."""
    return {
        "id": new_id(),
        "version": "2.0",
        "issue_instant": timestamp(now),
        "destination": destination,
        "issuer": saml.Issuer(text=issuer.entity_id),
    }


def xml(message: SamlBase) -> bytes:
    """Return the message as XML with the usual prefixes."""
    return bytes(message.to_string(_PREFIXES))


def element(message: SamlBase) -> etree._Element:
    """Return the message as the tree in which it will be signed."""
    return etree.fromstring(xml(message))
