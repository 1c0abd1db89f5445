"""Attributes as SAML says them: urn:oid names with friendly names (X.500/LDAP attribute profile)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml import etree
from saml2 import saml

from idp.core.model import Claim
from idp.saml.writing import SAML, XSI_TYPE, child

_EDU_PERSON = "1.3.6.1.4.1.5923.1.1.1"
# By our name: the object identifier, and the friendly name where it differs.
_OIDS = {
    "uid": "0.9.2342.19200300.100.1.1",
    "mail": "0.9.2342.19200300.100.1.3",
    "mobile": "0.9.2342.19200300.100.1.41",
    "cn": "2.5.4.3",
    "sn": "2.5.4.4",
    "c": "2.5.4.6",
    "l": "2.5.4.7",
    "st": "2.5.4.8",
    "street": "2.5.4.9",
    "o": "2.5.4.10",
    "ou": "2.5.4.11",
    "title": "2.5.4.12",
    "postalCode": "2.5.4.17",
    "telephoneNumber": "2.5.4.20",
    "givenName": "2.5.4.42",
    "departmentNumber": "2.16.840.1.113730.3.1.2",
    "employeeNumber": "2.16.840.1.113730.3.1.3",
    "employeeType": "2.16.840.1.113730.3.1.4",
    "preferredLanguage": "2.16.840.1.113730.3.1.39",
    "displayName": "2.16.840.1.113730.3.1.241",
    "department": "1.2.840.113556.1.2.141",
    "eduPersonAffiliation": f"{_EDU_PERSON}.1",
    "eduPersonNickname": f"{_EDU_PERSON}.2",
    "eduPersonPrimaryAffiliation": f"{_EDU_PERSON}.5",
    "eduPersonPrincipalName": f"{_EDU_PERSON}.6",
    "eduPersonEntitlement": f"{_EDU_PERSON}.7",
    "eduPersonScopedAffiliation": f"{_EDU_PERSON}.9",
    "eduPersonAssurance": f"{_EDU_PERSON}.11",
    "eduPersonOrcid": f"{_EDU_PERSON}.16",
    "schacHomeOrganization": "1.3.6.1.4.1.25178.1.2.9",
    "isMemberOf": "1.3.6.1.4.1.5923.1.5.1.1",
}
_SYNONYMS = {"groups": "isMemberOf"}
_BY_OID = {f"urn:oid:{oid}": name for name, oid in _OIDS.items()} | {
    f"urn:oid:{_OIDS[known]}": ours for ours, known in _SYNONYMS.items()
}
# XML 1.0 section 2.2: everything else breaks the document, escaped or not.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def statement(assertion: etree._Element, claims: Sequence[Claim]) -> None:
    """Add the AttributeStatement that says the claims; none when there is nothing to say.

    A character that XML cannot hold becomes U+FFFD, so that the value stays visibly different
    from any sound one.
    """
    values: dict[str, list[str]] = {}
    for claim in claims:
        if claim.value:
            values.setdefault(claim.type, []).append(_NO_XML.sub("\ufffd", claim.value))
    if values:
        said = child(assertion, f"{SAML}AttributeStatement")
        for name, several in values.items():
            _attribute(said, name, several)


def known_as(said: Sequence[str]) -> tuple[str, ...]:
    """Return our names for attributes by the names that partners use; unknown ones stay as they are."""
    return tuple(dict.fromkeys(_BY_OID.get(name, name) for name in said))


def fits_xml(text: str) -> bool:
    """Say whether every character of the text can stand in an XML document."""
    return _NO_XML.search(text) is None


def _attribute(statement: etree._Element, name: str, values: Sequence[str]) -> None:
    known = _SYNONYMS.get(name, name)
    if known in _OIDS:
        said = {
            "Name": f"urn:oid:{_OIDS[known]}",
            "NameFormat": saml.NAME_FORMAT_URI,
            "FriendlyName": known,
        }
    else:
        said = {
            "Name": _NO_XML.sub("\ufffd", name),
            "NameFormat": saml.NAME_FORMAT_URI if ":" in name else saml.NAME_FORMAT_BASIC,
        }
    attribute = child(statement, f"{SAML}Attribute", **said)
    for value in values:
        child(attribute, f"{SAML}AttributeValue", value).set(XSI_TYPE, "xs:string")
