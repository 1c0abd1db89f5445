"""Write messages: what every one of ours has in common, and how it becomes XML."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from xml.etree import ElementTree as ET

from lxml import etree
from saml2 import SamlBase, saml, samlp

from idp.core.ids import new_id
from idp.core.model import Issuer

ALG: Final = "RS256"  # the one that every partner's software can check
ISSUER_TAG = f"{{{saml.NAMESPACE}}}Issuer"
_NAMESPACES = {
    "saml": saml.NAMESPACE,
    "samlp": samlp.NAMESPACE,
    # For xsi:type="xs:string", which pysaml2 writes on every attribute value.
    "xs": "http://www.w3.org/2001/XMLSchema",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
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


def element(message: SamlBase) -> etree._Element:
    """Return the message as the tree in which it will be signed.

    Raises ValueError for text that XML cannot hold.
    """
    # Writing text and parsing it again takes as long as everything else but the RSA signature.
    holder = ET.Element("holder")
    message.become_child_element_of(holder)
    source = holder[0]
    root = etree.Element(source.tag, nsmap=_NAMESPACES)
    _fill(root, source)
    return root


def _fill(target: etree._Element, source: ET.Element) -> None:
    target.text = source.text
    for name, value in source.items():
        if not name.startswith("xmlns:"):  # declared on the root
            target.set(name, value)
    for child in source:
        _fill(etree.SubElement(target, child.tag), child)
