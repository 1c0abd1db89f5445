"""Write messages: the tree in which they are signed, and what every one of ours has in common."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from lxml import etree
from saml2 import saml, samlp

from idp.core.ids import new_id
from idp.core.model import Issuer

ALG: Final = "RS256"  # the one that every partner's software can check
SAML: Final = f"{{{saml.NAMESPACE}}}"
SAMLP: Final = f"{{{samlp.NAMESPACE}}}"
ISSUER_TAG: Final = f"{SAML}Issuer"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
XSI_TYPE: Final = f"{{{_XSI}}}type"
_NAMESPACES = {
    "saml": saml.NAMESPACE,
    "samlp": samlp.NAMESPACE,
    # For xsi:type="xs:string", which every attribute value has.
    "xs": "http://www.w3.org/2001/XMLSchema",
    "xsi": _XSI,
}


def timestamp(at: datetime) -> str:
    """Return an instant as SAML writes it: UTC, whole seconds (core 1.3.3)."""
    # strftime takes ten times as long, and an answer says seven instants.
    return f"{at.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def message(
    kind: str, *, issuer: Issuer, destination: str | None, now: datetime, **attributes: str | None
) -> etree._Element:
    """Return a protocol message with what each begins with: "Response", "LogoutRequest" ...

    attributes are its own ones beyond those, as in `child`.
    """
    root = etree.Element(f"{SAMLP}{kind}", _present(attributes), nsmap=_NAMESPACES)
    begin(root, issuer=issuer, now=now)
    if destination is not None:
        root.set("Destination", destination)
    return root


def begin(element: etree._Element, *, issuer: Issuer, now: datetime) -> None:
    """Say in an empty message or assertion which one it is, when it was made, and whose it is."""
    element.set("ID", new_id())
    element.set("Version", "2.0")
    element.set("IssueInstant", timestamp(now))
    child(element, ISSUER_TAG, issuer.entity_id)


def child(
    parent: etree._Element, tag: str, text: str | None = None, **attributes: str | None
) -> etree._Element:
    """Add a child and return it; attributes that are None are left out.

    The schema's order of children is the caller's to keep. Raises ValueError for text that XML
    cannot hold.
    """
    element = etree.SubElement(parent, tag, _present(attributes))
    element.text = text
    return element


def status(parent: etree._Element, top: str, second: str = "", text: str = "") -> None:
    """Say how it went (core 3.2.2.1): whose doing it is, what it was, and a text for people."""
    said = child(parent, f"{SAMLP}Status")
    code = child(said, f"{SAMLP}StatusCode", Value=top)
    if second:
        child(code, f"{SAMLP}StatusCode", Value=second)
    if text:
        child(said, f"{SAMLP}StatusMessage", text)


def _present(attributes: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value is not None}
