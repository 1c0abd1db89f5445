"""Read a service provider's SAML metadata into the settings of a partner.

Strict about what would let a stranger in (addresses, expiry, whose metadata it is), forgiving
about the rest: what could not be used is said in `problems`, for the administrator to judge.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from idp.core.errors import BadMessage, Refused
from idp.partners.documents import LIMIT, Document, Signature, expiry, open_document
from idp.partners.remarks import Remark
from idp.partners.saml import HTTP_POST, AcsEndpoint, SamlSettings, SloEndpoint
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
_FEWEST_RSA_BITS = 2048
_PLACE = re.compile(r"(?:Element|element) '(?:\{[^}]*\})?([A-Za-z]{1,60})'")


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
        certificates=_certificates(sp, problems),
        name_id_formats=_formats(sp),
        authn_requests_signed=_flag(sp.get("AuthnRequestsSigned")),
    )
    if settings.authn_requests_signed and not settings.certificates:
        raise Refused(
            "The metadata says that requests are signed, but holds no certificate to check them with."
        )
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


# Keys and formats -------------------------------------------------------------------------------
def _certificates(sp: etree._Element, problems: list[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for descriptor in _all(sp, "md:KeyDescriptor"):
        # Without use a key serves both purposes (metadata 2.4.1.1): leaving it out would switch
        # signature checks off.
        if descriptor.get("use", "signing").strip() != "signing":
            continue
        texts = [
            element.text or "" for element in _all(descriptor, "ds:KeyInfo/ds:X509Data/ds:X509Certificate")
        ]
        if not texts:
            problems.append(Remark("A signing key without a certificate was ignored."))
        found.update((pem, None) for text in texts for pem in _certificate(text, problems))
    return tuple(found)


def _certificate(text: str, problems: list[str]) -> Iterator[str]:
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))
        key = certificate.public_key()
    except (ValueError, binascii.Error, UnsupportedAlgorithm, x509.InvalidVersion):
        problems.append(Remark("A certificate could not be read and was ignored."))
        return
    if isinstance(key, RSAPublicKey) and key.key_size < _FEWEST_RSA_BITS:
        problems.append(
            Remark(
                "A signing key has only %(bits)s bits; %(enough)s or more are safe.",
                bits=str(key.key_size),
                enough=str(_FEWEST_RSA_BITS),
            )
        )
    elif not isinstance(key, (RSAPublicKey, EllipticCurvePublicKey)):
        problems.append(Remark("A certificate with a key that is neither RSA nor elliptic was ignored."))
        return
    yield certificate.public_bytes(Encoding.PEM).decode()


def _formats(sp: etree._Element) -> tuple[str, ...]:
    return tuple(text for element in _all(sp, "md:NameIDFormat") if (text := (element.text or "").strip()))


# Reading ----------------------------------------------------------------------------------------
def _all(element: etree._Element, path: str) -> Sequence[etree._Element]:
    return element.findall(path, _NAMES)


def _flag(text: str | None) -> bool:
    return (text or "").strip() in ("true", "1")


def _shown(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[
        :_LONGEST_NAME
    ]
