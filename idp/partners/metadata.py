"""Read a service provider's SAML metadata into the settings of a partner.

Strict about what would let a stranger in (addresses, expiry, whose metadata it is), forgiving
about the rest: what could not be used is said in `problems`, for the administrator to judge.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from lxml import etree

from idp.core.errors import BadMessage, Refused
from idp.partners import certificates, encryption
from idp.partners.documents import LIMIT, Document, Signature, expiry, open_document
from idp.partners.remarks import Remark
from idp.partners.saml import HTTP_POST, AcsEndpoint, AttributeSet, SamlSettings, SloEndpoint
from idp.signedxml import validate

SAML2 = "urn:oasis:names:tc:SAML:2.0:protocol"
_NAMES = {
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "mdui": "urn:oasis:names:tc:SAML:metadata:ui",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "xml": "http://www.w3.org/XML/1998/namespace",
}
_LANGUAGE = f"{{{_NAMES['xml']}}}lang"
_DISPLAY_NAMES = (
    "md:SPSSODescriptor/md:Extensions/mdui:UIInfo/mdui:DisplayName",
    "md:Organization/md:OrganizationDisplayName",
    "md:SPSSODescriptor/md:AttributeConsumingService/md:ServiceName",
)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST_NAME = 200
_LONGEST_IDENTIFIER = 1024  # SAML core 8.3.6
_PLACE = re.compile(r"(?:Element|element) '(?:\{[^}]*\})?([A-Za-z]{1,60})'")
_MOST_ATTRIBUTES = 200  # of one AttributeConsumingService


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRead:
    """What one entity's metadata says. problems: sentences for the administrator."""

    entity_id: str
    name: str
    settings: SamlSettings
    problems: tuple[str, ...] = ()


def read(data: bytes, *, now: datetime) -> EntityRead:
    """Read a document with the metadata of one service provider. Raises Refused."""
    return read_entity(open_document(data, now=now, limit=LIMIT), now=now)


def read_entity(document: Document, *, now: datetime) -> EntityRead:
    """Read the metadata of one service provider.

    Raises Refused, saying why, when it has no SAML 2.0 SPSSODescriptor, that has expired, or names
    an address we would never send to.
    """
    problems: list[str] = []
    entity = document.entity
    entity_id = _entity_id(entity)
    sp = _service_provider(entity)
    expiry(sp, now=now)
    _note_form(document, problems)
    settings = SamlSettings(
        acs=_acs(sp, problems),
        slo=_slo(sp, problems),
        certificates=certificates.signing(sp, problems),
        encryption_keys=certificates.encryption(sp, problems),
        name_id_formats=_formats(sp),
        attribute_sets=_attribute_sets(sp),
        authn_requests_signed=_flag(sp.get("AuthnRequestsSigned")),
    )
    if settings.authn_requests_signed and not settings.certificates:
        raise Refused(
            "The metadata says that requests are signed, but holds no certificate to check them with."
        )
    problems.extend(filter(None, [encryption.remark(settings.encryption_keys)]))
    return EntityRead(
        entity_id=entity_id, name=_name(entity) or entity_id, settings=settings, problems=tuple(problems)
    )


# The entity -------------------------------------------------------------------------------------
def _entity_id(entity: etree._Element) -> str:
    entity_id = entity.get("entityID", "").strip()
    if not 0 < len(entity_id) <= _LONGEST_IDENTIFIER:
        raise Refused("The metadata has no usable entityID.")
    return entity_id


def _service_provider(entity: etree._Element) -> etree._Element:
    for sp in _all(entity, "md:SPSSODescriptor"):
        if SAML2 in sp.get("protocolSupportEnumeration", "").split():
            return sp
    raise Refused("The metadata describes no SAML 2.0 service provider (SPSSODescriptor).")


def _note_form(document: Document, problems: list[str]) -> None:
    if document.signature is Signature.UNCHECKED:
        problems.append(
            Remark("The metadata is signed, but nothing says whose signature to expect: it was not checked.")
        )
    try:
        validate(document.entity)
    except BadMessage as error:
        where = _PLACE.search(error.detail)
        problems.append(
            Remark(
                "The metadata breaks the SAML schema at %(place)s; what could be read was used.",
                place=where[1] if where else "EntityDescriptor",
            )
        )


def _name(entity: etree._Element) -> str:
    for path in _DISPLAY_NAMES:
        names = [element for element in _all(entity, path) if (element.text or "").strip()]
        english = [element for element in names if element.get(_LANGUAGE, "").lower().startswith("en")]
        for element in [*english, *names]:
            return _shown(element.text or "")
    return ""


# Endpoints --------------------------------------------------------------------------------------
def _acs(sp: etree._Element, problems: list[str]) -> tuple[AcsEndpoint, ...]:
    found: dict[int, AcsEndpoint] = {}
    for position, element in enumerate(_all(sp, "md:AssertionConsumerService")):
        index = _index(element, position)
        if index in found:
            problems.append(
                Remark(
                    "Two AssertionConsumerServices have the index %(index)s: the second is ignored.",
                    index=str(index),
                )
            )
            continue
        found[index] = AcsEndpoint(
            index=index,
            location=_location(element.get("Location"), problems),
            binding=element.get("Binding", "").strip(),
            is_default=None if element.get("isDefault") is None else _flag(element.get("isDefault")),
        )
    if not any(endpoint.binding == HTTP_POST for endpoint in found.values()):
        raise Refused("The metadata has no AssertionConsumerService with the HTTP-POST binding.")
    return tuple(found.values())


def _index(element: etree._Element, position: int) -> int:
    text = element.get("index", "").strip()
    # unsignedShort in the schema; a missing one is counted, as the schema's authors meant it.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else position


def _slo(sp: etree._Element, problems: list[str]) -> tuple[SloEndpoint, ...]:
    return tuple(
        SloEndpoint(
            binding=element.get("Binding", "").strip(),
            location=_location(element.get("Location"), problems),
            response_location=_location(element.get("ResponseLocation"), problems)
            if element.get("ResponseLocation")
            else "",
        )
        for element in _all(sp, "md:SingleLogoutService")
    )


def _location(text: str | None, problems: list[str]) -> str:
    location = (text or "").strip()
    if any(not letter.isprintable() or letter in ' \\"<>`{}|^' for letter in location):
        raise Refused("The metadata names an address with characters that addresses cannot have.")
    parts = _plain_address(location)
    if parts is None:
        raise Refused("The metadata names an address that is not a plain http or https address.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        problems.append(Remark("Answers to %(address)s travel unencrypted (http).", address=_shown(location)))
    return location


def _plain_address(location: str) -> SplitResult | None:
    """Return the parts of an http or https address with a host and without a user name."""
    try:
        parts = urlsplit(location)
        port = parts.port
    except ValueError:
        return None
    plain = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    return parts if plain and port != 0 else None


# Formats and attributes ----------------------------------------------------------------------
def _formats(sp: etree._Element) -> tuple[str, ...]:
    return tuple(text for element in _all(sp, "md:NameIDFormat") if (text := (element.text or "").strip()))


def _attribute_sets(sp: etree._Element) -> tuple[AttributeSet, ...]:
    return tuple(
        AttributeSet(
            index=_index(service, position),
            wanted=_attributes(service, required=False),
            required=_attributes(service, required=True),
            is_default=_flag(service.get("isDefault")),
        )
        for position, service in enumerate(_all(sp, "md:AttributeConsumingService"))
    )


def _attributes(service: etree._Element, *, required: bool) -> tuple[str, ...]:
    requested = _all(service, "md:RequestedAttribute")[:_MOST_ATTRIBUTES]
    meant = (each for each in requested if not required or _flag(each.get("isRequired")))
    return tuple(dict.fromkeys(name for each in meant if (name := each.get("Name", "").strip())))


# Reading ----------------------------------------------------------------------------------------
def _all(element: etree._Element, path: str) -> Sequence[etree._Element]:
    return element.findall(path, _NAMES)


def _flag(text: str | None) -> bool:
    return (text or "").strip() in ("true", "1")


def _shown(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[
        :_LONGEST_NAME
    ]
